import type { Tensor } from "../../core/tensor.js";
import { binary } from "../shared/binary.js";
import { matchShapes } from "../shared/match-shapes.js";
import { unary } from "../shared/unary.js";

/** Slope below 0. */
export interface LeakyReluOptions {
  /** Slope below 0; 0.01 unless given. */
  slope?: number;
}

/**
 * Leaky rectified linear unit: y = x where x > 0, else slope x, elementwise.
 * Backward: dx = dy where x > 0, else slope dy.
 * Shapes: any.
 * Source: Maas, Hannun and Ng (2013), Rectifier Nonlinearities Improve Neural Network Acoustic Models, equation 2.
 */
export const leakyRelu = {
  /** y = x where x > 0, else slope x. Throws ShapeError for an empty x. */
  forward(x: Tensor, { slope = 0.01 }: LeakyReluOptions = {}): Tensor {
    matchShapes("leakyRelu", { x: [x, "..."] });
    return unary("leakyRelu", x, slope);
  },

  /** dx = dy where x > 0, else slope dy. Throws ShapeError. */
  backward(dy: Tensor, x: Tensor, { slope = 0.01 }: LeakyReluOptions = {}): Tensor {
    matchShapes("leakyRelu.backward", { x: [x, "..."], dy: [dy, "..."] });
    return binary("leakyReluGrad", dy, x, slope);
  },
};
