/**
 * Hyperbolic tangent: y = tanh x, elementwise.
 * Backward, from the output y: dx = dy (1 - y^2).
 * Shapes: any.
 * Source: LeCun et al. (1998), Efficient BackProp, section 4.4.
 */
import type { Tensor } from "../../core/tensor.js";
import { binary } from "../shared/binary.js";
import { matchShapes } from "../shared/match-shapes.js";
import { unary } from "../shared/unary.js";

function forward(x: Tensor): Tensor {
  return unary("tanh", x);
}

function backward(dy: Tensor, y: Tensor): Tensor {
  matchShapes("tanh.backward", { y: [y, "..."], dy: [dy, "..."] });
  return binary("tanhGrad", dy, y);
}

/** y = tanh x. `tanh.backward(dy, y)` gives dx = dy (1 - y^2), y the output; it throws ShapeError. */
export const tanh = Object.assign(forward, { forward, backward });
