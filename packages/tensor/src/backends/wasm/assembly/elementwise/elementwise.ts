import { copySign, exp, one, tanh } from "./exp";
import { sigmoidRow, siluRow } from "./exp-rows";
import { erf, gelu } from "./erf";
import { multiplyAdd } from "../variant";

/*
 * Elementwise kernels. A unit is an element, and units are handed out in multiples of 8, so only the very end of an array is not
 * a whole pair of vectors: there the kernels read and write into the array's padding (arrays have room up to the next multiple of
 * 128 bytes).
 */

/** Codes of unary operations, in the order of `unaryOps` on the host's side. */
@inline const NEGATIVE: i32 = 0;
@inline const ABS: i32 = 1;
@inline const SIGN: i32 = 2;
@inline const SQUARE: i32 = 3;
@inline const SQRT: i32 = 4;
@inline const RECIPROCAL: i32 = 5;
@inline const EXP: i32 = 6;
@inline const LOG: i32 = 7;
@inline const SIN: i32 = 8;
@inline const COS: i32 = 9;
@inline const TANH: i32 = 10;
@inline const ERF: i32 = 11;
@inline const SIGMOID: i32 = 12;
@inline const SILU: i32 = 13;
@inline const GELU: i32 = 14;

@unmanaged
class Full {
  y: usize;
  value: f32;
}

/** y = value */
export function full(args: Full, from: i32, to: i32, _workspace: usize): void {
  const value = f32x4.splat(args.value), y = args.y;
  for (let i = from; i < to; i += 4) v128.store(y + (<usize>i << 2), value);
}

@unmanaged
class Affine {
  x: usize;
  y: usize;
  scale: f32;
  shift: f32;
}

/** y = scale x + shift */
export function affine(args: Affine, from: i32, to: i32, _workspace: usize): void {
  const scale = f32x4.splat(args.scale), shift = f32x4.splat(args.shift), x = args.x, y = args.y;
  for (let i = from; i < to; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, multiplyAdd(scale, v128.load(x + at), shift));
  }
}

/** y = min(max(x, low), high); `scale` is low, `shift` is high. NaN stays NaN. */
export function clip(args: Affine, from: i32, to: i32, _workspace: usize): void {
  const low = f32x4.splat(args.scale), high = f32x4.splat(args.shift), x = args.x, y = args.y;
  for (let i = from; i < to; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, f32x4.min(f32x4.max(v128.load(x + at), low), high));
  }
}

@unmanaged
class Where {
  condition: usize;
  a: usize;
  b: usize;
  y: usize;
}

/** y = condition != 0 ? a : b */
export function where(args: Where, from: i32, to: i32, _workspace: usize): void {
  const condition = args.condition, a = args.a, b = args.b, y = args.y;
  for (let i = from; i < to; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, v128.bitselect(v128.load(a + at), v128.load(b + at), f32x4.ne(v128.load(condition + at), f32x4.splat(0))));
  }
}

@unmanaged
class Unary {
  op: i32;
  x: usize;
  y: usize;
}

/** y = op(x) */
export function unary(args: Unary, from: i32, to: i32, _workspace: usize): void {
  const x = args.x + (<usize>from << 2), y = args.y + (<usize>from << 2), n = to - from;
  switch (args.op) {
    case NEGATIVE: return map(NEGATIVE, x, y, n);
    case ABS: return map(ABS, x, y, n);
    case SIGN: return map(SIGN, x, y, n);
    case SQUARE: return map(SQUARE, x, y, n);
    case SQRT: return map(SQRT, x, y, n);
    case RECIPROCAL: return map(RECIPROCAL, x, y, n);
    case EXP: return map(EXP, x, y, n);
    case LOG: return map(LOG, x, y, n);
    case SIN: return map(SIN, x, y, n);
    case COS: return map(COS, x, y, n);
    case TANH: return map(TANH, x, y, n);
    case ERF: return map(ERF, x, y, n);
    case SIGMOID: return sigmoidRow(x, y, n);
    case SILU: return siluRow(x, y, n);
    case GELU: return map(GELU, x, y, n);
  }
}

/** The loop of one operation: `op` is a constant at each call. */
@inline
function map(op: i32, x: usize, y: usize, n: i32): void {
  while (n > 0) { // pairs, all loads before the stores, as V8's revectorizer needs it
    const x0 = v128.load(x), x1 = v128.load(x, 16);
    const y0 = unaryOp(op, x0), y1 = unaryOp(op, x1);
    v128.store(y, y0);
    v128.store(y, y1, 16);
    x += 32;
    y += 32;
    n -= 8;
  }
}

@inline
function unaryOp(op: i32, x: v128): v128 {
  if (op == NEGATIVE) return f32x4.neg(x);
  if (op == ABS) return f32x4.abs(x);
  if (op == SIGN) { // zeros and NaN are their own sign
    return v128.bitselect(copySign(one(), x), x, v128.or(f32x4.lt(x, f32x4.splat(0)), f32x4.gt(x, f32x4.splat(0))));
  }
  if (op == SQUARE) return f32x4.mul(x, x);
  if (op == SQRT) return f32x4.sqrt(x);
  if (op == RECIPROCAL) return f32x4.div(one(), x);
  if (op == EXP) return exp(x);
  if (op == TANH) return tanh(x);
  if (op == ERF) return erf(x);
  if (op == GELU) return gelu(x);
  // rare in training: one lane at a time
  const x0 = f32x4.extract_lane(x, 0), x1 = f32x4.extract_lane(x, 1);
  const x2 = f32x4.extract_lane(x, 2), x3 = f32x4.extract_lane(x, 3);
  if (op == LOG) return lanes(Mathf.log(x0), Mathf.log(x1), Mathf.log(x2), Mathf.log(x3));
  if (op == SIN) return lanes(Mathf.sin(x0), Mathf.sin(x1), Mathf.sin(x2), Mathf.sin(x3));
  return lanes(Mathf.cos(x0), Mathf.cos(x1), Mathf.cos(x2), Mathf.cos(x3));
}

@inline
export function lanes(x0: f32, x1: f32, x2: f32, x3: f32): v128 {
  return f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(x0), 1, x1), 2, x2), 3, x3);
}
