import { firstLanes, storeLanes } from "../gemm/pack";
import { ceilDiv } from "../variant";

/*
 * Reductions of the middle axis of x [outer, axis, inner]. The axis is cut into parts of at most `part` elements, fixed by the
 * shape; a unit is one part of one o, and writes `inner` results to y [outer, parts, inner]. Several parts are reduced again.
 * Sums: at most RUN numbers are added in f32, the sums of runs in f64.
 */

/** Codes of reductions; the first two are sums, and need SUM for their second round. */
@inline const SUM: i32 = 0;
@inline const SUM_SQUARES: i32 = 1;
@inline const MAX: i32 = 2;
@inline const MIN: i32 = 3;

@inline const RUN: i32 = 32;

@unmanaged
class Reduce {
  op: i32;
  x: usize;
  y: usize;
  axis: i32;
  inner: i32;
  part: i32;
}

export function reduce(args: Reduce, from: i32, to: i32, _workspace: usize): void {
  const op = args.op, axis = args.axis, inner = args.inner, parts = ceilDiv(axis, args.part);
  for (let unit = from; unit < to; unit++) {
    const first = unit % parts * args.part, count = min(args.part, axis - first);
    const x = args.x + (<usize>((unit / parts * axis + first) * inner) << 2);
    const y = args.y + (<usize>(unit * inner) << 2);
    if (inner == 1) reduceRow(op, x, y, count);
    else reduceColumns(op, x, y, count, inner);
  }
}

function reduceRow(op: i32, x: usize, y: usize, n: i32): void {
  if (op == SUM) f32.store(y, <f32>sumRow(false, x, n));
  else if (op == SUM_SQUARES) f32.store(y, <f32>sumRow(true, x, n));
  else if (op == MAX) f32.store(y, extremeRow(true, x, n));
  else f32.store(y, extremeRow(false, x, n));
}

function reduceColumns(op: i32, x: usize, y: usize, count: i32, inner: i32): void {
  if (op == SUM || op == SUM_SQUARES) sumColumns(x, y, count, inner);
  else if (op == MAX) extremeColumns(true, x, y, count, inner);
  else extremeColumns(false, x, y, count, inner);
}

@inline
function term(squares: bool, x: v128): v128 {
  return squares ? f32x4.mul(x, x) : x;
}

/** Sum of n neighbours, or of their squares. */
@inline
function sumRow(squares: bool, x: usize, n: i32): f64 {
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

@inline
function extreme(max: bool, a: v128, b: v128): v128 {
  return max ? f32x4.max(a, b) : f32x4.min(a, b);
}

/** Largest or smallest of n neighbours; NaN wins. */
@inline
function extremeRow(largest: bool, x: usize, n: i32): f32 {
  let best = v128.load32_splat(x);
  while (n >= 4) {
    best = extreme(largest, best, v128.load(x));
    x += 16;
    n -= 4;
  }
  for (; n > 0; n--, x += 4) best = extreme(largest, best, v128.load32_splat(x));
  best = extreme(largest, best, i64x2.shuffle(best, best, 1, 0));
  best = extreme(largest, best, v128.shuffle<f32>(best, best, 1, 0, 3, 2));
  return f32x4.extract_lane(best, 0);
}

/** y[i] = sum over `count` rows of x[a, i]: 16 columns at a time, then 4. */
function sumColumns(x: usize, y: usize, count: i32, inner: i32): void {
  const row = <usize>inner << 2;
  let i = 0;
  for (; i + 16 <= inner; i += 16, x += 64, y += 64) {
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
    v128.store(y, single(d0, d1));
    v128.store(y, single(d2, d3), 16);
    v128.store(y, single(d4, d5), 32);
    v128.store(y, single(d6, d7), 48);
  }
  for (; i < inner; i += 4, x += 16, y += 16) {
    let d0 = f64x2.splat(0), d1 = d0;
    let at = x;
    for (let a = 0; a < count; a++, at += row) {
      const v = v128.load(at);
      d0 = f64x2.add(d0, lowPair(v)), d1 = f64x2.add(d1, highPair(v));
    }
    storeLanes(y, single(d0, d1), min(4, inner - i));
  }
}

/** (low, high) rounded to f32. */
@inline
export function single(low: v128, high: v128): v128 {
  return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

@inline
function extremeColumns(largest: bool, x: usize, y: usize, count: i32, inner: i32): void {
  for (let i = 0; i < inner; i += 4, x += 16, y += 16) {
    let best = v128.load(x), at = x;
    for (let a = 1; a < count; a++) {
      at += <usize>inner << 2;
      best = extreme(largest, best, v128.load(at));
    }
    storeLanes(y, best, min(4, inner - i));
  }
}

/** y[o, i] = the first a at which x[o, a, i] is largest, or the first NaN. A unit is one (o, i); `part` is unused. */
export function argmax(args: Reduce, from: i32, to: i32, _workspace: usize): void {
  const axis = args.axis, inner = args.inner, step = <usize>inner << 2;
  for (let unit = from; unit < to; unit++) {
    let at = args.x + (<usize>(unit / inner * axis * inner + unit % inner) << 2);
    let best = 0, max = f32.load(at);
    for (let a = 1; a < axis && max == max; a++) {
      at += step;
      const value = f32.load(at);
      if (value > max || value != value) {
        best = a;
        max = value;
      }
    }
    f32.store(args.y + (<usize>unit << 2), <f32>best);
  }
}
