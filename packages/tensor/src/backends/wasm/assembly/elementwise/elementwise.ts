import { binaryRow, unaryRow } from "../generated/rows";
import { binaryGrain, unaryGrain } from "./operations";
import { GRAIN, ceilDiv, roundUp } from "../variant";

/*
 * Elementwise kernels. Chunks are multiples of 8 elements, so only the very end of an array is not a whole pair of vectors: there
 * the kernels read and write into the array's padding.
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
  const end = min(to * GRAIN, args.n), value = f32x4.splat(args.value), y = args.y;
  for (let i = from * GRAIN; i < end; i += 4) v128.store(y + (<usize>i << 2), value);
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
  const end = min(to * GRAIN, args.n), condition = args.condition, a = args.a, b = args.b, y = args.y;
  for (let i = from * GRAIN; i < end; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, v128.bitselect(v128.load(a + at), v128.load(b + at), f32x4.ne(v128.load(condition + at), f32x4.splat(0))));
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

/** A vector for each operand. */
export function binaryWorkspace(_args: Binary): f64 {
  return 32;
}

/** y = op(a, b; p), row by row. */
export function binary(args: Binary, from: i32, to: i32, workspace: usize): void {
  const inner = args.inner, p = f32x4.splat(args.p);
  const stepA = <usize>args.aInner << 4, stepB = <usize>args.bInner << 4;
  const end = min(to * chunkSize(args), args.outer * args.axis * inner);
  for (let at = from * chunkSize(args); at < end;) {
    const row = at / inner, column = at % inner, n = min(inner - column, end - at);
    const o = row / args.axis, j = row % args.axis;
    let a = args.a + (<usize>(o * args.aOuter + j * args.aAxis + column * args.aInner) << 2);
    let b = args.b + (<usize>(o * args.bOuter + j * args.bAxis + column * args.bInner) << 2);
    if (stepA == 0) a = repeated(workspace, a);
    if (stepB == 0) b = repeated(workspace + 16, b);
    binaryRow(args.op, a, stepA, b, stepB, args.y + (<usize>at << 2), n, p);
    at += n;
  }
}

/** Writes one number four times: a row read with step 0. */
@inline
function repeated(to: usize, from: usize): usize {
  v128.store(to, v128.load32_splat(from));
  return to;
}
