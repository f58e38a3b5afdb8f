import { EXP_CONSTANTS } from "../elementwise/exp";
import { SOFTMAX, held, power, result } from "../elementwise/exp-rows";
import { BLOCK, multiplyAdd, storePair } from "../variant";
import { PER_QUERY, ROW } from "./attention-args";

/*
 * What is done to matrices [keys, queries] query by query: a query is a lane, so that nothing crosses lanes. Vectors are taken in
 * pairs, and what belongs to queries lies in memory, PER_QUERY bytes, as V8's revectorizer needs it. Columns come in eights: those
 * past the last query hold anything.
 */

/** The least finite number: below it a maximum does not begin, so that scores of -Infinity are told from no scores. */
const LEAST: f32 = -3.4028234663852886e38;

/** Numbers of a round of queries, one a query. */
export function fill(numbers: usize, value: f32): void {
  for (let i: usize = 0; i < PER_QUERY; i += 16) v128.store(numbers + i, f32x4.splat(value));
}

export function noMaxima(tops: usize): void {
  fill(tops, LEAST);
}

/** Where eight columns begin. */
@inline
function columnsAt(x: usize, room: i32, column: i32): usize {
  return x + <usize>(column / BLOCK * room) * ROW + (<usize>(column % BLOCK) << 2);
}

/** tops = max(tops, x) over the rows. A NaN is passed over: it comes back in the sum of exponentials. */
export function maxima(x: usize, room: i32, rows: i32, columns: i32, tops: usize): void {
  for (let c = 0; c < columns; c += 8, tops += 32) {
    let at = columnsAt(x, room, c);
    let m0 = v128.load(tops), m1 = v128.load(tops, 16);
    for (let left = rows; left > 0; left--, at += ROW) {
      const x0 = v128.load(at), x1 = v128.load(at, 16);
      m0 = f32x4.pmax(m0, x0);
      m1 = f32x4.pmax(m1, x1);
    }
    storePair(tops, m0, m1);
  }
}

/** x times `factors`, a number for each column. */
export function scaleColumns(x: usize, room: i32, rows: i32, columns: i32, factors: usize): void {
  for (let c = 0; c < columns; c += 8, factors += 32) {
    let at = columnsAt(x, room, c);
    const f0 = v128.load(factors), f1 = v128.load(factors, 16);
    for (let left = rows; left > 0; left--, at += ROW) {
      const x0 = v128.load(at), x1 = v128.load(at, 16);
      storePair(at, f32x4.mul(x0, f0), f32x4.mul(x1, f1));
    }
  }
}

/** x = e^(x - top), zero where that is below 1.3e-38; sums += x over the rows. */
export function exponentials(x: usize, room: i32, rows: i32, columns: i32, tops: usize, sums: usize): void {
  columnTerms(false, x, 0, room, rows, columns, tops, sums, 0);
}

/** The same, and dots += x w over the rows, w a matrix like x. */
export function exponentialsAndDots(
  x: usize, w: usize, room: i32, rows: i32, columns: i32, tops: usize, sums: usize, dots: usize,
): void {
  columnTerms(true, x, w, room, rows, columns, tops, sums, dots);
}

@inline
function columnTerms(
  withDots: bool, x: usize, w: usize, room: i32, rows: i32, columns: i32, tops: usize, sums: usize, dots: usize,
): void {
  const C = EXP_CONSTANTS;
  const log2e = v128.load32_splat(C), round = v128.load32_splat(C, 4);
  const ln2Low = v128.load32_splat(C, 12);
  const ln2High = ASC_FEATURE_RELAXED_SIMD ? f32x4.add(v128.load32_splat(C, 8), ln2Low) : v128.load32_splat(C, 8);
  const c5 = v128.load32_splat(C, 16), c4 = v128.load32_splat(C, 20);
  const c3 = v128.load32_splat(C, 24), c2 = v128.load32_splat(C, 28);
  const one = v128.load32_splat(C, 32), low = v128.load32_splat(C, 36), tiny = v128.load32_splat(C, 80);
  for (let c = 0; c < columns; c += 8, tops += 32, sums += 32, dots += 32) {
    let at = columnsAt(x, room, c), other = columnsAt(w, room, c);
    const t0 = v128.load(tops), t1 = v128.load(tops, 16);
    let s0 = v128.load(sums), s1 = v128.load(sums, 16);
    let d0 = s0, d1 = s1;
    if (withDots) {
      d0 = v128.load(dots);
      d1 = v128.load(dots, 16);
    }
    for (let left = rows; left > 0; left--, at += ROW, other += ROW) {
      const x0 = v128.load(at), x1 = v128.load(at, 16);
      const z0 = held(SOFTMAX, f32x4.sub(x0, t0), low, one), z1 = held(SOFTMAX, f32x4.sub(x1, t1), low, one);
      const p0 = power(SOFTMAX, z0, log2e, round, ln2High, ln2Low, c5, c4, c3, c2, one);
      const p1 = power(SOFTMAX, z1, log2e, round, ln2High, ln2Low, c5, c4, c3, c2, one);
      const e0 = result(SOFTMAX, z0, p0, 0, one, tiny, 0), e1 = result(SOFTMAX, z1, p1, 0, one, tiny, 0);
      storePair(at, e0, e1);
      s0 = f32x4.add(s0, e0);
      s1 = f32x4.add(s1, e1);
      if (withDots) {
        const w0 = v128.load(other), w1 = v128.load(other, 16);
        d0 = multiplyAdd(e0, w0, d0);
        d1 = multiplyAdd(e1, w1, d1);
      }
    }
    storePair(sums, s0, s1);
    if (withDots) {
      storePair(dots, d0, d1);
    }
  }
}

/** numbers = 1 / numbers. */
export function invert(numbers: usize): void {
  for (let i: usize = 0; i < PER_QUERY; i += 16) v128.store(numbers + i, f32x4.div(f32x4.splat(1), v128.load(numbers + i)));
}

/** The gradient of softmax: p = e inverse, ds = p (dp - dot); p takes the place of e, ds that of dp. */
export function gradients(e: usize, dp: usize, room: i32, rows: i32, columns: i32, inverses: usize, dots: usize): void {
  for (let c = 0; c < columns; c += 8, inverses += 32, dots += 32) {
    let at = columnsAt(e, room, c), other = columnsAt(dp, room, c);
    const i0 = v128.load(inverses), i1 = v128.load(inverses, 16), d0 = v128.load(dots), d1 = v128.load(dots, 16);
    for (let left = rows; left > 0; left--, at += ROW, other += ROW) {
      const e0 = v128.load(at), e1 = v128.load(at, 16), g0 = v128.load(other), g1 = v128.load(other, 16);
      const p0 = f32x4.mul(e0, i0), p1 = f32x4.mul(e1, i1);
      storePair(at, p0, p1);
      storePair(other, f32x4.mul(p0, f32x4.sub(g0, d0)), f32x4.mul(p1, f32x4.sub(g1, d1)));
    }
  }
}
