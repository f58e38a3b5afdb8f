/**
 * Convolution and its two adjoints, over quads of pixels (quads.ts): a thread computes four neighbouring pixels of one channel, or
 * four neighbouring taps of one pair of channels, so that what it loads once serves in several products. The images are padded
 * with zeros first, so that no loop asks where it is.
 */
import { convOutput, type Conv2dAttrs, type KernelTable } from "../../../kernels/contract.js";
import { launch, withScratch, type GpuArray } from "../engine/engine.js";
import {
  groupsOf, imageSize, packImage, packTaps, tapsSize, unpackImage, unpackTaps, type QuadImage, type Taps,
} from "../notation/quads.js";
import { quads } from "../engine/space.js";

interface Convolution {
  /** The image that is convolved, its padding included. */
  readonly from: Omit<QuadImage, "rows" | "across">;
  readonly taps: Taps;
  readonly flipped: boolean;
  readonly stride: number;
  /** Height and width of the result. */
  readonly oh: number;
  readonly ow: number;
}

/** Name of number k of the quads a0, a1, ... */
const part = (name: string, k: number): string => `${name}${k >> 2}.${"xyzw"[k & 3]}`;
const range = (n: number): number[] => Array.from({ length: n }, (_, k) => k);

/** Source text that adds products to a thread's result number k. */
const addTo = (k: number, products: readonly string[]): string => `sum${k} += ${products.join(" + ")};`;

/** Quads of x that a thread needs for four results, `stride` pixels apart, of `taps` taps. */
const quadsFor = (stride: number, taps: number): number => ((3 * stride + taps - 1) >> 2) + 1;

/** Source text that loads `count` quads of x, `apart` from each other. */
const loads = (name: string, x: string, at: string, count: number, apart: string): string =>
  range(count).map((k) => `quad ${name}${k} = ${x}[${at}${k === 0 ? "" : ` + ${k} * ${apart}`}];`).join("\n      ");

interface Operands { readonly x: GpuArray; readonly w: GpuArray; readonly bias?: GpuArray | undefined }

function convolve(y: GpuArray, { x, w, bias }: Operands, { from, taps, flipped, stride, oh, ow }: Convolution): void {
  const { n } = from;
  const { kh, kw } = taps;
  const [cin, cout] = flipped ? [taps.cout, taps.cin] : [taps.cin, taps.cout];
  const groups = groupsOf(taps);
  const across = Math.ceil(ow / 4);
  const count = quadsFor(stride, kw);
  const image: QuadImage = { ...from, rows: (oh - 1) * stride + kh, across: (across - 1) * stride + count };
  const pixelSum = (k: number): string => addTo(k, range(kw).map((j) => `${part("a", k * stride + j)} * ${part("w", j)}`));
  withScratch(y, [imageSize(image), tapsSize(taps), 4 * n * oh * across * cout], (pixels, weights, sums) => {
    packImage(pixels, x, image);
    packTaps(weights, w, taps, flipped);
    launch(sums, {
      kernel: "conv2d", specialised: true, output: quads(n * oh * across, cout),
      inputs: { x: [pixels, quads(n * image.rows * image.across, cin)], weight: [weights, quads(kh * groups * cin, cout)] },
      sizes: { kh, cin, cout, taps: groups * cin * cout, stride, oh, across, rows: image.rows, width: image.across },
      body: `
  int np = div(row, across);
  int n = div(np, oh);
  let sum$ = 0;
  for (let i = 0; i < kh; i++) {
    int at = ((n * rows + (np - n * oh) * stride + i) * width + (row - np * across) * stride) * cin;
    int tap = i * taps + col;
    for (let c = 0; c < cin; c++) {
      ${loads("a", "x", "at", count, "cin")}
      ${loads("w", "weight", "tap", groups, "cin * cout")}
      ${range(4).map(pixelSum).join("\n      ")}
      at += 1;
      tap += cout;
    }
  }
  return [sum$];`,
    });
    unpackImage(y, sums, bias, { n, h: oh, w: ow, c: cout, across });
  });
}

function forward(y: GpuArray, { x, w, bias }: Operands, attrs: Conv2dAttrs): void {
  const { stride, pad: [top, , left] } = attrs;
  const [oh, ow] = convOutput(attrs);
  const from = { n: attrs.n, h: attrs.h, w: attrs.w, c: attrs.cin, top, left, spread: 1 };
  convolve(y, { x, w, bias }, { from, taps: attrs, flipped: false, stride, oh, ow });
}

