/** Softmax over rows [rows, n] and its backward. What belongs to a whole row is computed once for the row. */
import type { KernelTable } from "../../../kernels/contract.js";
import { launch, withScratch, type GpuArray } from "../engine/engine.js";
import { line, matrix } from "../engine/space.js";

export const softmaxes = {
  /** y = exp(x - max) / sum of exp(x - max): the maximum is subtracted so that no exponential overflows. */
  softmax({ y }, { x }, { rows, n }) {
    const space = matrix(rows, n);
    withScratch(y, [rows, rows], (max, sum) => {
      launch(max, {
        kernel: "softmax (max)", output: line(rows), inputs: { x: [x, space] }, sizes: { n },
        body: `
  let best = x[index, 0];
  for (let j = 1; j < n; j++) {
    best = max(best, x[index, j]);
  }
  return best;`,
      });
      launch(sum, {
        kernel: "softmax (sum)", output: line(rows), inputs: { x: [x, space], largest: [max, line(rows)] }, sizes: { n },
        body: `
  const top = largest[index];
  let sum = 0;
  for (let j = 0; j < n; j++) {
    sum += exp(x[index, j] - top);
  }
  return sum;`,
      });
      launch(y, {
        kernel: "softmax", output: space, inputs: { x: [x, space], largest: [max, line(rows)], total: [sum, line(rows)] },
        body: "return exp(x[row, col] - largest[row]) / total[row];",
      });
    });
  },

  /** dx = y (dy - sum over j of dy y) */
  softmaxGrad({ dx }, { dy, y }, { rows, n }) {
    const space = matrix(rows, n);
    withScratch(dx, [rows], (dots) => {
      launch(dots, {
        kernel: "softmaxGrad (dot)", output: line(rows), inputs: { dy: [dy, space], y: [y, space] }, sizes: { n },
        body: `
  let dot = 0;
  for (let j = 0; j < n; j++) {
    dot += dy[index, j] * y[index, j];
  }
  return dot;`,
      });
      launch(dx, {
        kernel: "softmaxGrad", output: space, inputs: { dy: [dy, space], y: [y, space], dots: [dots, line(rows)] },
        body: "return y[row, col] * (dy[row, col] - dots[row]);",
      });
    });
  },
} satisfies Pick<KernelTable<GpuArray>, "softmax" | "softmaxGrad">;
