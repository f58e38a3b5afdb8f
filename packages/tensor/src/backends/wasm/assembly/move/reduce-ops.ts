import { storeLanes } from "../gemm/pack";
import { RUN, highPair, lowPair, single, sumOf } from "./sums";
import { storePair } from "../variant";

/*
 * The reductions, two functions each under its name in `reduceOps` (kernels/reduce.ts):
 *   ...Row(x, y, n)                          y[0] = op of n neighbours
 *   ...Columns(x, y, count, columns, row)    y[i] = op over `count` rows of x, `row` bytes apart, for i < columns
 */

export function sumRow(x: usize, y: usize, n: i32): void {
  f32.store(y, <f32>sumOf(false, x, n));
}

/** 16 columns at a time, then 4. */
export function sumColumns(x: usize, y: usize, count: i32, columns: i32, row: usize): void {
  let i = 0;
  for (; i + 16 <= columns; i += 16, x += 64, y += 64) {
    let d0 = f64x2.splat(0), d1 = d0, d2 = d0, d3 = d0, d4 = d0, d5 = d0, d6 = d0, d7 = d0;
    let at = x;
    for (let a = 0; a < count; a += RUN) {
      let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
      let steps = min(RUN, count - a);
      while (steps > 0) {
        s0 = f32x4.add(s0, v128.load(at));
        s1 = f32x4.add(s1, v128.load(at, 16));
        s2 = f32x4.add(s2, v128.load(at, 32));
        s3 = f32x4.add(s3, v128.load(at, 48));
        at += row;
        steps--;
      }
      d0 = f64x2.add(d0, lowPair(s0)), d1 = f64x2.add(d1, highPair(s0));
      d2 = f64x2.add(d2, lowPair(s1)), d3 = f64x2.add(d3, highPair(s1));
      d4 = f64x2.add(d4, lowPair(s2)), d5 = f64x2.add(d5, highPair(s2));
      d6 = f64x2.add(d6, lowPair(s3)), d7 = f64x2.add(d7, highPair(s3));
    }
    storePair(y, single(d0, d1), single(d2, d3));
    storePair(y, single(d4, d5), single(d6, d7), 32);
  }
  for (; i < columns; i += 4, x += 16, y += 16) {
    let d0 = f64x2.splat(0), d1 = d0;
    let at = x;
    for (let a = 0; a < count; a++, at += row) {
      const v = v128.load(at);
      d0 = f64x2.add(d0, lowPair(v)), d1 = f64x2.add(d1, highPair(v));
    }
    storeLanes(y, single(d0, d1), min(4, columns - i));
  }
}

export function maxRow(x: usize, y: usize, n: i32): void {
  f32.store(y, extremeRow(true, x, n));
}

export function maxColumns(x: usize, y: usize, count: i32, columns: i32, row: usize): void {
  extremeColumns(true, x, y, count, columns, row);
}

export function minRow(x: usize, y: usize, n: i32): void {
  f32.store(y, extremeRow(false, x, n));
}

export function minColumns(x: usize, y: usize, count: i32, columns: i32, row: usize): void {
  extremeColumns(false, x, y, count, columns, row);
}

export function argmaxRow(x: usize, y: usize, n: i32): void {
  f32.store(y, argmaxOf(x, n, 4));
}

export function argmaxColumns(x: usize, y: usize, count: i32, columns: i32, row: usize): void {
  for (let i = 0; i < columns; i++, x += 4, y += 4) f32.store(y, argmaxOf(x, count, row));
}

/** The place of the first largest of n numbers, `step` bytes apart, or of the first NaN. */
@inline
function argmaxOf(x: usize, n: i32, step: usize): f32 {
  let best = 0, largest = f32.load(x);
  for (let i = 1; i < n && largest == largest; i++) {
    x += step;
    const value = f32.load(x);
    if (value > largest || value != value) {
      best = i;
      largest = value;
    }
  }
  return <f32>best;
}

/*
 * f32x4.max and f32x4.min take seven instructions on x86, f32x4.pmax and f32x4.pmin one, but these pass NaN by, and of +0 and -0
 * they take either. So extremes are first sought the fast way; where there was NaN, or the extreme is zero, again the slow way.
 */

