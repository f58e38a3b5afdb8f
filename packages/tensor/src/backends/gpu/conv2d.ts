/**
 * Convolution and its two adjoints, as sums over taps. A tap (i, j) joins output pixel (p, q) and input pixel
 * (r, t) = (stride p + i - top, stride q + j - left); taps that fall into the padding meet zeros and are skipped, once for all
 * channels. Rows are pixels (n, p, q), columns are channels.
 */
import { convOutput, type Conv2dAttrs, type Kernel } from "../../kernels.js";
import { launch, withScratch, type GpuArray } from "./engine.js";
import { permute } from "./layout.js";
import { reduce } from "./reduce.js";
import { line, matrix } from "./space.js";

export const conv2d: Kernel<"conv2d", GpuArray> = (y, { x, w }, attrs) => convolve(y, { x, w }, attrs);

/** y = conv2d(x, w) + bias, in one kernel. */
export const conv2dBias: Kernel<"conv2dBias", GpuArray> = (y, { x, w, bias }, attrs) => convolve(y, { x, w, bias }, attrs);

/** The sizes by name, as the bodies below use them. */
function sizesOf(attrs: Conv2dAttrs): Record<string, number> {
  const { h, w, cin, kh, kw, cout, stride, pad: [top, , left] } = attrs;
  const [oh, ow] = convOutput(attrs);
  return { h, w, cin, kh, kw, cout, stride, top, left, oh, ow };
}

/** y[n, p, q, o] = sum over taps (i, j) and channels c of x[n, r, t, c] weight[i, j, c, o] */
function convolve(y: GpuArray, { x, w: weight, bias }: { x: GpuArray; w: GpuArray; bias?: GpuArray }, attrs: Conv2dAttrs): void {
  const { n, h, w, cin, kh, kw, cout } = attrs;
  const [oh, ow] = convOutput(attrs);
  launch(y, {
    kernel: bias === undefined ? "conv2d" : "conv2dBias",
    output: matrix(n * oh * ow, cout),
    inputs: {
      x: [x, matrix(n * h * w, cin)], weight: [weight, matrix(kh * kw * cin, cout)],
      ...(bias === undefined ? {} : { bias: [bias, line(cout)] as const }),
    },
    sizes: sizesOf(attrs),
    body: `
  const np = div(row, ow);
  const q = row - np * ow;
  const n = div(np, oh);
  const p = np - n * oh;
  let sum$ = ${bias === undefined ? "0" : "bias[col$]"};
  for (let i = 0; i < kh; i++) {
    const r = stride * p + i - top;
    if (r >= 0 && r < h) {
      for (let j = 0; j < kw; j++) {
        const t = stride * q + j - left;
        if (t >= 0 && t < w) {
          const pixel = (n * h + r) * w + t;
          const tap = (i * kw + j) * cin;
          for (let c = 0; c < cin; c++) {
            const v = x[pixel, c];
            sum$ += v * weight[tap + c, col$];
          }
        }
      }
    }
  }
  return [sum$];`,
  });
}

/**
 * dx[n, r, t, c] = sum over the taps (i, j) that lead to an output pixel (p, q), and over o, of dy[n, p, q, o] weight[i, j, c, o].
 * The weights are transposed to [i, j, o, c] first, so that neighbouring threads, which differ in c, read neighbouring numbers.
 */
export const conv2dGradInput: Kernel<"conv2dGradInput", GpuArray> = (dx, { dy, w: weight }, attrs) => {
  const { n, h, w, cin, kh, kw, cout } = attrs;
  const [oh, ow] = convOutput(attrs);
  withScratch(dx, [weight.size], (transposed) => {
    permute(transposed, { x: weight }, { shape: [kh * kw, cin, cout], order: [0, 2, 1] }, {});
    launch(dx, {
      kernel: "conv2dGradInput",
      output: matrix(n * h * w, cin),
      inputs: { dy: [dy, matrix(n * oh * ow, cout)], weight: [transposed, matrix(kh * kw * cout, cin)] },
      sizes: sizesOf(attrs),
      body: `
  const nr = div(row, w);
  const t = row - nr * w;
  const n = div(nr, h);
  const r = nr - n * h;
  let sum$ = 0;
  for (let i = 0; i < kh; i++) {
    const p = div(r + top - i, stride);
    if (p >= 0 && p < oh && p * stride === r + top - i) {
      for (let j = 0; j < kw; j++) {
        const q = div(t + left - j, stride);
        if (q >= 0 && q < ow && q * stride === t + left - j) {
          const pixel = (n * oh + p) * ow + q;
          const tap = (i * kw + j) * cout;
          for (let o = 0; o < cout; o++) {
            const v = dy[pixel, o];
            sum$ += v * weight[tap + o, col$];
          }
        }
      }
    }
  }
  return [sum$];`,
    });
  });
};

/** Threads that keep a GPU busy, and image rows that one thread sums at least. */
const ENOUGH_THREADS = 1 << 16;
const LEAST_PIXELS = 64;

/**
 * dw[i, j, c, o] = sum over output pixels (n, p, q) of x[n, r, t, c] dy[n, p, q, o]. There are few weights and many pixels, so the
 * image rows (n, p) are split into chunks, fixed by the shape, whose sums are added afterwards.
 */
export const conv2dGradWeight: Kernel<"conv2dGradWeight", GpuArray> = (dw, { x, dy }, attrs) => {
  const { n, h, w, cin, kh, kw, cout } = attrs;
  const [oh, ow] = convOutput(attrs);
  const weights = kh * kw * cin * cout;
  const wanted = Math.min(Math.ceil(ENOUGH_THREADS / weights), Math.ceil(n * oh * ow / LEAST_PIXELS));
  const length = Math.ceil(n * oh / wanted);
  const chunks = Math.ceil(n * oh / length);
  const sumChunk = (y: GpuArray): void => launch(y, {
    kernel: "conv2dGradWeight",
    output: matrix(chunks * kh * kw * cin, cout),
    inputs: { x: [x, matrix(n * h * w, cin)], dy: [dy, matrix(n * oh * ow, cout)] },
    sizes: { ...sizesOf(attrs), length, imageRows: n * oh },
    body: `
  const above = div(row, cin);
  const c = row - above * cin;
  const chunk = div(above, kh * kw);
  const tap = above - chunk * kh * kw;
  const i = div(tap, kw);
  const j = tap - i * kw;
  let sum$ = 0;
  for (let l = 0; l < length; l++) {
    const np = chunk * length + l;
    const n = div(np, oh);
    const r = stride * (np - n * oh) + i - top;
    if (np < imageRows && r >= 0 && r < h) {
      const pixel = (n * h + r) * w + j - left;
      for (let q = 0; q < ow; q++) {
        const t = stride * q + j - left;
        if (t >= 0 && t < w) {
          const v = x[pixel + stride * q, c];
          sum$ += v * dy[np * ow + q, col$];
        }
      }
    }
  }
  return [sum$];`,
  });
  if (chunks === 1) {
    sumChunk(dw);
    return;
  }
  withScratch(dw, [chunks * weights], (partial) => {
    sumChunk(partial);
    reduce(dw, { x: partial }, { outer: 1, axis: chunks, inner: weights, op: "sum" }, {});
  });
};
