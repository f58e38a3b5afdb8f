/** Layout kernels: they move numbers and, but for scatterAdd, compute nothing. */
import type { NumberArray } from "../../../core/backend.js";
import type { KernelTable } from "../../../kernels/contract.js";
import { stridesOf } from "../../../core/shape.js";

export const layout = {
  expand({ y }, { x }, { outer, axis, inner }) {
    for (let o = 0; o < outer; o++) {
      const row = x.subarray(o * inner, (o + 1) * inner);
      for (let a = 0; a < axis; a++) y.set(row, (o * axis + a) * inner);
    }
  },

  /** Walks y in order, one loop an axis; a step along axis j of y is a step along axis order[j] of x. */
  permute({ y }, { x }, { shape, order }) {
    const strides = stridesOf(shape);
    let at = 0;
    const walk = (j: number, from: number): void => {
      if (j === order.length) {
        y[at++] = x[from];
        return;
      }
      const size = shape[order[j]];
      const stride = strides[order[j]];
      for (let k = 0; k < size; k++) walk(j + 1, from + k * stride);
    };
    walk(0, 0);
  },

  slice({ y }, { x }, { outer, axis, inner, size }, { start }) {
    for (let o = 0; o < outer; o++) {
      const from = (o * axis + start) * inner;
      y.set(x.subarray(from, from + size * inner), o * size * inner);
    }
  },

  pad({ y }, { x }, { outer, axis, inner, before, after }, { value }) {
    y.fill(value);
    for (let o = 0; o < outer; o++) {
      const row = x.subarray(o * axis * inner, (o + 1) * axis * inner);
      y.set(row, (o * (before + axis + after) + before) * inner);
    }
  },

  concat({ y }, { a, b }, { outer, axisA, axisB, inner }) {
    const lengthA = axisA * inner;
    const lengthB = axisB * inner;
    for (let o = 0; o < outer; o++) {
      const at = o * (lengthA + lengthB);
      y.set(a.subarray(o * lengthA, (o + 1) * lengthA), at);
      y.set(b.subarray(o * lengthB, (o + 1) * lengthB), at + lengthA);
    }
  },

  gather({ y }, { x, index }, { outer, axis, inner, count }) {
    for (let o = 0; o < outer; o++) {
      for (let j = 0; j < count; j++) {
        const from = (o * axis + index[j]) * inner;
        y.set(x.subarray(from, from + inner), (o * count + j) * inner);
      }
    }
  },

  /** The adjoint of gather: what was taken several times is added up, in the order of j. */
  scatterAdd({ y }, { x, index }, { outer, axis, inner, count }) {
    const sum = new Float64Array(axis * inner);
    for (let o = 0; o < outer; o++) {
      sum.fill(0);
      for (let j = 0; j < count; j++) {
        const to = index[j] * inner;
        const from = (o * count + j) * inner;
        for (let i = 0; i < inner; i++) sum[to + i] += x[from + i];
      }
      y.set(sum, o * axis * inner);
    }
  },
} satisfies Pick<KernelTable<NumberArray>, "expand" | "permute" | "slice" | "pad" | "concat" | "gather" | "scatterAdd">;
