import { one } from "./exp";
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

/** y = exp(x - max) / sum of exp(x - max) over each row. A unit is a row. */
export function softmax(args: Rows, from: i32, to: i32, _workspace: usize): void {
  const n = args.n;
  for (let row = from; row < to; row++) {
    const at = <usize>(row * n) << 2;
    softmaxRow(args.x + at, args.y + at, n);
  }
}

/** Three passes over a row, which stays in the first-level cache: the maximum, the exponentials and their sum, the quotient. */
@inline
function softmaxRow(x: usize, y: usize, n: i32): void {
  const sum = softmaxTermsRow(x, maximum(x, n), y, n);
  const whole = n & ~3, rest = n & 3, end = <usize>whole << 2;
  const scale = f32x4.div(one(), allLanes(sum));
  for (let i = 0; i < whole; i += 4) {
    const at = y + (<usize>i << 2);
    v128.store(at, f32x4.mul(v128.load(at), scale));
  }
  if (rest) storeLanes(y + end, f32x4.mul(v128.load(y + end), scale), rest);
}

/** The largest of n numbers in all lanes. A NaN may be passed over: it comes back in the sum of exponentials. */
@inline
function maximum(x: usize, n: i32): v128 {
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
  return f32x4.pmax(m0, v128.shuffle<f32>(m0, m0, 1, 0, 3, 2));
}

/** The sum of the four lanes in all lanes. */
@inline
function allLanes(v: v128): v128 {
  v = f32x4.add(v, i64x2.shuffle(v, v, 1, 0));
  return f32x4.add(v, v128.shuffle<f32>(v, v, 1, 0, 3, 2));
}

/** dx = s (dy - sum of dy s) over each row. A unit is a row. */
export function softmaxGrad(args: Rows, from: i32, to: i32, _workspace: usize): void {
  const n = args.n;
  for (let row = from; row < to; row++) {
    const at = <usize>(row * n) << 2;
    softmaxGradRow(args.x + at, args.s + at, args.y + at, n);
  }
}

@inline
function softmaxGradRow(dy: usize, s: usize, dx: usize, n: i32): void {
  const whole = n & ~3, rest = n & 3, end = <usize>whole << 2;
  let dot = f32x4.splat(0);
  for (let i = 0; i < whole; i += 4) {
    const at = <usize>i << 2;
    dot = multiplyAdd(v128.load(dy + at), v128.load(s + at), dot);
  }
  if (rest) dot = f32x4.add(dot, firstLanes(f32x4.mul(v128.load(dy + end), v128.load(s + end)), rest));
  dot = allLanes(dot);
  for (let i = 0; i < whole; i += 4) {
    const at = <usize>i << 2;
    v128.store(dx + at, f32x4.mul(v128.load(s + at), f32x4.sub(v128.load(dy + at), dot)));
  }
  if (rest) storeLanes(dx + end, f32x4.mul(v128.load(s + end), f32x4.sub(v128.load(dy + end), dot)), rest);
}
