import { softmaxTermsRow } from "./exp-rows";
import { firstLanes, storeLanes } from "./pack";
import { multiplyAdd } from "./variant";

/** Rows of n numbers: y from x (softmax), or dx = y from dy = x and y = s (softmaxGrad). */
@unmanaged
class Rows {
  x: usize;
  s: usize;
  y: usize;
  n: i32;
}

/** y = exp(x - max) / sum of exp(x - max) over each row. A unit is a row. Workspace: one number. */
export function softmax(args: Rows, from: i32, to: i32, workspace: usize): void {
  const n = args.n;
  for (let row = from; row < to; row++) {
    const at = <usize>(row * n) << 2;
    softmaxRow(args.x + at, args.y + at, n, workspace);
  }
}

/**
 * Four passes over a row, which stays in the first-level cache: the maximum, the exponentials, their sum, the quotient. A number
 * that stands beside pairs of vectors is loaded from memory: only then can V8's revectorizer join the pairs.
 */
@inline
function softmaxRow(x: usize, y: usize, n: i32, number: usize): void {
  f32.store(number, maximum(x, n));
  softmaxTermsRow(x, number, y, n);
  f32.store(number, 1 / total(y, n));
  const scale = v128.load32_splat(number);
  while (n >= 8) {
    const y0 = v128.load(y), y1 = v128.load(y, 16);
    v128.store(y, f32x4.mul(y0, scale));
    v128.store(y, f32x4.mul(y1, scale), 16);
    y += 32;
    n -= 8;
  }
  for (; n > 0; n -= 4, y += 16) storeLanes(y, f32x4.mul(v128.load(y), scale), min(4, n));
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

/** dx = s (dy - sum of dy s) over each row. A unit is a row. Workspace: one number. */
export function softmaxGrad(args: Rows, from: i32, to: i32, workspace: usize): void {
  const n = args.n;
  for (let row = from; row < to; row++) {
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
    v128.store(dx, f32x4.mul(s0, f32x4.sub(dy0, dot)));
    v128.store(dx, f32x4.mul(s1, f32x4.sub(dy1, dot)), 16);
    dy += 32, s += 32, dx += 32;
    n -= 8;
  }
  for (; n > 0; n -= 4, dy += 16, s += 16, dx += 16) {
    storeLanes(dx, f32x4.mul(v128.load(s), f32x4.sub(v128.load(dy), dot)), min(4, n));
  }
}
