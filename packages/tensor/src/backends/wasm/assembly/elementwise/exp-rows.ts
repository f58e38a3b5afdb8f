import { EXP_CONSTANTS, NEGATIVE_EXP_CONSTANTS } from "./exp";
import { storeLanes } from "../gemm/pack";
import { multiplyAdd, storePair } from "../variant";

/*
 * The rows that need an exponential for each element: SiLU, its gradient, both behind a normalisation, and softmax. They share
 * one loop, in which the constants of the exponential stay in registers (loading them in each turn takes half as long again).
 * Vectors are taken in pairs, with all loads before the stores, as V8's revectorizer needs it.
 */

@inline const SIGMOID: i32 = 0;
@inline const SILU: i32 = 1;
@inline const SILU_GRAD: i32 = 2;
@inline const NORM_SILU: i32 = 3;
@inline const NORM_SILU_GRAD: i32 = 4;
@inline export const SOFTMAX: i32 = 5;

@inline
function hasNorm(kind: i32): bool {
  return kind == NORM_SILU || kind == NORM_SILU_GRAD;
}

/** The argument of SiLU or sigmoid, or that of softmax's exponential. */
@inline
function argument(kind: i32, x: v128, scale: usize, shift: usize, top: v128, at: usize): v128 {
  if (kind == SOFTMAX) return f32x4.sub(x, top);
  return hasNorm(kind) ? multiplyAdd(x, v128.load(scale + at), v128.load(shift + at)) : x;
}

/** z held between -88 and 87.3; for softmax, where it is never above 0, from -87.3. */
@inline
export function held(kind: i32, z: v128, low: v128, high: v128): v128 {
  return kind == SOFTMAX ? f32x4.pmax(z, low) : f32x4.pmin(f32x4.pmax(z, low), high);
}

/**
 * e^-t, for softmax e^t: `expInRange` in exp.ts by the constants of the one or the other, with fewer products that wait for each
 * other. A fused product is exact, so n ln 2 need not come in two parts there: ln2High is all of it.
 */
@inline
export function power(
  kind: i32, t: v128, log2e: v128, round: v128, ln2High: v128, ln2Low: v128, c5: v128, c4: v128, c3: v128, c2: v128, one: v128,
): v128 {
  const n = multiplyAdd(t, log2e, round), whole = f32x4.sub(n, round);
  let r = multiplyAdd(whole, ln2High, t);
  if (!ASC_FEATURE_RELAXED_SIMD) r = multiplyAdd(whole, ln2Low, r);
  const square = f32x4.mul(r, r), p = multiplyAdd(multiplyAdd(c5, r, c4), square, multiplyAdd(c3, r, c2));
  const mantissa = multiplyAdd(p, square, kind == SOFTMAX ? f32x4.add(one, r) : f32x4.sub(one, r));
  return i32x4.add(mantissa, i32x4.shl(n, 23));
}

/**
 * The row's result from z and e = e^-z (softmax: e^z, less a little more than e^-87.3, so that what was held is 0). dy silu'(z) =
 * dy s (1 + z (1 - s)), s = 1 / (1 + e), 1 - s = e s.
 */
@inline
export function result(kind: i32, z: v128, e: v128, dy: usize, one: v128, tiny: v128, at: usize): v128 {
  if (kind == SOFTMAX) return f32x4.pmax(f32x4.sub(e, tiny), f32x4.splat(0));
  if (kind == SIGMOID) return f32x4.div(one, f32x4.add(one, e));
  if (kind == SILU || kind == NORM_SILU) return f32x4.div(z, f32x4.add(one, e));
  const s = f32x4.div(one, f32x4.add(one, e));
  return f32x4.mul(f32x4.mul(v128.load(dy + at), s), multiplyAdd(z, f32x4.mul(e, s), one));
}

/**
 * One row of n numbers; `kind` is a constant at each call. What the addresses mean is said at the functions below; those which a
 * kind does not use are 0.
 */
