/** Reductions of one axis. Sums run in index order and in doubles, and are rounded once, on store. */
import type { NumberArray } from "../../../core/backend.js";
import type { KernelTable, ReduceOp } from "../../../kernels/contract.js";

/** Folds the `count` elements x[from], x[from + step], ... to one number. */
type Fold = (x: NumberArray, from: number, count: number, step: number) => number;

const folds: Readonly<Record<ReduceOp, Fold>> = {
  sum: (x, from, count, step) => {
    let sum = 0;
    for (let a = 0; a < count; a++) sum += x[from + a * step];
    return sum;
  },
  max: (x, from, count, step) => {
    let max = x[from];
    for (let a = 1; a < count; a++) max = Math.max(max, x[from + a * step]);
    return max;
  },
  min: (x, from, count, step) => {
    let min = x[from];
    for (let a = 1; a < count; a++) min = Math.min(min, x[from + a * step]);
    return min;
  },
  /** The first maximum; the first NaN, where there is one. */
  argmax: (x, from, count, step) => {
    let best = 0;
    let max = x[from];
    for (let a = 1; a < count && !Number.isNaN(max); a++) {
      const value = x[from + a * step];
      if (value > max || Number.isNaN(value)) {
        best = a;
        max = value;
      }
    }
    return best;
  },
};

export const reductions = {
  reduce({ y }, { x }, { outer, axis, inner, op }) {
    const fold = folds[op];
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) y[o * inner + i] = fold(x, o * axis * inner + i, axis, inner);
    }
  },

  sumSquares({ y }, { x }) {
    let sum = 0;
    for (const values of x) for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
    y[0] = sum;
  },
} satisfies Pick<KernelTable<NumberArray>, "reduce" | "sumSquares">;
