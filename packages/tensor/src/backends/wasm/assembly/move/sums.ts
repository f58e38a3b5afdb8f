import { firstLanes } from "../gemm/pack";

/* Sums of neighbours: at most RUN numbers are added in f32, the sums of runs in f64. */

/** Numbers that each lane adds in f32. */
@inline export const RUN: i32 = 32;

@inline
function term(squares: bool, x: v128): v128 {
  return squares ? f32x4.mul(x, x) : x;
}

/** Sum of n neighbours, or of their squares. */
@inline
export function sumOf(squares: bool, x: usize, n: i32): f64 {
  let sum = f64x2.splat(0);
  while (n >= 16) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    let steps = min(n >> 4, RUN);
    n -= steps << 4;
    while (steps > 0) {
      s0 = f32x4.add(s0, term(squares, v128.load(x)));
      s1 = f32x4.add(s1, term(squares, v128.load(x, 16)));
      s2 = f32x4.add(s2, term(squares, v128.load(x, 32)));
      s3 = f32x4.add(s3, term(squares, v128.load(x, 48)));
      x += 64;
      steps--;
    }
    sum = f64x2.add(sum, f64x2.add(f64x2.add(pairSum(s0), pairSum(s1)), f64x2.add(pairSum(s2), pairSum(s3))));
  }
  for (; n > 0; n -= 4, x += 16) {
    const v = v128.load(x);
    sum = f64x2.add(sum, pairSum(term(squares, n >= 4 ? v : firstLanes(v, n))));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** (v0 + v2, v1 + v3) in f64. */
@inline
export function pairSum(v: v128): v128 {
  return f64x2.add(lowPair(v), highPair(v));
}

/** (v0, v1) in f64. */
@inline
export function lowPair(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

/** (v2, v3) in f64. */
@inline
export function highPair(v: v128): v128 {
  return f64x2.promote_low_f32x4(i64x2.shuffle(v, v, 1, 1));
}

/** (low, high) rounded to f32. */
@inline
export function single(low: v128, high: v128): v128 {
  return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}
