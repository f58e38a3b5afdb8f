/** Layout kernels: they move numbers and, but for scatterAdd, compute nothing. */
import type { NumberArray } from "../../../core/backend.js";
import type { Kernel } from "../../../kernels/contract.js";
import { stridesOf } from "../../../core/shape.js";

export const expand: Kernel<"expand", NumberArray> = (y, { x }, { outer, axis, inner }) => {
  for (let o = 0; o < outer; o++) {
    const row = x.subarray(o * inner, (o + 1) * inner);
    for (let a = 0; a < axis; a++) y.set(row, (o * axis + a) * inner);
  }
};

/** Walks y in order, one loop an axis; a step along axis j of y is a step along axis order[j] of x. */
export const permute: Kernel<"permute", NumberArray> = (y, { x }, { shape, order }) => {
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
};

export const slice: Kernel<"slice", NumberArray> = (y, { x }, { outer, axis, inner, size }, { start }) => {
  for (let o = 0; o < outer; o++) {
    const from = (o * axis + start) * inner;
    y.set(x.subarray(from, from + size * inner), o * size * inner);
  }
};

export const pad: Kernel<"pad", NumberArray> = (y, { x }, { outer, axis, inner, before, after }, { value }) => {
  y.fill(value);
  for (let o = 0; o < outer; o++) {
    const row = x.subarray(o * axis * inner, (o + 1) * axis * inner);
    y.set(row, (o * (before + axis + after) + before) * inner);
  }
};

export const concat: Kernel<"concat", NumberArray> = (y, { a, b }, { outer, axisA, axisB, inner }) => {
  const lengthA = axisA * inner;
  const lengthB = axisB * inner;
  for (let o = 0; o < outer; o++) {
    const at = o * (lengthA + lengthB);
    y.set(a.subarray(o * lengthA, (o + 1) * lengthA), at);
    y.set(b.subarray(o * lengthB, (o + 1) * lengthB), at + lengthA);
  }
};

export const gather: Kernel<"gather", NumberArray> = (y, { x, index }, { outer, axis, inner, count }) => {
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < count; j++) {
      const from = (o * axis + index[j]) * inner;
      y.set(x.subarray(from, from + inner), (o * count + j) * inner);
    }
  }
};

/** The adjoint of gather: what was taken several times is added up, in the order of j. */
export const scatterAdd: Kernel<"scatterAdd", NumberArray> = (y, { x, index }, { outer, axis, inner, count }) => {
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
};
