/** Nearest upsampling and sum pooling by a whole factor: each is the adjoint of the other. */
import type { NumberArray } from "../../../core/backend.js";
import type { KernelTable } from "../../../kernels/contract.js";

export const resampling = {
  upsampleNearest({ y }, { x }, { n: batch, h, w, c, scale }) {
    const [oh, ow] = [h * scale, w * scale];
    for (let n = 0; n < batch; n++) {
      for (let p = 0; p < oh; p++) {
        const r = Math.floor(p / scale);
        for (let q = 0; q < ow; q++) {
          const from = ((n * h + r) * w + Math.floor(q / scale)) * c;
          y.set(x.subarray(from, from + c), ((n * oh + p) * ow + q) * c);
        }
      }
    }
  },

  sumPool({ y }, { x }, { n: batch, h, w, c: channels, scale }) {
    const [oh, ow] = [h / scale, w / scale];
    const sum = new Float64Array(channels);
    for (let n = 0; n < batch; n++) {
      for (let p = 0; p < oh; p++) {
        for (let q = 0; q < ow; q++) {
          sum.fill(0);
          for (let i = 0; i < scale; i++) {
            for (let j = 0; j < scale; j++) {
              const from = ((n * h + scale * p + i) * w + scale * q + j) * channels;
              for (let c = 0; c < channels; c++) sum[c] += x[from + c];
            }
          }
          y.set(sum, ((n * oh + p) * ow + q) * channels);
        }
      }
    }
  },
} satisfies Pick<KernelTable<NumberArray>, "upsampleNearest" | "sumPool">;
