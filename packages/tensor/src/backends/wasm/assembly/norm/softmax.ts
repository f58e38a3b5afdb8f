import { softmaxTermsRow } from "../elementwise/exp-rows";
import { firstLanes, storeLanes } from "../gemm/pack";
import { ceilDiv, multiplyAdd, storePair } from "../variant";

/** Softmax over rows of n numbers, or its gradient. */
@unmanaged
export class Softmax {
  /** The rows; dy for the gradient. */
  x: usize;
  /** The softmax that was computed, for its gradient. */
  s: usize = 0;
  /** The result; dx for the gradient. */
  y: usize;
  rows: i32;
  n: i32;
}

/** Rows in a chunk: some 8192 elements. */
@inline function chunkRows(args: Softmax): i32 { return ceilDiv(8192, args.n); }
@inline function chunks(args: Softmax): i32 { return ceilDiv(args.rows, chunkRows(args)); }

/** Elements, and rows, that go through the passes of softmax together. */
@inline const GROUP_ELEMENTS: i32 = 2048;
@inline const GROUP_ROWS: i32 = 64;

export function softmaxChunks(args: Softmax): i32 {
  return chunks(args);
}

/** GROUP_ROWS numbers. */
export function softmaxWorkspace(_args: Softmax): f64 {
  return GROUP_ROWS * 4;
}

/**
 * y = exp(x - max) / sum of exp(x - max) over each row.
 *
 * Four passes: the maximum, the exponentials, their sum, the quotient. A few rows at a time go through each pass, so that the
 * processor need not wait for the end of one row; they stay in the first-level cache. Maximum and quotient are loaded from
 * memory: only then can V8's revectorizer join the pairs of vectors beside them.
 */
export function softmax(args: Softmax, from: i32, to: i32, numbers: usize): void {
  const end = min(to * chunkRows(args), args.rows);
  const n = args.n, row = <usize>n << 2, rows = min(GROUP_ROWS, max(1, GROUP_ELEMENTS / n));
  for (let first = from * chunkRows(args); first < end; first += rows) {
    const x = args.x + <usize>first * row, y = args.y + <usize>first * row, count = <usize>min(rows, end - first);
    for (let r: usize = 0; r < count; r++) f32.store(numbers + (r << 2), maximum(x + r * row, n));
    for (let r: usize = 0; r < count; r++) softmaxTermsRow(x + r * row, numbers + (r << 2), y + r * row, n);
    for (let r: usize = 0; r < count; r++) f32.store(numbers + (r << 2), 1 / total(y + r * row, n));
    for (let r: usize = 0; r < count; r++) scaleRow(y + r * row, numbers + (r << 2), n);
  }
}

/** y = scale y; `scale` is the address of one number. */
@inline
function scaleRow(y: usize, scale: usize, n: i32): void {
  const factor = v128.load32_splat(scale);
  while (n >= 8) {
    const y0 = v128.load(y), y1 = v128.load(y, 16);
    storePair(y, f32x4.mul(y0, factor), f32x4.mul(y1, factor));
    y += 32;
    n -= 8;
  }
  for (; n > 0; n -= 4, y += 16) storeLanes(y, f32x4.mul(v128.load(y), factor), min(4, n));
}

/** The sum of n numbers. */
@inline
function total(y: usize, n: i32): f32 {
  let s0 = f32x4.splat(0), s1 = s0;
  while (n >= 8) {
    s0 = f32x4.add(s0, v128.load(y));
    s1 = f32x4.add(s1, v128.load(y, 16));
    y += 32;
    n -= 8;
  }
  for (; n > 0; n -= 4, y += 16) {
    const v = v128.load(y);
    s0 = f32x4.add(s0, n >= 4 ? v : firstLanes(v, n));
  }
  return lanesTotal(f32x4.add(s0, s1));
}

/** The largest of n numbers. A NaN may be passed over: it comes back in the sum of exponentials. */
@inline
function maximum(x: usize, n: i32): f32 {
  let m0 = v128.load32_splat(x), m1 = m0;
  while (n >= 8) {
    m0 = f32x4.pmax(m0, v128.load(x));
    m1 = f32x4.pmax(m1, v128.load(x, 16));
    x += 32;
    n -= 8;
  }
  m0 = f32x4.pmax(m0, m1);
  for (; n > 0; n--, x += 4) m0 = f32x4.pmax(m0, v128.load32_splat(x));
  m0 = f32x4.pmax(m0, i64x2.shuffle(m0, m0, 1, 0));
  return f32x4.extract_lane(f32x4.pmax(m0, v128.shuffle<f32>(m0, m0, 1, 0, 3, 2)), 0);
}

/** The sum of the four lanes. */
@inline
function lanesTotal(v: v128): f32 {
  v = f32x4.add(v, i64x2.shuffle(v, v, 1, 0));
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1);
}

export function softmaxGradChunks(args: Softmax): i32 {
  return chunks(args);
}

/** One number. */
export function softmaxGradWorkspace(_args: Softmax): f64 {
  return 4;
}

/** dx = s (dy - sum of dy s) over each row. */
export function softmaxGrad(args: Softmax, from: i32, to: i32, workspace: usize): void {
  const n = args.n, end = min(to * chunkRows(args), args.rows);
  for (let row = from * chunkRows(args); row < end; row++) {
    const at = <usize>(row * n) << 2;
    softmaxGradRow(args.x + at, args.s + at, args.y + at, n, workspace);
  }
}

@inline
function softmaxGradRow(dy: usize, s: usize, dx: usize, n: i32, number: usize): void {
  let products = f32x4.splat(0), left = n, a = dy, b = s;
  for (; left >= 4; left -= 4, a += 16, b += 16) products = multiplyAdd(v128.load(a), v128.load(b), products);
  if (left > 0) products = f32x4.add(products, firstLanes(f32x4.mul(v128.load(a), v128.load(b)), left));
  f32.store(number, lanesTotal(products));
  const dot = v128.load32_splat(number);
  while (n >= 8) {
    const dy0 = v128.load(dy), dy1 = v128.load(dy, 16), s0 = v128.load(s), s1 = v128.load(s, 16);
    storePair(dx, f32x4.mul(s0, f32x4.sub(dy0, dot)), f32x4.mul(s1, f32x4.sub(dy1, dot)));
    dy += 32, s += 32, dx += 32;
    n -= 8;
  }
  for (; n > 0; n -= 4, dy += 16, s += 16, dx += 16) {
    storeLanes(dx, f32x4.mul(v128.load(s), f32x4.sub(v128.load(dy), dot)), min(4, n));
  }
}
