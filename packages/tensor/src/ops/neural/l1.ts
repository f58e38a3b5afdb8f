import type { Tensor } from "../../core/tensor.js";
import { divide, multiply, subtract } from "../array/arithmetic.js";
import { mean } from "../array/reduce.js";
import { abs, negative, sign } from "../array/unary.js";
import { matchShapes } from "../shared/match-shapes.js";

/**
 * Mean absolute error: y = mean(|a - b|) over all elements.
 * Backward: da = (dy / n) sign(a - b), db = -da, n the number of elements; 0 where a = b, as PyTorch has it.
 * Shapes: a and b equal, y and dy scalars [].
 * Source: Boscovich (1757); as a loss of diffusion models Saharia et al. (2022), Palette, section 3 (L1).
 */
export const l1 = {
  /** mean(|a - b|) as a scalar []. Throws ShapeError. */
  forward(a: Tensor, b: Tensor): Tensor {
    matchShapes("l1", { a: [a, "..."], b: [b, "..."] });
    return a.device.scope(() => mean(abs(subtract(a, b))));
  },

  /** da = (dy / n) sign(a - b), db = -da; dy [] is the gradient of the loss itself. Throws ShapeError. */
  backward(dy: Tensor, a: Tensor, b: Tensor): { da: Tensor; db: Tensor } {
    const { "...": n } = matchShapes("l1.backward", { a: [a, "..."], b: [b, "..."], dy: [dy, ""] });
    return a.device.scope(() => {
      const da = multiply(sign(subtract(a, b)), divide(dy, n));
      return { da, db: negative(da) };
    });
  },
};
