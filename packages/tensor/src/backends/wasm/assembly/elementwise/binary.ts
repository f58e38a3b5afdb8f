import { GELU_GRAD, POWER, SILU_GRAD } from "../generated/codes";
import { geluSlope } from "./erf";
import { one } from "./exp";
import { siluGradRow as siluGradNeighbours } from "./exp-rows";
import { pow } from "./unary";
import { GRAIN } from "../variant";

/*
 * The binary operations, each under its own name in `binaryOps` (kernels/elementwise.ts): a function of two vectors and the number
 * p, or `...Row`, a loop of its own over n elements.
 */

/** Elements in a chunk: fewer where each takes a function. */
export function binaryGrain(op: i32): i32 {
  return op == POWER || op == SILU_GRAD || op == GELU_GRAD ? GRAIN / 4 : GRAIN;
}

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
@inline export function geluGrad(dy: v128, x: v128, _p: v128): v128 { return f32x4.mul(dy, geluSlope(x)); }

/** y = dy silu'(x): the whole row at once, or a vector at a time where one of the operands is repeated. */
export function siluGradRow(dy: usize, stepDy: usize, x: usize, stepX: usize, y: usize, n: i32): void {
  const piece = stepDy != 0 && stepX != 0 ? n : 4;
  for (; n > 0; n -= piece, dy += stepDy, x += stepX, y += 16) siluGradNeighbours(dy, x, y, min(piece, n));
}