@inline
function extreme(largest: bool, a: v128, b: v128): v128 {
  return largest ? f32x4.max(a, b) : f32x4.min(a, b);
}

/** `best`, or x where that is more extreme. */
@inline
function better(largest: bool, best: v128, x: v128): v128 {
  return largest ? f32x4.pmax(best, x) : f32x4.pmin(best, x);
}

/** Where x is NaN, or `flags` were set before. */
@inline
function orNaN(flags: v128, x: v128): v128 {
  return v128.or(flags, f32x4.ne(x, x));
}

/** Largest or smallest of n neighbours; NaN wins. */
@inline
function extremeRow(largest: bool, x: usize, n: i32): f32 {
  let best = v128.load32_splat(x);
  if (n >= 16) {
    let b1 = best, b2 = best, b3 = best, flags = f32x4.ne(best, best), at = x, left = n;
    for (; left >= 16; left -= 16, at += 64) {
      const x0 = v128.load(at), x1 = v128.load(at, 16), x2 = v128.load(at, 32), x3 = v128.load(at, 48);
      best = better(largest, best, x0), b1 = better(largest, b1, x1), b2 = better(largest, b2, x2), b3 = better(largest, b3, x3);
      flags = orNaN(orNaN(orNaN(orNaN(flags, x0), x1), x2), x3);
    }
    best = better(largest, better(largest, best, b1), better(largest, b2, b3));
    if (v128.any_true(v128.or(flags, f32x4.eq(best, f32x4.splat(0))))) best = v128.load32_splat(x);
    else x = at, n = left;
  }
  for (; n >= 4; n -= 4, x += 16) best = extreme(largest, best, v128.load(x));
  for (; n > 0; n--, x += 4) best = extreme(largest, best, v128.load32_splat(x));
  best = extreme(largest, best, i64x2.shuffle(best, best, 1, 0));
  best = extreme(largest, best, v128.shuffle<f32>(best, best, 1, 0, 3, 2));
  return f32x4.extract_lane(best, 0);
}

/** 16 columns at a time, then 4. */
@inline
function extremeColumns(largest: bool, x: usize, y: usize, count: i32, columns: i32, row: usize): void {
  let i = 0;
  for (; i + 16 <= columns; i += 16, x += 64, y += 64) {
    let b0 = v128.load(x), b1 = v128.load(x, 16), b2 = v128.load(x, 32), b3 = v128.load(x, 48);
    let flags = orNaN(orNaN(orNaN(f32x4.ne(b0, b0), b1), b2), b3), at = x;
    for (let a = 1; a < count; a++) {
      at += row;
      const x0 = v128.load(at), x1 = v128.load(at, 16), x2 = v128.load(at, 32), x3 = v128.load(at, 48);
      b0 = better(largest, b0, x0), b1 = better(largest, b1, x1), b2 = better(largest, b2, x2), b3 = better(largest, b3, x3);
      flags = orNaN(orNaN(orNaN(orNaN(flags, x0), x1), x2), x3);
    }
    storePair(y, b0, b1);
    storePair(y, b2, b3, 32);
    const zero = f32x4.splat(0);
    flags = v128.or(flags, v128.or(v128.or(f32x4.eq(b0, zero), f32x4.eq(b1, zero)), v128.or(f32x4.eq(b2, zero), f32x4.eq(b3, zero))));
    if (v128.any_true(flags)) for (let c: usize = 0; c < 64; c += 16) exactColumns(largest, x + c, y + c, count, 4, row);
  }
  for (; i < columns; i += 4, x += 16, y += 16) exactColumns(largest, x, y, count, min(4, columns - i), row);
}

/** Up to four columns the slow way. */
function exactColumns(largest: bool, x: usize, y: usize, count: i32, columns: i32, row: usize): void {
  let best = v128.load(x);
  for (let a = 1; a < count; a++) {
    x += row;
    best = extreme(largest, best, v128.load(x));
  }
  storeLanes(y, best, columns);
}
