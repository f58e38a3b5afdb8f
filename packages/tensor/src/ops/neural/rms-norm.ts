import type { Tensor } from "../../core/tensor.js";
import { divide, maximum, multiply, subtract } from "../array/arithmetic.js";
import { sumTo } from "../shared/broadcast.js";
import { greaterEqual } from "../array/compare.js";
import { matchShapes } from "../shared/match-shapes.js";
import { sum } from "../array/reduce.js";
import { sqrt, square } from "../array/unary.js";

/** What keeps the length away from 0. */
export interface RmsNormOptions {
  /** Smallest length that is divided by; 1e-12 unless given. */
  eps?: number;
}

/**
 * RMS normalisation: each row (the last axis) goes to length sqrt(C), then every channel gets its gain:
 *   xhat = x / max(||x||, eps), y = sqrt(C) g xhat.
 * Backward, with h = sqrt(C) g dy and the sum over the row (left out where ||x|| < eps, as the divisor is constant there):
 *   dx = (h - xhat sum(h xhat)) / max(||x||, eps), dg = sqrt(C) sum over rows of dy xhat.
 * Shapes: x [..., C], g [C].
 * Source: Zhang and Sennrich (2019), Root Mean Square Layer Normalization, equation 4, in the form of lucidrains' U-Net.
 */
export const rmsNorm = {
  /** y = sqrt(C) g x / max(||x||, eps), in the shape of x. Throws ShapeError. */
  forward(x: Tensor, g: Tensor, { eps = 1e-12 }: RmsNormOptions = {}): Tensor {
    const { C } = matchShapes("rmsNorm", { x: [x, "... C"], g: [g, "C"] });
    return x.device.scope(() => multiply(divide(x, maximum(lengths(x), eps)), multiply(g, Math.sqrt(C))));
  },

  /** Gradients of the input and of the gain. Throws ShapeError. */
  backward(dy: Tensor, x: Tensor, g: Tensor, { eps = 1e-12 }: RmsNormOptions = {}): { dx: Tensor; dg: Tensor } {
    const { C } = matchShapes("rmsNorm.backward", { x: [x, "... C"], dy: [dy, "... C"], g: [g, "C"] });
    return x.device.scope(() => {
      const length = lengths(x);                                                                    // [..., 1]
      const divisor = maximum(length, eps);
      const xhat = divide(x, divisor);
      const h = multiply(dy, multiply(g, Math.sqrt(C)));
      const along = multiply(rowSum(multiply(h, xhat)), greaterEqual(length, eps));                 // the part of h along x
      const dx = divide(subtract(h, multiply(xhat, along)), divisor);
      return { dx, dg: multiply(sumTo(multiply(dy, xhat), [C]), Math.sqrt(C)) };
    });
  },
};

/** ||x|| of each row. [..., C] -> [..., 1]. */
function lengths(x: Tensor): Tensor {
  return sqrt(rowSum(square(x)));
}

function rowSum(x: Tensor): Tensor {
  return sum(x, { axes: -1, keepDims: true });
}
