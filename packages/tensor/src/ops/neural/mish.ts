import type { Tensor } from "../../core/tensor.js";
import { add, divide, multiply, subtract } from "../array/arithmetic.js";
import { square } from "../array/unary.js";
import { matchShapes } from "../shared/match-shapes.js";
import { sigmoid } from "./sigmoid.js";

/**
 * Mish: y = x w, w = tanh(ln(1 + e^x)), elementwise. With s = sigmoid(x) it is w = s (2 - s) / (1 + (1 - s)^2), which neither overflows
 * nor loses digits where x is far from 0.
 * Backward: dx = dy (w + x s (1 - w^2)).
 * Shapes: any.
 * Source: Misra (2019), Mish: A Self Regularized Non-Monotonic Activation Function, equation 1.
 */
export const mish = {
  /** y = x tanh(ln(1 + e^x)). Throws ShapeError for an empty x. */
  forward(x: Tensor): Tensor {
    matchShapes("mish", { x: [x, "..."] });
    return x.device.scope(() => multiply(x, gate(sigmoid(x))));
  },

  /** dx = dy (w + x s (1 - w^2)). Throws ShapeError. */
  backward(dy: Tensor, x: Tensor): Tensor {
    matchShapes("mish.backward", { x: [x, "..."], dy: [dy, "..."] });
    return x.device.scope(() => {
      const s = sigmoid(x), w = gate(s);
      return multiply(dy, add(w, multiply(multiply(x, s), subtract(1, square(w)))));
    });
  },
};

/** w from s. */
function gate(s: Tensor): Tensor {
  return divide(multiply(s, subtract(2, s)), add(square(subtract(1, s)), 1));
}
