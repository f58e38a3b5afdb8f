/** Softmax over rows [rows, n] and its backward. */
import type { NumberArray } from "../../../core/backend.js";
import type { KernelTable } from "../../../kernels/contract.js";

export const softmaxes = {
  /** The maximum is subtracted first, so that no exponential overflows; it cancels in the quotient. */
  softmax({ y }, { x }, { rows, n }) {
    const e = new Float64Array(n);
    for (let r = 0; r < rows; r++) {
      let max = -Infinity;
      for (let j = 0; j < n; j++) max = Math.max(max, x[r * n + j]);
      let sum = 0;
      for (let j = 0; j < n; j++) {
        e[j] = Math.exp(x[r * n + j] - max);
        sum += e[j];
      }
      for (let j = 0; j < n; j++) y[r * n + j] = e[j] / sum;
    }
  },

  /** dy[j]/dx[i] = y[j] ([i = j] - y[i]), hence dx = y (dy - sum of dy y). */
  softmaxGrad({ dx }, { dy, y }, { rows, n }) {
    for (let r = 0; r < rows; r++) {
      let dot = 0;
      for (let j = 0; j < n; j++) dot += dy[r * n + j] * y[r * n + j];
      for (let j = 0; j < n; j++) dx[r * n + j] = y[r * n + j] * (dy[r * n + j] - dot);
    }
  },
} satisfies Pick<KernelTable<NumberArray>, "softmax" | "softmaxGrad">;
