import type { Tensor } from "../../core/tensor.js";
import { multiply, subtract } from "../array/arithmetic.js";
import { reshape } from "../array/layout.js";
import { matchShapes } from "../shared/match-shapes.js";
import { sumSquares } from "../array/norm.js";
import { negative } from "../array/unary.js";

/**
 * Mean squared error: y = mean((a - b)^2) over all elements.
 * Backward: da = (2 dy / n) (a - b), db = -da, n the number of elements.
 * Shapes: a and b equal, y and dy scalars [].
 * Source: Ho et al. (2020), Denoising Diffusion Probabilistic Models, equation 14 (L_simple, a = epsTheta, b = epsilon).
 */
export const mse = {
  /** mean((a - b)^2) as a scalar []. Throws ShapeError. */
  forward(a: Tensor, b: Tensor): Tensor {
    const { "...": n } = matchShapes("mse", { a: [a, "..."], b: [b, "..."] });
    return a.device.scope(() => reshape(multiply(sumSquares(subtract(a, b)), 1 / n), []));
  },

  /** da = (2 dy / n) (a - b), db = -da; dy [] is the gradient of the loss itself. Throws ShapeError. */
  backward(dy: Tensor, a: Tensor, b: Tensor): { da: Tensor; db: Tensor } {
    const { "...": n } = matchShapes("mse.backward", { a: [a, "..."], b: [b, "..."], dy: [dy, ""] });
    return a.device.scope(() => {
      const da = multiply(subtract(a, b), multiply(dy, 2 / n));
      return { da, db: negative(da) };
    });
  },
};
