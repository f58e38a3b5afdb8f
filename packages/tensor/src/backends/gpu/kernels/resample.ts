/** Nearest upsampling and sum pooling by a whole factor: each is the adjoint of the other. Rows are pixels, columns channels. */
import type { KernelTable } from "../../../kernels/contract.js";
import { launch, type GpuArray } from "../engine/engine.js";
import { matrix } from "../engine/space.js";

export const resampling = {
  /** y[n, p, q, c] = x[n, floor(p / scale), floor(q / scale), c] */
  upsampleNearest({ y }, { x }, { n, h, w, c, scale }) {
    const ow = w * scale;
    launch(y, {
      kernel: "upsampleNearest", output: matrix(n * h * scale * ow, c), inputs: { x: [x, matrix(n * h * w, c)] },
      sizes: { w, ow, scale },
      body: `
  const np = div(row, ow);
  const q = row - np * ow;
  return x[div(np, scale) * w + div(q, scale), col];`, // (n h scale + p) / scale = n h + p / scale
    });
  },

  /** y[n, p, q, c] = sum over i, j < scale of x[n, scale p + i, scale q + j, c] */
  sumPool({ y }, { x }, { n, h, w, c, scale }) {
    const ow = w / scale;
    launch(y, {
      kernel: "sumPool", output: matrix(n * (h / scale) * ow, c), inputs: { x: [x, matrix(n * h * w, c)] }, sizes: { w, ow, scale },
      body: `
  const np = div(row, ow);
  const q = row - np * ow;
  let sum = 0;
  for (let i = 0; i < scale; i++) {
    for (let j = 0; j < scale; j++) {
      sum += x[(np * scale + i) * w + q * scale + j, col];
    }
  }
  return sum;`,
    });
  },
} satisfies Pick<KernelTable<GpuArray>, "upsampleNearest" | "sumPool">;
