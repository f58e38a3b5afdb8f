import {
  ABS, AFFINE, CLIP, GELU_GRAD, LEAKY_RELU, NEGATIVE, POWER, RELU, SIGN, SILU_GRAD, SQUARE,
} from "../generated/codes";
import { erf as errorFunction, gelu as geluOf, geluSlope } from "./erf";
import { copySign, exp as exponential, one, tanh as hyperbolicTangent } from "./exp";
import { siluGradRow as siluGradNeighbours } from "./exp-rows";
import { LINE, LINE_ELEMENTS } from "./loops";
import { GRAIN, multiplyAdd } from "../variant";

/*
 * The elementwise operations, each under its own name in `unaryOps` and `binaryOps` (kernels/elementwise.ts): a function of one vector
 * and the numbers p and q, or of two vectors and the number p; or `...Row`, a loop of its own over n neighbours. The build makes the
 * loops and the dispatch: an operation that is missing here does not compile.
 */
export { sigmoidRow, siluRow } from "./exp-rows";

/** Elements in a chunk of a unary operation: fewer where each takes a function. */
export function unaryGrain(op: i32): i32 {
  const light = op == NEGATIVE || op == ABS || op == SIGN || op == SQUARE || op == AFFINE || op == CLIP
    || op == RELU || op == LEAKY_RELU;
  return light ? GRAIN : GRAIN / 4;
}

/** Elements in a chunk of a binary operation. */
export function binaryGrain(op: i32): i32 {
  return op == POWER || op == SILU_GRAD || op == GELU_GRAD ? GRAIN / 4 : GRAIN;
}

// Of one vector.

@inline export function negative(x: v128, _p: v128, _q: v128): v128 { return f32x4.neg(x); }
@inline export function abs(x: v128, _p: v128, _q: v128): v128 { return f32x4.abs(x); }
@inline export function square(x: v128, _p: v128, _q: v128): v128 { return f32x4.mul(x, x); }
@inline export function sqrt(x: v128, _p: v128, _q: v128): v128 { return f32x4.sqrt(x); }
@inline export function reciprocal(x: v128, _p: v128, _q: v128): v128 { return f32x4.div(one(), x); }
@inline export function exp(x: v128, _p: v128, _q: v128): v128 { return exponential(x); }
@inline export function tanh(x: v128, _p: v128, _q: v128): v128 { return hyperbolicTangent(x); }
@inline export function erf(x: v128, _p: v128, _q: v128): v128 { return errorFunction(x); }
@inline export function gelu(x: v128, _p: v128, _q: v128): v128 { return geluOf(x); }

/** Zeros and NaN are their own sign. */
@inline
export function sign(x: v128, _p: v128, _q: v128): v128 {
  return v128.bitselect(copySign(one(), x), x, v128.or(f32x4.lt(x, f32x4.splat(0)), f32x4.gt(x, f32x4.splat(0))));
}

/** p x + q */
@inline export function affine(x: v128, p: v128, q: v128): v128 { return multiplyAdd(p, x, q); }
/** min(max(x, p), q); NaN stays NaN. */
@inline export function clip(x: v128, p: v128, q: v128): v128 { return f32x4.min(f32x4.max(x, p), q); }
/** x / p */
@inline export function over(x: v128, p: v128, _q: v128): v128 { return f32x4.div(x, p); }
/** 0 where x <= 0, else x; NaN stays NaN. */
@inline export function relu(x: v128, _p: v128, _q: v128): v128 { return v128.andnot(x, f32x4.le(x, f32x4.splat(0))); }
/** x where x > 0, else p x. */
@inline export function leakyRelu(x: v128, p: v128, _q: v128): v128 {
  return v128.bitselect(x, f32x4.mul(p, x), f32x4.gt(x, f32x4.splat(0)));
}

// Rare in training: one lane at a time.

@inline
export function log(x: v128, _p: v128, _q: v128): v128 {
  return lanes(Mathf.log(lane(x, 0)), Mathf.log(lane(x, 1)), Mathf.log(lane(x, 2)), Mathf.log(lane(x, 3)));
}

@inline
export function sin(x: v128, _p: v128, _q: v128): v128 {
  return lanes(Mathf.sin(lane(x, 0)), Mathf.sin(lane(x, 1)), Mathf.sin(lane(x, 2)), Mathf.sin(lane(x, 3)));
}

