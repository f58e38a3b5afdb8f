import { run } from "../../core/device.js";
import type { Tensor } from "../../core/tensor.js";
import { matchShapes } from "../shared/match-shapes.js";

/**
 * SiLU (swish): y = x s, s = sigmoid(x) = 1 / (1 + e^-x), elementwise.
 * Backward: dx = dy s (1 + x (1 - s)).
 * Shapes: any.
 * Source: Elfwing, Uchibe and Doya (2017), Sigmoid-Weighted Linear Units, equations 5 and 6.
 */
export const silu = {
  /** y = x sigmoid(x). Throws ShapeError for an empty x. */
  forward(x: Tensor): Tensor {
    const { "...": n } = matchShapes("silu", { x: [x, "..."] });
    return run("unary", { x }, { op: "silu", n }, {}, x.shape);
  },

  /** dx = dy s (1 + x (1 - s)). Throws ShapeError. */
  backward(dy: Tensor, x: Tensor): Tensor {
    const { "...": n } = matchShapes("silu.backward", { x: [x, "..."], dy: [dy, "..."] });
    const size = [1, 1, n] as const;
    return run("binary", { a: dy, b: x }, { op: "siluGrad", size, a: size, b: size }, {}, x.shape);
  },
};
