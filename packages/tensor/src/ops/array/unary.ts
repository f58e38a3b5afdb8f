/** Elementwise functions of one tensor; shape and dtype stay. None throws but for a disposed tensor. */
import type { Tensor } from "../../core/tensor.js";
import { unary } from "../shared/unary.js";

/** y = -x. */
export function negative(x: Tensor): Tensor {
  return unary("negative", x);
}

/** y = |x|. */
export function abs(x: Tensor): Tensor {
  return unary("abs", x);
}

/** y = -1, 0 or 1, the sign of x. */
export function sign(x: Tensor): Tensor {
  return unary("sign", x);
}

/** y = x^2. */
export function square(x: Tensor): Tensor {
  return unary("square", x);
}

/** y = the square root of x; NaN for x < 0. */
export function sqrt(x: Tensor): Tensor {
  return unary("sqrt", x);
}

/** y = 1 / x. */
export function reciprocal(x: Tensor): Tensor {
  return unary("reciprocal", x);
}

/** y = e^x. */
export function exp(x: Tensor): Tensor {
  return unary("exp", x);
}

/** y = ln x; -infinity at 0 and NaN for x < 0. */
export function log(x: Tensor): Tensor {
  return unary("log", x);
}

/** y = sin x, x in radians. */
export function sin(x: Tensor): Tensor {
  return unary("sin", x);
}

/** y = cos x, x in radians. */
export function cos(x: Tensor): Tensor {
  return unary("cos", x);
}

/** y = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x. */
export function erf(x: Tensor): Tensor {
  return unary("erf", x);
}
