import { lanes } from "./elementwise";
import { geluSlope } from "./erf";
import { one } from "./exp";
import { siluGradRow } from "./exp-rows";
import { storeLanes } from "../gemm/pack";

/** Codes of binary operations, in the order of `binaryOps` on the host's side. */
@inline const ADD: i32 = 0;
@inline const SUBTRACT: i32 = 1;
@inline const MULTIPLY: i32 = 2;
@inline const DIVIDE: i32 = 3;
@inline const POWER: i32 = 4;
@inline const MAXIMUM: i32 = 5;
@inline const MINIMUM: i32 = 6;
@inline const EQUAL: i32 = 7;
@inline const NOT_EQUAL: i32 = 8;
@inline const LESS: i32 = 9;
@inline const LESS_EQUAL: i32 = 10;
@inline const GREATER: i32 = 11;
@inline const GREATER_EQUAL: i32 = 12;
@inline const SILU_GRAD: i32 = 13;
@inline const GELU_GRAD: i32 = 14;

/** y [outer, axis, inner] = op(a, b); strides are floats, 0 where an operand is repeated, `inner` ones are 1 or 0. */
@unmanaged
class Binary {
  op: i32;
  a: usize;
  b: usize;
  y: usize;
  axis: i32;
  inner: i32;
  aOuter: i32;
  aAxis: i32;
  aInner: i32;
  bOuter: i32;
  bAxis: i32;
  bInner: i32;
}

/**
 * y = op(a, b). A unit is an element of y; units are handed out in whole rows of `inner` elements or, where y is one row, in
 * multiples of 4. Workspace: 32 bytes.
 */
export function binary(args: Binary, from: i32, to: i32, workspace: usize): void {
  const op = args.op, inner = args.inner;
  let at = from;
  while (at < to) {
    const row = at / inner, column = at % inner, n = min(inner - column, to - at);
    const o = row / args.axis, j = row % args.axis;
    const y = args.y + (<usize>at << 2);
    let a = args.a + (<usize>(o * args.aOuter + j * args.aAxis + column * args.aInner) << 2);
    let b = args.b + (<usize>(o * args.bOuter + j * args.bAxis + column * args.bInner) << 2);
    const stepA = <usize>args.aInner << 4, stepB = <usize>args.bInner << 4;
    if (stepA == 0) a = repeated(workspace, a);
    if (stepB == 0) b = repeated(workspace + 16, b);
    binaryRow(op, a, stepA, b, stepB, y, n);
    at += n;
  }
}

/** Writes one number four times: a row read with step 0. */
@inline
function repeated(to: usize, from: usize): usize {
  v128.store(to, v128.load32_splat(from));
  return to;
}

function binaryRow(op: i32, a: usize, stepA: usize, b: usize, stepB: usize, y: usize, n: i32): void {
  switch (op) {
    case ADD: return zip(ADD, a, stepA, b, stepB, y, n);
    case SUBTRACT: return zip(SUBTRACT, a, stepA, b, stepB, y, n);
    case MULTIPLY: return zip(MULTIPLY, a, stepA, b, stepB, y, n);
    case DIVIDE: return zip(DIVIDE, a, stepA, b, stepB, y, n);
    case POWER: return zip(POWER, a, stepA, b, stepB, y, n);
    case MAXIMUM: return zip(MAXIMUM, a, stepA, b, stepB, y, n);
    case MINIMUM: return zip(MINIMUM, a, stepA, b, stepB, y, n);
    case EQUAL: return zip(EQUAL, a, stepA, b, stepB, y, n);
    case NOT_EQUAL: return zip(NOT_EQUAL, a, stepA, b, stepB, y, n);
    case LESS: return zip(LESS, a, stepA, b, stepB, y, n);
    case LESS_EQUAL: return zip(LESS_EQUAL, a, stepA, b, stepB, y, n);
    case GREATER: return zip(GREATER, a, stepA, b, stepB, y, n);
    case GREATER_EQUAL: return zip(GREATER_EQUAL, a, stepA, b, stepB, y, n);
    case SILU_GRAD: return siluGrad(a, stepA, b, stepB, y, n);
    case GELU_GRAD: return zip(GELU_GRAD, a, stepA, b, stepB, y, n);
  }
}

/** y = dy silu'(x): the whole row at once, or a vector at a time where one of the operands is repeated. */
function siluGrad(dy: usize, stepDy: usize, x: usize, stepX: usize, y: usize, n: i32): void {
  const piece = stepDy != 0 && stepX != 0 ? n : 4;
  for (; n > 0; n -= piece, dy += stepDy, x += stepX, y += 16) siluGradRow(dy, x, y, min(piece, n));
}

/** The loop of one operation: `op` is a constant at each call. */
@inline
function zip(op: i32, a: usize, stepA: usize, b: usize, stepB: usize, y: usize, n: i32): void {
  if (stepA == 16 && stepB == 16) { // pairs, all loads before the stores, as V8's revectorizer needs it
    while (n >= 8) {
      const a0 = v128.load(a), a1 = v128.load(a, 16), b0 = v128.load(b), b1 = v128.load(b, 16);
      const y0 = binaryOp(op, a0, b0), y1 = binaryOp(op, a1, b1);
      v128.store(y, y0);
      v128.store(y, y1, 16);
      a += 32;
      b += 32;
      y += 32;
      n -= 8;
    }
  }
  while (n >= 4) {
    v128.store(y, binaryOp(op, v128.load(a), v128.load(b)));
    a += stepA;
    b += stepB;
    y += 16;
    n -= 4;
  }
  if (n > 0) storeLanes(y, binaryOp(op, v128.load(a), v128.load(b)), n);
}

@inline
function binaryOp(op: i32, a: v128, b: v128): v128 {
  if (op == ADD) return f32x4.add(a, b);
  if (op == SUBTRACT) return f32x4.sub(a, b);
  if (op == MULTIPLY) return f32x4.mul(a, b);
  if (op == DIVIDE) return f32x4.div(a, b);
  if (op == MAXIMUM) return f32x4.max(a, b);
  if (op == MINIMUM) return f32x4.min(a, b);
  if (op == EQUAL) return v128.and(one(), f32x4.eq(a, b));
  if (op == NOT_EQUAL) return v128.and(one(), f32x4.ne(a, b));
  if (op == LESS) return v128.and(one(), f32x4.lt(a, b));
  if (op == LESS_EQUAL) return v128.and(one(), f32x4.le(a, b));
  if (op == GREATER) return v128.and(one(), f32x4.gt(a, b));
  if (op == GREATER_EQUAL) return v128.and(one(), f32x4.ge(a, b));
  if (op == GELU_GRAD) return f32x4.mul(a, geluSlope(b));
  return lanes( // power: rare in training, one lane at a time
    Mathf.pow(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)), Mathf.pow(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)),
    Mathf.pow(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)), Mathf.pow(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)),
  );
}