@inline
function row(kind: i32, x: usize, dy: usize, y: usize, scale: usize, shift: usize, top: v128, n: i32): void {
  const C = kind == SOFTMAX ? EXP_CONSTANTS : NEGATIVE_EXP_CONSTANTS;
  const log2e = v128.load32_splat(C), round = v128.load32_splat(C, 4);
  const ln2Low = v128.load32_splat(C, 12);
  const ln2High = ASC_FEATURE_RELAXED_SIMD ? f32x4.add(v128.load32_splat(C, 8), ln2Low) : v128.load32_splat(C, 8);
  const c5 = v128.load32_splat(C, 16), c4 = v128.load32_splat(C, 20);
  const c3 = v128.load32_splat(C, 24), c2 = v128.load32_splat(C, 28);
  const one = v128.load32_splat(C, 32), low = v128.load32_splat(C, 36), high = v128.load32_splat(C, 40);
  const tiny = kind == SOFTMAX ? v128.load32_splat(C, 80) : one;
  while (n >= 8) {
    const x0 = v128.load(x), x1 = v128.load(x, 16);
    const z0 = argument(kind, x0, scale, shift, top, 0), z1 = argument(kind, x1, scale, shift, top, 16);
    const t0 = held(kind, z0, low, high), t1 = held(kind, z1, low, high);
    const e0 = power(kind, t0, log2e, round, ln2High, ln2Low, c5, c4, c3, c2, one);
    const e1 = power(kind, t1, log2e, round, ln2High, ln2Low, c5, c4, c3, c2, one);
    const y0 = result(kind, z0, e0, dy, one, tiny, 0), y1 = result(kind, z1, e1, dy, one, tiny, 16);
    storePair(y, y0, y1);
    if (hasNorm(kind)) scale += 32, shift += 32;
    x += 32, dy += 32, y += 32;
    n -= 8;
  }
  while (n > 0) { // the last one or two vectors
    const z = argument(kind, v128.load(x), scale, shift, top, 0);
    const e = power(kind, held(kind, z, low, high), log2e, round, ln2High, ln2Low, c5, c4, c3, c2, one);
    storeLanes(y, result(kind, z, e, dy, one, tiny, 0), min(4, n));
    if (hasNorm(kind)) scale += 16, shift += 16;
    x += 16, dy += 16, y += 16;
    n -= 4;
  }
}

/** y = 1 / (1 + e^-x) */
export function sigmoidRow(x: usize, y: usize, n: i32): void {
  row(SIGMOID, x, 0, y, 0, 0, f32x4.splat(0), n);
}

/** y = x / (1 + e^-x) */
export function siluRow(x: usize, y: usize, n: i32): void {
  row(SILU, x, 0, y, 0, 0, f32x4.splat(0), n);
}

/** y = dy silu'(x) */
export function siluGradRow(dy: usize, x: usize, y: usize, n: i32): void {
  row(SILU_GRAD, x, dy, y, 0, 0, f32x4.splat(0), n);
}

/** y = silu(scale x + shift), scale and shift for each element. */
export function normSiluRow(x: usize, scale: usize, shift: usize, y: usize, n: i32): void {
  row(NORM_SILU, x, 0, y, scale, shift, f32x4.splat(0), n);
}

/** dz = dy silu'(z), z = scale x + shift. */
export function normSiluGradRow(dy: usize, x: usize, scale: usize, shift: usize, dz: usize, n: i32): void {
  row(NORM_SILU_GRAD, x, dy, dz, scale, shift, f32x4.splat(0), n);
}

/** y = e^(x - top), zero where that is below 1.3e-38. `top` is the address of one number. */
export function softmaxTermsRow(x: usize, top: usize, y: usize, n: i32): void {
  row(SOFTMAX, x, 0, y, 0, 0, v128.load32_splat(top), n);
}
