import type { Tensor } from "../../core/tensor.js";
import { binary } from "../shared/binary.js";
import { matchShapes } from "../shared/match-shapes.js";
import { unary } from "../shared/unary.js";

/**
 * Rectified linear unit: y = max(x, 0), elementwise; NaN stays NaN.
 * Backward: dx = dy where x > 0, else 0.
 * Shapes: any.
 * Source: Nair and Hinton (2010), Rectified Linear Units Improve Restricted Boltzmann Machines, section 2.
 */
export const relu = {
  /** y = max(x, 0). Throws ShapeError for an empty x. */
  forward(x: Tensor): Tensor {
    matchShapes("relu", { x: [x, "..."] });
    return unary("relu", x);
  },

  /** dx = dy where x > 0, else 0. Throws ShapeError. */
  backward(dy: Tensor, x: Tensor): Tensor {
    matchShapes("relu.backward", { x: [x, "..."], dy: [dy, "..."] });
    return binary("reluGrad", dy, x);
  },
};
