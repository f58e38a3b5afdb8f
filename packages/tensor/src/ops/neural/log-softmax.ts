import type { Tensor } from "../../core/tensor.js";
import { multiply, subtract } from "../array/arithmetic.js";
import { max, sum } from "../array/reduce.js";
import { exp, log } from "../array/unary.js";
import { matchShapes } from "../shared/match-shapes.js";
import type { SoftmaxOptions } from "./softmax.js";

/**
 * The logarithm of softmax along one axis: y_j = x_j - log(sum over k of e^(x_k)), computed from x - max(x), so that neither a large
 * logit overflows nor a small probability becomes log 0.
 * Backward, from the output y: dx = dy - e^y sum over j of dy_j.
 * Shapes: any of rank >= 1; the axis is the last unless given.
 * Source: Bridle (1990), Training stochastic model recognition algorithms as networks.
 */
export const logSoftmax = {
  /** y = log(softmax(x)) along the axis, in the shape of x. Throws ShapeError. */
  forward(x: Tensor, { axis = -1 }: SoftmaxOptions = {}): Tensor {
    matchShapes("logSoftmax", { x: [x, "... n"] });
    return x.device.scope(() => {
      const z = subtract(x, max(x, { axes: axis, keepDims: true }));
      return subtract(z, log(sum(exp(z), { axes: axis, keepDims: true })));
    });
  },

  /** dx = dy - e^y sum of dy, y the output of forward. Throws ShapeError. */
  backward(dy: Tensor, y: Tensor, { axis = -1 }: SoftmaxOptions = {}): Tensor {
    matchShapes("logSoftmax.backward", { y: [y, "... n"], dy: [dy, "... n"] });
    return y.device.scope(() => subtract(dy, multiply(exp(y), sum(dy, { axes: axis, keepDims: true }))));
  },
};
