import { multiplyAdd } from "../variant";

/**
 * The exponential on four numbers at once, and what is made of it.
 *
 * Constants are loaded from memory where they are used: V8 would rebuild `f32x4.splat(constant)` in every turn of a loop.
 * `f32x4.pmin` and `pmax` are one instruction each; with x as the first operand they keep NaN.
 */
export const EXP_CONSTANTS: usize = memory.data<f32>([
  1.4426950408889634,      //  0: log2 e
  12582912,                //  4: 1.5 * 2^23, adding it rounds to an integer
  -0.693359375,            //  8: -ln 2 = [8] + [12]; [8] has 9 bits, so that its multiples are exact
  2.12194440e-4,           // 12
  0.008312477730214596,    // 16: e^r = 1 + r + c2 r^2 + ... + c5 r^5, |r| <= ln(2) / 2, relative error 1.1e-7
  0.041890550404787064,    // 20
  0.16667115688323975,     // 24
  0.4999922811985016,      // 28
  1,                       // 32
  -87.3,                   // 36
  88,                      // 40
  -104,                    // 44
  89,                      // 48
  0.625,                   // 52: tanh x = x + x^3 (t0 + t1 x^2 + ...), |x| <= 0.625, relative error 1.2e-7
  0.01519536692649126,     // 56
  -0.05194789916276932,    // 60
  0.13308174908161163,     // 64
  -0.3333234190940857,     // 68
  10,                      // 72
  2,                       // 76
  1.3e-38,                 // 80: a little more than e^-87.3
]);

/** The same for e^-x, from n = -x log2 e rounded and q = x + n ln 2: offsets as above. 36, 40: where x is held. */
export const NEGATIVE_EXP_CONSTANTS: usize = memory.data<f32>([
  -1.4426950408889634, 12582912, 0.693359375, -2.12194440e-4,
  -0.008312477730214596, 0.041890550404787064, -0.16667115688323975, 0.4999922811985016, // e^-q = 1 - q + c2 q^2 - c3 q^3 ...
  1, -88, 87.3,
]);

@inline
function constant(offset: usize): v128 {
  return v128.load32_splat(EXP_CONSTANTS + offset);
}

@inline export function one(): v128 {
  return constant(32);
}

/** x log2 e rounded to an integer n, as the low bits of a float: 1.5 * 2^23 + n. */
@inline
function exponent(x: v128): v128 {
  return multiplyAdd(x, constant(0), constant(4));
}

/** e^(x - n ln 2): the polynomial. */
@inline
function mantissa(x: v128, n: v128): v128 {
  const whole = f32x4.sub(n, constant(4));
  const r = multiplyAdd(whole, constant(12), multiplyAdd(whole, constant(8), x));
  let p = multiplyAdd(constant(16), r, constant(20));
  p = multiplyAdd(p, r, constant(24));
  p = multiplyAdd(p, r, constant(28));
  p = multiplyAdd(p, r, one());
  return multiplyAdd(p, r, one());
}

/** e^x for -87.3 <= x <= 88 or NaN, relative error below 3e-7; 2^n is added to the exponent's bits. */
@inline
export function expInRange(x: v128): v128 {
  const n = exponent(x);
  return i32x4.add(mantissa(x, n), i32x4.shl(n, 23));
}

/** e^x for all x, with subnormal results and Infinity: 2^n is multiplied on in two halves. */
@inline
export function exp(x: v128): v128 {
  x = f32x4.pmin(f32x4.pmax(x, constant(44)), constant(48));
  const n = exponent(x);
  const power = i32x4.sub(n, constant(4)), half = i32x4.shr_s(power, 1);
  const bias = one();
  const first = i32x4.add(bias, i32x4.shl(half, 23));
  const second = i32x4.add(bias, i32x4.shl(i32x4.sub(power, half), 23));
  return f32x4.mul(f32x4.mul(mantissa(x, n), first), second);
}

/** sign(x) (1 - 2 / (e^(2 |x|) + 1)); near 0, where that would cancel, a polynomial. */
@inline
export function tanh(x: v128): v128 {
  const size = f32x4.abs(x), square = f32x4.mul(x, x);
  let p = multiplyAdd(constant(56), square, constant(60));
  p = multiplyAdd(p, square, constant(64));
  p = multiplyAdd(p, square, constant(68));
  const near = multiplyAdd(f32x4.mul(p, square), x, x);
  const e = expInRange(f32x4.mul(constant(76), f32x4.pmin(size, constant(72))));
  const far = f32x4.sub(one(), f32x4.div(constant(76), f32x4.add(e, one())));
  return v128.bitselect(near, copySign(far, x), f32x4.lt(size, constant(52)));
}

/** y >= 0 with the sign of x. */
@inline
export function copySign(y: v128, x: v128): v128 {
  return v128.or(y, v128.xor(x, f32x4.abs(x)));
}