/** Threads that keep a GPU busy, and quads of pixels that one thread sums at least. */
const ENOUGH_THREADS = 1 << 14;
const LEAST_QUADS = 16;

export const convolutions = {
  /** y[n, p, q, o] = sum over taps (i, j) and channels c of x[n, stride p + i - top, stride q + j - left, c] w[i, j, c, o] */
  conv2d({ y }, inputs, attrs) {
    forward(y, inputs, attrs);
  },

  /** y = conv2d(x, w) + bias, which is added where the quads are unpacked. */
  conv2dBias({ y }, inputs, attrs) {
    forward(y, inputs, attrs);
  },

  /**
   * dx[n, r, t, c] = sum over the taps (i, j) that lead to an output pixel (p, q), and over o, of dy[n, p, q, o] w[i, j, c, o]: a
   * convolution, with flipped taps, of a dy whose pixels are spread as far apart as the stride.
   */
  conv2dGradInput({ dx }, { dy, w }, attrs) {
    const { n, h, kh, kw, cout, stride, pad: [top, , left] } = attrs;
    const [oh, ow] = convOutput(attrs);
    const from = { n, h: oh, w: ow, c: cout, top: kh - 1 - top, left: kw - 1 - left, spread: stride };
    convolve(dx, { x: dy, w }, { from, taps: attrs, flipped: true, stride: 1, oh: h, ow: attrs.w });
  },

  /**
   * dw[i, j, c, o] = sum over output pixels (n, p, q) of x[n, r, t, c] dy[n, p, q, o]. There are few weights and many pixels, so the
   * image rows (n, p) are split into chunks, fixed by the shape, whose sums are added afterwards.
   */
  conv2dGradWeight({ dw }, { x, dy }, attrs) {
    const { n, h, w, cin, kh, cout, stride, pad: [top, , left] } = attrs;
    const [oh, ow] = convOutput(attrs);
    const groups = groupsOf(attrs);
    const across = Math.ceil(ow / 4);
    const count = quadsFor(stride, 4);
    const image: QuadImage = {
      n, h, w, c: cin, top, left, spread: 1, rows: (oh - 1) * stride + kh, across: (across - 1) * stride + groups - 1 + count,
    };
    const gradient: QuadImage = { n, h: oh, w: ow, c: cout, top: 0, left: 0, spread: 1, rows: oh, across };
    const threads = kh * groups * cin * cout;
    const wanted = Math.min(Math.ceil(ENOUGH_THREADS / threads), Math.ceil(n * oh * across / LEAST_QUADS));
    const length = Math.ceil(n * oh / wanted);
    const chunks = Math.ceil(n * oh / length);
    const tapSum = (j: number): string => addTo(j, range(4).map((k) => `${part("a", k * stride + j)} * ${part("d", k)}`));
    withScratch(dw, [imageSize(image), imageSize(gradient), 4 * chunks * threads], (pixels, slopes, sums) => {
      packImage(pixels, x, image);
      packImage(slopes, dy, gradient);
      launch(sums, {
        kernel: "conv2dGradWeight", specialised: true, output: quads(chunks * kh * groups * cin, cout),
        inputs: { x: [pixels, quads(n * image.rows * image.across, cin)], dy: [slopes, quads(n * oh * across, cout)] },
        sizes: {
          kh, cin, cout, groups, stride, oh, across, rows: image.rows, width: image.across, length, imageRows: n * oh,
          step: stride * cin, slopesInRow: across * cout, tapRows: kh * groups,
        },
        body: `
  int above = div(row, cin);
  int chunk = div(above, tapRows);
  int i = div(above - chunk * tapRows, groups);
  int group = above - (chunk * kh + i) * groups;
  let sum$ = 0;
  for (let l = 0; l < length; l++) {
    int np = chunk * length + l;
    if (np < imageRows) {
      int n = div(np, oh);
      int at = ((n * rows + (np - n * oh) * stride + i) * width + group) * cin + row - above * cin;
      int to = np * slopesInRow + col;
      for (let q = 0; q < across; q++) {
        ${loads("a", "x", "at", count, "cin")}
        quad d0 = dy[to];
        ${range(Math.min(4, attrs.kw)).map(tapSum).join("\n        ")}
        at += step;
        to += cout;
      }
    }
  }
  return [sum$];`,
      });
      unpackTaps(dw, sums, attrs, chunks);
    });
  },
} satisfies Pick<KernelTable<GpuArray>, "conv2d" | "conv2dBias" | "conv2dGradInput" | "conv2dGradWeight">;
