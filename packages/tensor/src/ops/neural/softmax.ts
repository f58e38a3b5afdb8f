import { run } from "../../core/device.js";
import { normalizeAxis } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { transpose } from "../array/layout.js";
import { matchShapes } from "../shared/match-shapes.js";

/** The axis over which values sum to 1; default the last. */
export interface SoftmaxOptions { axis?: number }

/**
 * Softmax along one axis: y_j = e^(x_j) / sum over k of e^(x_k), computed from x - max(x).
 * Backward, from the output y: dx = y (dy - sum over j of dy_j y_j).
 * Shapes: any of rank >= 1; the axis is the last unless given (kernels work on the last one: others are moved there and back).
 * Source: Bridle (1990), Training stochastic model recognition algorithms as networks.
 */
export const softmax = {
  /** y = softmax(x) along the axis, in the shape of x. Throws ShapeError. */
  forward(x: Tensor, { axis = -1 }: SoftmaxOptions = {}): Tensor {
    const { n, "...": rows } = matchShapes("softmax", { x: [x, "... n"] });
    const last = normalizeAxis("softmax", axis, x.rank) === x.rank - 1;
    if (last) return run("softmax", { x }, { rows, n }, {}, { y: x.shape }).y;
    return x.device.scope(() => transpose(softmax.forward(transpose(x, axis, -1)), axis, -1));
  },

  /** dx = y (dy - sum of dy y), y the output of forward. Throws ShapeError. */
  backward(dy: Tensor, y: Tensor, { axis = -1 }: SoftmaxOptions = {}): Tensor {
    const { n, "...": rows } = matchShapes("softmax.backward", { y: [y, "... n"], dy: [dy, "... n"] });
    const last = normalizeAxis("softmax.backward", axis, y.rank) === y.rank - 1;
    if (last) return run("softmaxGrad", { dy, y }, { rows, n }, {}, { dx: y.shape }).dx;
    return y.device.scope(() => transpose(softmax.backward(transpose(dy, axis, -1), transpose(y, axis, -1)), axis, -1));
  },
};