@inline
export function cos(x: v128, _p: v128, _q: v128): v128 {
  return lanes(Mathf.cos(lane(x, 0)), Mathf.cos(lane(x, 1)), Mathf.cos(lane(x, 2)), Mathf.cos(lane(x, 3)));
}

/** x^p */
@inline
export function raise(x: v128, p: v128, _q: v128): v128 {
  return pow(x, p);
}

// Of two vectors.

@inline export function add(a: v128, b: v128, _p: v128): v128 { return f32x4.add(a, b); }
@inline export function subtract(a: v128, b: v128, _p: v128): v128 { return f32x4.sub(a, b); }
@inline export function multiply(a: v128, b: v128, _p: v128): v128 { return f32x4.mul(a, b); }
@inline export function divide(a: v128, b: v128, _p: v128): v128 { return f32x4.div(a, b); }
@inline export function power(a: v128, b: v128, _p: v128): v128 { return pow(a, b); }
@inline export function maximum(a: v128, b: v128, _p: v128): v128 { return f32x4.max(a, b); }
@inline export function minimum(a: v128, b: v128, _p: v128): v128 { return f32x4.min(a, b); }
@inline export function equal(a: v128, b: v128, _p: v128): v128 { return v128.and(one(), f32x4.eq(a, b)); }
@inline export function notEqual(a: v128, b: v128, _p: v128): v128 { return v128.and(one(), f32x4.ne(a, b)); }
@inline export function less(a: v128, b: v128, _p: v128): v128 { return v128.and(one(), f32x4.lt(a, b)); }
@inline export function lessEqual(a: v128, b: v128, _p: v128): v128 { return v128.and(one(), f32x4.le(a, b)); }
@inline export function greater(a: v128, b: v128, _p: v128): v128 { return v128.and(one(), f32x4.gt(a, b)); }
@inline export function greaterEqual(a: v128, b: v128, _p: v128): v128 { return v128.and(one(), f32x4.ge(a, b)); }
@inline export function reluGrad(dy: v128, x: v128, _p: v128): v128 { return v128.and(dy, f32x4.gt(x, f32x4.splat(0))); }
@inline export function leakyReluGrad(dy: v128, x: v128, p: v128): v128 {
  return v128.bitselect(dy, f32x4.mul(p, dy), f32x4.gt(x, f32x4.splat(0)));
}
@inline export function tanhGrad(dy: v128, y: v128, _p: v128): v128 { return f32x4.mul(dy, f32x4.sub(one(), f32x4.mul(y, y))); }
@inline export function sigmoidGrad(dy: v128, y: v128, _p: v128): v128 { return f32x4.mul(f32x4.mul(dy, y), f32x4.sub(one(), y)); }
@inline export function geluGrad(dy: v128, x: v128, _p: v128): v128 { return f32x4.mul(dy, geluSlope(x)); }

/** y = dy silu'(x): the whole row at once, or a line at a time where one of the operands is repeated. */
export function siluGradRow(dy: usize, stepDy: usize, x: usize, stepX: usize, y: usize, n: i32): void {
  const piece = stepDy != 0 && stepX != 0 ? n : LINE_ELEMENTS;
  for (; n > 0; n -= piece, dy += stepDy, x += stepX, y += LINE) siluGradNeighbours(dy, x, y, min(piece, n));
}

/** a^b, lane by lane. */
@inline
function pow(a: v128, b: v128): v128 {
  return lanes(
    Mathf.pow(lane(a, 0), lane(b, 0)), Mathf.pow(lane(a, 1), lane(b, 1)),
    Mathf.pow(lane(a, 2), lane(b, 2)), Mathf.pow(lane(a, 3), lane(b, 3)),
  );
}

@inline
function lane(x: v128, i: i32): f32 {
  if (i == 0) return f32x4.extract_lane(x, 0);
  if (i == 1) return f32x4.extract_lane(x, 1);
  if (i == 2) return f32x4.extract_lane(x, 2);
  return f32x4.extract_lane(x, 3);
}

@inline
function lanes(x0: f32, x1: f32, x2: f32, x3: f32): v128 {
  return f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(x0), 1, x1), 2, x2), 3, x3);
}
