import { copySign, expInRange, one } from "./exp";
import { multiplyAdd } from "../variant";

/**
 * The error function on four numbers at once, and the normal distribution made of it, for GELU. The two polynomials were fitted
 * for the least largest relative error.
 */
const CONSTANTS: usize = memory.data<f32>([
  -0.0005631431704387069,  //  0: erf x = x (e0 + e1 x^2 + ... + e5 x^10), |x| <= 1, relative error 4e-8
  0.0049175540916621685,   //  4
  -0.026711314916610718,   //  8
  0.11280180513858795,     // 12
  -0.37612324953079224,    // 16
  1.1283791065216064,      // 20
  0.08454867452383041,     // 24: erfc(u) e^(u^2) = q0 + ... + q8 t^8, t = 1 / (1 + 0.4 u), 0 <= u <= 6, relative error 2e-8
  -0.4484309256076813,     // 28
  0.8058725595474243,      // 32
  -0.5272387266159058,     // 36
  0.5269109606742859,      // 40
  0.0828344076871872,      // 44
  0.253069132566452,       // 48
  0.22224688529968262,     // 52
  0.00018694908067118376,  // 56
  0.4,                     // 60
  6,                       // 64
  0.7071067811865476,      // 68: 1 / sqrt 2
  0.5,                     // 72
  0.3989422804014327,      // 76: 1 / sqrt(2 pi)
]);

@inline
function constant(offset: usize): v128 {
  return v128.load32_splat(CONSTANTS + offset);
}

/** erfc(u) e^(u^2), 0 <= u <= 6. */
@inline
function scaledErfc(u: v128): v128 {
  const t = f32x4.div(one(), multiplyAdd(constant(60), u, one()));
  let p = multiplyAdd(constant(24), t, constant(28));
  p = multiplyAdd(p, t, constant(32));
  p = multiplyAdd(p, t, constant(36));
  p = multiplyAdd(p, t, constant(40));
  p = multiplyAdd(p, t, constant(44));
  p = multiplyAdd(p, t, constant(48));
  p = multiplyAdd(p, t, constant(52));
  return multiplyAdd(p, t, constant(56));
}

/** e^-(u^2) */
@inline
function bell(u: v128): v128 {
  return expInRange(f32x4.neg(f32x4.mul(u, u)));
}

/** erf x: up to 1 the odd polynomial, above sign(x) (1 - erfc |x|). */
@inline
export function erf(x: v128): v128 {
  const square = f32x4.mul(x, x);
  let p = multiplyAdd(constant(0), square, constant(4));
  p = multiplyAdd(p, square, constant(8));
  p = multiplyAdd(p, square, constant(12));
  p = multiplyAdd(p, square, constant(16));
  const near = f32x4.mul(x, multiplyAdd(p, square, constant(20)));
  const u = f32x4.pmin(f32x4.abs(x), constant(64));
  const far = copySign(f32x4.sub(one(), f32x4.mul(bell(u), scaledErfc(u))), x);
  return v128.bitselect(near, far, f32x4.lt(f32x4.abs(x), one()));
}

/** Phi(x): half of erfc(|x| / sqrt 2) below zero, its complement above. e = e^(-x^2 / 2), u = |x| / sqrt 2. */
@inline
function normalCdf(x: v128, u: v128, e: v128): v128 {
  const tail = f32x4.mul(constant(72), f32x4.mul(e, scaledErfc(u)));
  return v128.bitselect(tail, f32x4.sub(one(), tail), f32x4.lt(x, f32x4.splat(0)));
}

@inline
function scaledSize(x: v128): v128 {
  return f32x4.pmin(f32x4.mul(f32x4.abs(x), constant(68)), constant(64));
}

/** x Phi(x) */
@inline
export function gelu(x: v128): v128 {
  const u = scaledSize(x);
  return f32x4.mul(x, normalCdf(x, u, bell(u)));
}

/** gelu'(x) = Phi(x) + x phi(x) */
@inline
export function geluSlope(x: v128): v128 {
  const u = scaledSize(x), e = bell(u);
  return multiplyAdd(x, f32x4.mul(constant(76), e), normalCdf(x, u, e));
}
