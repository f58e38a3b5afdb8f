/**
 * Logistic sigmoid: y = 1 / (1 + e^-x), elementwise.
 * Backward, from the output y: dx = dy y (1 - y).
 * Shapes: any.
 * Source: Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors, equation 2.
 */
import type { Tensor } from "../../core/tensor.js";
import { binary } from "../shared/binary.js";
import { matchShapes } from "../shared/match-shapes.js";
import { unary } from "../shared/unary.js";

function forward(x: Tensor): Tensor {
  return unary("sigmoid", x);
}

function backward(dy: Tensor, y: Tensor): Tensor {
  matchShapes("sigmoid.backward", { y: [y, "..."], dy: [dy, "..."] });
  return binary("sigmoidGrad", dy, y);
}

/** y = 1 / (1 + e^-x). `sigmoid.backward(dy, y)` gives dx = dy y (1 - y), y the output; it throws ShapeError. */
export const sigmoid = Object.assign(forward, { forward, backward });
