import type { Tensor } from "../../core/tensor.js";
import { binary } from "../shared/binary.js";
import { matchShapes } from "../shared/match-shapes.js";
import { unary } from "../shared/unary.js";

/**
 * GELU, exact: y = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2 the distribution function of N(0, 1), elementwise.
 * Backward: dx = dy (Phi(x) + x phi(x)), phi(x) = e^(-x^2 / 2) / sqrt(2 pi) the density.
 * Shapes: any.
 * Source: Hendrycks and Gimpel (2016), Gaussian Error Linear Units, section 2.
 */
export const gelu = {
  /** y = x Phi(x). Throws ShapeError for an empty x. */
  forward(x: Tensor): Tensor {
    matchShapes("gelu", { x: [x, "..."] });
    return unary("gelu", x);
  },

  /** dx = dy (Phi(x) + x phi(x)). Throws ShapeError. */
  backward(dy: Tensor, x: Tensor): Tensor {
    matchShapes("gelu.backward", { x: [x, "..."], dy: [dy, "..."] });
    return binary("geluGrad", dy, x);
  },
};
