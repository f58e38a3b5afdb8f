/**
 * Softmax along one axis: y_j = e^(x_j) / sum over k of e^(x_k), computed from x - max(x).
 * Backward, from the output y: dx = y (dy - sum over j of dy_j y_j).
 * Shapes: any of rank >= 1; the axis is the last unless given.
 * Source: Bridle (1990), Training stochastic model recognition algorithms as networks.
 */
import { run } from "../device.js";
import { foldAxis, normalizeAxis } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { matchShapes } from "./match-shapes.js";

export interface SoftmaxOptions { axis?: number }

export const softmax = {
  /** y = softmax(x) along the axis, in the shape of x. Throws ShapeError. */
  forward(x: Tensor, { axis = -1 }: SoftmaxOptions = {}): Tensor {
    matchShapes("softmax", { x: [x, "... n"] });
    return x.device.scope(() => {
      const rows = axisLast(x, normalizeAxis("softmax", axis, x.rank));
      const [r, n] = [x.size / rows.n, rows.n];
      return rows.restore(run("softmax", { x: rows.of(x) }, { rows: r, n }, {}, [r, n]));
    });
  },

  /** dx = y (dy - sum of dy y), y the output of forward. Throws ShapeError. */
  backward(dy: Tensor, y: Tensor, { axis = -1 }: SoftmaxOptions = {}): Tensor {
    matchShapes("softmax.backward", { y: [y, "..."], dy: [dy, "..."] });
    return y.device.scope(() => {
      const rows = axisLast(y, normalizeAxis("softmax.backward", axis, y.rank));
      const [r, n] = [y.size / rows.n, rows.n];
      return rows.restore(run("softmaxGrad", { dy: rows.of(dy), y: rows.of(y) }, { rows: r, n }, {}, [r, n]));
    });
  },
};

/** Moves an axis of tensors shaped like `like` to the end, where the kernels want it, and back; nothing moves when it is there. */
function axisLast(like: Tensor, axis: number): { n: number; of: (x: Tensor) => Tensor; restore: (rows: Tensor) => Tensor } {
  const [outer, n, inner] = foldAxis(like.shape, axis);
  const order = [0, 2, 1];
  return {
    n,
    of: (x) => (inner === 1 ? x : run("permute", { x }, { shape: [outer, n, inner], order }, {}, [outer, inner, n])),
    restore: (rows) => inner === 1
      ? rows.device.reshape(rows, like.shape)
      : run("permute", { x: rows }, { shape: [outer, inner, n], order }, {}, like.shape),
  };
}
