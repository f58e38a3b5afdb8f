import { binaryRow, unaryRow } from "../generated/rows";
import { binaryGrain, unaryGrain } from "./operations";
import { LINE, LINE_ELEMENTS } from "./loops";
import { GRAIN, ceilDiv, roundUp, storePair } from "../variant";

/*
 * Elementwise kernels. Chunks are multiples of 16 elements, so only the very end of an array is not a whole line: there the kernels
 * read and write into the array's padding.
 */

@unmanaged
export class Full {
  y: usize;
  n: i32;
  value: f32;
}

export function fullChunks(args: Full): i32 {
  return ceilDiv(args.n, GRAIN);
}

/** y = value */
export function full(args: Full, from: i32, to: i32, _workspace: usize): void {
  const first = from * GRAIN, value = f32x4.splat(args.value);
  let n = min(to * GRAIN, args.n) - first, y = args.y + (<usize>first << 2);
  for (; n >= LINE_ELEMENTS; n -= LINE_ELEMENTS, y += LINE) {
    storePair(y, value, value);
    storePair(y, value, value, 32);
  }
  for (; n > 0; n -= 4, y += 16) v128.store(y, value);
}

@unmanaged
export class Where {
  condition: usize;
  a: usize;
  b: usize;
  y: usize;
  n: i32;
}

export function whereChunks(args: Where): i32 {
  return ceilDiv(args.n, GRAIN);
}

/** y = condition != 0 ? a : b */
export function where(args: Where, from: i32, to: i32, _workspace: usize): void {
  const first = from * GRAIN, at = <usize>first << 2, zero = f32x4.splat(0);
  let condition = args.condition + at, a = args.a + at, b = args.b + at, y = args.y + at;
  for (let n = min(to * GRAIN, args.n) - first; n > 0; n -= 8, condition += 32, a += 32, b += 32, y += 32) {
    const c0 = f32x4.ne(v128.load(condition), zero), c1 = f32x4.ne(v128.load(condition, 16), zero);
    const a0 = v128.load(a), a1 = v128.load(a, 16), b0 = v128.load(b), b1 = v128.load(b, 16);
    storePair(y, v128.bitselect(a0, b0, c0), v128.bitselect(a1, b1, c1));
  }
}

@unmanaged
export class Unary {
  /** Place of the operation in `unaryOps`. */
  op: i32;
  x: usize;
  y: usize;
  n: i32;
  p: f32;
  q: f32;
}

export function unaryChunks(args: Unary): i32 {
  return ceilDiv(args.n, unaryGrain(args.op));
}

/** y = op(x; p, q) */
export function unary(args: Unary, from: i32, to: i32, _workspace: usize): void {
  const grain = unaryGrain(args.op), first = from * grain, at = <usize>first << 2;
  const p = f32x4.splat(args.p), q = f32x4.splat(args.q);
  unaryRow(args.op, args.x + at, args.y + at, min(to * grain, args.n) - first, p, q);
}

/**
 * y [outer, axis, inner] = op(a, b; p). A step along an axis of y is so many floats in each operand: 0 where that is repeated, and
 * for `inner` 1 or 0.
 */
@unmanaged
export class Binary {
  /** Place of the operation in `binaryOps`. */
  op: i32;
  a: usize;
  b: usize;
  y: usize;
  outer: i32;
  axis: i32;
  inner: i32;
  aOuter: i32;
  aAxis: i32;
  aInner: i32;
  bOuter: i32;
  bAxis: i32;
  bInner: i32;
  p: f32;
}

/** Elements in a chunk: whole rows, where y is more than one. */
@inline
function chunkSize(args: Binary): i32 {
  const grain = binaryGrain(args.op);
  return args.outer * args.axis == 1 ? grain : roundUp(grain, args.inner);
}

export function binaryChunks(args: Binary): i32 {
  return ceilDiv(args.outer * args.axis * args.inner, chunkSize(args));
}

/** A line for each operand. */
export function binaryWorkspace(_args: Binary): f64 {
  return 2 * <f64>LINE;
}

/** y = op(a, b; p), row by row. */
export function binary(args: Binary, from: i32, to: i32, workspace: usize): void {
  const inner = args.inner, axis = args.axis, p = f32x4.splat(args.p), repeatedB = workspace + LINE;
  const stepA = <usize>args.aInner * LINE, stepB = <usize>args.bInner * LINE;
  const end = min(to * chunkSize(args), args.outer * axis * inner);
  let at = from * chunkSize(args), row = at / inner, column = at % inner, o = row / axis, j = row % axis;
  while (at < end) {
    const n = min(inner - column, end - at);
    let a = args.a + (<usize>(o * args.aOuter + j * args.aAxis + column * args.aInner) << 2);
    let b = args.b + (<usize>(o * args.bOuter + j * args.bAxis + column * args.bInner) << 2);
    if (stepA == 0) a = repeated(workspace, a);
    if (stepB == 0) b = repeated(repeatedB, b);
    binaryRow(args.op, a, stepA, b, stepB, args.y + (<usize>at << 2), n, p);
    at += n;
    column = 0;
    if (++j == axis) j = 0, o++;
  }
}

/** Writes one number LINE_ELEMENTS times: a row read with step 0. */
@inline
function repeated(to: usize, from: usize): usize {
  const value = v128.load32_splat(from);
  storePair(to, value, value);
  storePair(to, value, value, 32);
  return to;
}
