/** Parameters at the border: PyTorch's layouts in files, channels-last here. */
import type { NumberArray, Shape } from "@fromnoise/tensor";
import type { Parameter } from "./parameter.js";

/** Axis j of the file's array is axis order[j] of ours, but for axes of size 1. */
function fileOrder({ kind, shape }: Parameter): readonly number[] {
  switch (kind) {
    case "conv": return [3, 2, 0, 1];
    case "linear": return [1, 0];
    case "vector": case "table": case "channels": case "array": return shape.map((_, axis) => axis);
  }
}

/** The shape in files: [Cout, Cin, kh, kw] for a convolution, [out, in] for a linear layer, [1, C, 1, 1] for a factor by channel. */
export function fileShape(p: Parameter): number[] {
  const shape = fileOrder(p).map((axis) => p.shape[axis]);
  return p.kind === "channels" ? [1, ...shape, 1, 1] : shape;
}

/** Values of p in our layout -> in PyTorch's. */
export function toFileLayout<A extends NumberArray>(p: Parameter, values: A): A {
  return transposed(values, p.shape, fileOrder(p));
}

/** Values of p in PyTorch's layout -> in ours. */
export function fromFileLayout<A extends NumberArray>(p: Parameter, values: A): A {
  const order = fileOrder(p);
  return transposed(values, order.map((axis) => p.shape[axis]), order.map((_, axis) => order.indexOf(axis)));
}

/** [N, C, H, W] -> [N, H, W, C] */
export function toChannelsLast<A extends NumberArray>(values: A, [n, c, h, w]: Shape): A {
  return transposed(values, [n, c, h, w], [0, 2, 3, 1]);
}

/** [N, H, W, C] -> [N, C, H, W] */
export function toChannelsFirst<A extends NumberArray>(values: A, [n, h, w, c]: Shape): A {
  return transposed(values, [n, h, w, c], [0, 3, 1, 2]);
}

/** y with axis j = axis order[j] of x; x itself where nothing moves. */
function transposed<A extends NumberArray>(x: A, shape: Shape, order: readonly number[]): A {
  if (order.every((axis, j) => axis === j)) return x;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  // Padded with axes of size 1 in front, so that four loops do for every rank.
  const sides = [1, 1, 1, 1, ...order.map((axis) => shape[axis])].slice(-4);
  const steps = [0, 0, 0, 0, ...order.map((axis) => strides[axis])].slice(-4);
  const y = x.slice() as A;
  let at = 0;
  for (let i = 0; i < sides[0]; i++) {
    for (let j = 0; j < sides[1]; j++) {
      for (let k = 0; k < sides[2]; k++) {
        const base = i * steps[0] + j * steps[1] + k * steps[2];
        for (let l = 0; l < sides[3]; l++) y[at++] = x[base + l * steps[3]];
      }
    }
  }
  return y;
}
