import { ConfigError } from "../../core/errors.js";
import type { Tensor } from "../../core/tensor.js";
import { multiply, subtract } from "../array/arithmetic.js";
import { clip } from "../array/clip.js";
import { matchShapes } from "../shared/match-shapes.js";
import { mean } from "../array/reduce.js";
import { negative } from "../array/unary.js";

/** Where squares end and distances begin. */
export interface HuberOptions {
  /** Where the square turns into a line; 1 unless given, > 0. */
  delta?: number;
}

/**
 * Huber loss: the mean over all elements of z^2 / 2 where |z| <= delta, else delta (|z| - delta / 2), with z = a - b.
 * With c = clip(z, -delta, delta) both cases are c (z - c / 2).
 * Backward: da = (dy / n) c, db = -da, n the number of elements.
 * Shapes: a and b equal, y and dy scalars [].
 * Source: Huber (1964), Robust Estimation of a Location Parameter.
 */
export const huber = {
  /** mean(c (z - c / 2)) as a scalar []. Throws ShapeError, ConfigError. */
  forward(a: Tensor, b: Tensor, { delta = 1 }: HuberOptions = {}): Tensor {
    matchShapes("huber", { a: [a, "..."], b: [b, "..."] });
    checkDelta("huber", delta);
    return a.device.scope(() => {
      const z = subtract(a, b);
      const c = clip(z, -delta, delta);
      return mean(multiply(c, subtract(z, multiply(c, 0.5))));
    });
  },

  /** da = (dy / n) c, db = -da; dy [] is the gradient of the loss itself. Throws ShapeError, ConfigError. */
  backward(dy: Tensor, a: Tensor, b: Tensor, { delta = 1 }: HuberOptions = {}): { da: Tensor; db: Tensor } {
    const { "...": n } = matchShapes("huber.backward", { a: [a, "..."], b: [b, "..."], dy: [dy, ""] });
    checkDelta("huber.backward", delta);
    return a.device.scope(() => {
      const da = multiply(clip(subtract(a, b), -delta, delta), multiply(dy, 1 / n));
      return { da, db: negative(da) };
    });
  },
};

function checkDelta(op: string, delta: number): void {
  if (!(delta > 0)) throw new ConfigError(`${op}: delta is ${delta}`, ["allowed  > 0"]);
}
