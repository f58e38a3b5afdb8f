/**
 * Convolution and its two adjoints, as sums over taps. A tap (i, j) joins output pixel (p, q) and input pixel
 * (r, t) = (stride p + i - top, stride q + j - left); taps that fall into the padding meet zeros and are skipped.
 */
import type { NumberArray } from "../../../core/backend.js";
import { convOutput, type KernelTable } from "../../../kernels/contract.js";

/** The taps i in 0 .. taps - 1 for which start + i is in 0 .. size - 1: [first, end). */
function tapsInside(start: number, taps: number, size: number): [first: number, end: number] {
  return [Math.max(0, -start), Math.min(taps, size - start)];
}

function isIndex(p: number, size: number): boolean {
  return p >= 0 && p < size && Number.isInteger(p);
}

export const convolutions = {
  /** y[n, p, q, :] = sum over taps (i, j) and channels c of x[n, r, t, c] w[i, j, c, :] */
  conv2d({ y }, { x, w: weight }, attrs) {
    const { n: batch, h, w, cin, kh, kw, cout, stride, pad: [top, , left] } = attrs;
    const [oh, ow] = convOutput(attrs);
    const sum = new Float64Array(cout);
    for (let n = 0; n < batch; n++) {
      for (let p = 0; p < oh; p++) {
        const r0 = stride * p - top;
        const [iFirst, iEnd] = tapsInside(r0, kh, h);
        for (let q = 0; q < ow; q++) {
          const t0 = stride * q - left;
          const [jFirst, jEnd] = tapsInside(t0, kw, w);
          sum.fill(0);
          for (let i = iFirst; i < iEnd; i++) {
            for (let j = jFirst; j < jEnd; j++) {
              const xAt = ((n * h + r0 + i) * w + t0 + j) * cin;
              const wAt = (i * kw + j) * cin * cout;
              for (let c = 0; c < cin; c++) {
                const xc = x[xAt + c];
                for (let o = 0; o < cout; o++) sum[o] += xc * weight[wAt + c * cout + o];
              }
            }
          }
          y.set(sum, ((n * oh + p) * ow + q) * cout);
        }
      }
    }
  },

  /** dx[n, r, t, c] = sum over the taps (i, j) that lead to an output pixel (p, q), and over o, of dy[n, p, q, o] w[i, j, c, o] */
  conv2dGradInput({ dx }, { dy, w: weight }, attrs) {
    const { n: batch, h, w, cin, kh, kw, cout, stride, pad: [top, , left] } = attrs;
    const [oh, ow] = convOutput(attrs);
    const sum = new Float64Array(cin);
    for (let n = 0; n < batch; n++) {
      for (let r = 0; r < h; r++) {
        for (let t = 0; t < w; t++) {
          sum.fill(0);
          for (let i = 0; i < kh; i++) {
            const p = (r + top - i) / stride;
            if (!isIndex(p, oh)) continue;
            for (let j = 0; j < kw; j++) {
              const q = (t + left - j) / stride;
              if (!isIndex(q, ow)) continue;
              const dyAt = ((n * oh + p) * ow + q) * cout;
              const wAt = (i * kw + j) * cin * cout;
              for (let c = 0; c < cin; c++) {
                let dot = 0;
                for (let o = 0; o < cout; o++) dot += dy[dyAt + o] * weight[wAt + c * cout + o];
                sum[c] += dot;
              }
            }
          }
          dx.set(sum, ((n * h + r) * w + t) * cin);
        }
      }
    }
  },

  /** dw[i, j, :, :] = sum over output pixels (n, p, q) of the outer product of x[n, r, t, :] and dy[n, p, q, :] */
  conv2dGradWeight({ dw }, { x, dy }, attrs) {
    const { n: batch, h, w, cin, kh, kw, cout, stride, pad: [top, , left] } = attrs;
    const [oh, ow] = convOutput(attrs);
    const sum = new Float64Array(cin * cout);
    for (let i = 0; i < kh; i++) {
      for (let j = 0; j < kw; j++) {
        sum.fill(0);
        for (let n = 0; n < batch; n++) {
          for (let p = 0; p < oh; p++) {
            const r = stride * p + i - top;
            if (!isIndex(r, h)) continue;
            for (let q = 0; q < ow; q++) {
              const t = stride * q + j - left;
              if (!isIndex(t, w)) continue;
              const xAt = ((n * h + r) * w + t) * cin;
              const dyAt = ((n * oh + p) * ow + q) * cout;
              for (let c = 0; c < cin; c++) {
                const xc = x[xAt + c];
                for (let o = 0; o < cout; o++) sum[c * cout + o] += xc * dy[dyAt + o];
              }
            }
          }
        }
        dw.set(sum, (i * kw + j) * cin * cout);
      }
    }
  },
} satisfies Pick<KernelTable<NumberArray>, "conv2d" | "conv2dGradInput" | "conv2dGradWeight">;
