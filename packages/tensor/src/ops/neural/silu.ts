import type { Tensor } from "../../core/tensor.js";
import { binary } from "../shared/binary.js";
import { matchShapes } from "../shared/match-shapes.js";
import { unary } from "../shared/unary.js";

/**
 * SiLU (swish): y = x s, s = sigmoid(x) = 1 / (1 + e^-x), elementwise.
 * Backward: dx = dy s (1 + x (1 - s)).
 * Shapes: any.
 * Source: Elfwing, Uchibe and Doya (2017), Sigmoid-Weighted Linear Units, equations 5 and 6.
 */
export const silu = {
  /** y = x sigmoid(x). Throws ShapeError for an empty x. */
  forward(x: Tensor): Tensor {
    matchShapes("silu", { x: [x, "..."] });
    return unary("silu", x);
  },

  /** dx = dy s (1 + x (1 - s)). Throws ShapeError. */
  backward(dy: Tensor, x: Tensor): Tensor {
    matchShapes("silu.backward", { x: [x, "..."], dy: [dy, "..."] });
    return binary("siluGrad", dy, x);
  },
};
