import { EXP_CONSTANTS as C } from "./exp";
import { firstLanes, storeLanes } from "./pack";
import { multiplyAdd } from "./variant";

/*
 * The rows that need an exponential for each element: SiLU, its gradient, both behind a normalisation, and softmax. They share one
 * loop, so that the constants of the exponential stay in registers: loading them in each turn takes half as long again.
 */

@inline const SIGMOID: i32 = 0;
@inline const SILU: i32 = 1;
@inline const SILU_GRAD: i32 = 2;
@inline const NORM_SILU: i32 = 3;
@inline const NORM_SILU_GRAD: i32 = 4;
@inline const NORM_SILU_GRAD_SUMS: i32 = 5;
@inline const SOFTMAX: i32 = 6;

/**
 * One row of n numbers; `kind` is a constant at each call. What the addresses mean is said at the functions below. Gives the sums of
 * the exponentials of every fourth element (SOFTMAX).
 */
@inline
function row(kind: i32, x: usize, dy: usize, y: usize, a: usize, b: usize, c: usize, p: usize, q: usize, top: v128, n: i32): v128 {
  const log2e = v128.load32_splat(C), round = v128.load32_splat(C, 4), ln2High = v128.load32_splat(C, 8), ln2Low = v128.load32_splat(C, 12);
  const c5 = v128.load32_splat(C, 16), c4 = v128.load32_splat(C, 20), c3 = v128.load32_splat(C, 24), c2 = v128.load32_splat(C, 28);
  const one = v128.load32_splat(C, 32), low = v128.load32_splat(C, 36), high = v128.load32_splat(C, 40);
  let sum = f32x4.splat(0);
  while (n > 0) {
    let z = v128.load(x), d = z;
    if (kind == NORM_SILU) {
      z = multiplyAdd(z, v128.load(a), v128.load(b));
    } else if (kind == NORM_SILU_GRAD || kind == NORM_SILU_GRAD_SUMS) {
      d = f32x4.sub(z, v128.load(a));
      z = multiplyAdd(d, v128.load(b), v128.load(c));
    }
    // e = e^t, t = -z held between -87.3 and 88, or z - top
    let t: v128;
    if (kind == SOFTMAX) {
      z = f32x4.sub(z, top);
      t = f32x4.pmax(z, low);
    } else {
      t = f32x4.pmin(f32x4.pmax(f32x4.neg(z), low), high);
    }
    const power = multiplyAdd(t, log2e, round), whole = f32x4.sub(power, round);
    const r = multiplyAdd(whole, ln2Low, multiplyAdd(whole, ln2High, t));
    let e = multiplyAdd(c5, r, c4);
    e = multiplyAdd(e, r, c3);
    e = multiplyAdd(e, r, c2);
    e = multiplyAdd(e, r, one);
    e = multiplyAdd(e, r, one);
    e = i32x4.add(e, i32x4.shl(power, 23));

    let out: v128;
    if (kind == SIGMOID) {
      out = f32x4.div(one, f32x4.add(one, e));
    } else if (kind == SILU || kind == NORM_SILU) {
      out = f32x4.div(z, f32x4.add(one, e));
    } else if (kind == SOFTMAX) {
      out = v128.andnot(e, f32x4.lt(z, low));
      if (n < 4) out = firstLanes(out, n);
      sum = f32x4.add(sum, out);
    } else { // dy silu'(z), silu'(z) = s (1 + z (1 - s)), s = 1 / (1 + e), 1 - s = e s
      const s = f32x4.div(one, f32x4.add(one, e));
      out = f32x4.mul(f32x4.mul(v128.load(dy), s), multiplyAdd(z, f32x4.mul(e, s), one));
      dy += 16;
    }
    if (kind != NORM_SILU_GRAD_SUMS) {
      if (n >= 4) v128.store(y, out);
      else storeLanes(y, out, n);
      y += 16;
    }
    if (kind == NORM_SILU_GRAD || kind == NORM_SILU_GRAD_SUMS) {
      if (n < 4) out = firstLanes(out, n), d = firstLanes(d, n);
      v128.store(p, f32x4.add(v128.load(p), out));
      v128.store(q, multiplyAdd(out, d, v128.load(q)));
      p += 16, q += 16, c += 16;
    }
    if (kind >= NORM_SILU && kind != SOFTMAX) a += 16, b += 16;
    x += 16;
    n -= 4;
  }
  return sum;
}

/** y = 1 / (1 + e^-x) */
export function sigmoidRow(x: usize, y: usize, n: i32): void {
  row(SIGMOID, x, 0, y, 0, 0, 0, 0, 0, f32x4.splat(0), n);
}

/** y = x / (1 + e^-x) */
export function siluRow(x: usize, y: usize, n: i32): void {
  row(SILU, x, 0, y, 0, 0, 0, 0, 0, f32x4.splat(0), n);
}

/** y = dy silu'(x) */
export function siluGradRow(dy: usize, x: usize, y: usize, n: i32): void {
  row(SILU_GRAD, x, dy, y, 0, 0, 0, 0, 0, f32x4.splat(0), n);
}

/** y = silu(scale x + shift), scale and shift for each element. */
export function normSiluRow(x: usize, scale: usize, shift: usize, y: usize, n: i32): void {
  row(NORM_SILU, x, 0, y, scale, shift, 0, 0, 0, f32x4.splat(0), n);
}

/** dz = dy silu'(z), z = scale (x - mean) + shift; sums += dz, products += dz (x - mean). */
export function normSiluGradRow(
  dy: usize, x: usize, dz: usize, mean: usize, scale: usize, shift: usize, sums: usize, products: usize, n: i32,
): void {
  row(NORM_SILU_GRAD, x, dy, dz, mean, scale, shift, sums, products, f32x4.splat(0), n);
}

/** The sums alone. */
export function normSiluGradSumsRow(
  dy: usize, x: usize, mean: usize, scale: usize, shift: usize, sums: usize, products: usize, n: i32,
): void {
  row(NORM_SILU_GRAD_SUMS, x, dy, 0, mean, scale, shift, sums, products, f32x4.splat(0), n);
}

/** y = e^(x - top), zero where that is below e^-87.3; gives four numbers whose sum is that of y. */
export function softmaxTermsRow(x: usize, top: v128, y: usize, n: i32): v128 {
  return row(SOFTMAX, x, 0, y, 0, 0, 0, 0, 0, top, n);
}
