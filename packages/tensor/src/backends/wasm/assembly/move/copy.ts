import { LINE, LINE_ELEMENTS } from "../elementwise/loops";
import { storeLanes } from "../gemm/pack";
import { GRAIN, ceilDiv, rowsInChunk, storePair } from "../variant";

/**
 * `rows` rows of `length` floats copied from x to y, both `...Stride` floats apart. Each row of x serves `repeat` rows of y in
 * turn: 1 for slices, pieces of concatenations and padding, more for `expand`.
 */
@unmanaged
export class CopyRows {
  x: usize;
  y: usize;
  rows: i32;
  length: i32;
  xStride: i32;
  yStride: i32;
  repeat: i32;
}

export function copyRowsChunks(args: CopyRows): i32 {
  return ceilDiv(args.rows * args.length, GRAIN);
}

/** A chunk may begin and end inside a row. */
export function copyRows(args: CopyRows, from: i32, to: i32, _workspace: usize): void {
  const length = args.length, repeat = args.repeat, end = min(to * GRAIN, args.rows * length);
  let at = from * GRAIN, row = at / length, column = at % length, source = row / repeat, time = row % repeat;
  while (at < end) {
    const n = min(length - column, end - at);
    const x = args.x + (<usize>(source * args.xStride + column) << 2);
    copyFloats(args.y + (<usize>(row * args.yStride + column) << 2), x, n);
    at += n;
    row++;
    column = 0;
    if (++time == repeat) time = 0, source++;
  }
}

/** Floats from which the engine's own copy is worth its call. */
@inline const LONG: i32 = 128;

/** Copies n floats and touches nothing behind them. */
@inline
export function copyFloats(to: usize, from: usize, n: i32): void {
  if (n >= LONG) {
    memory.copy(to, from, <usize>n << 2);
    return;
  }
  for (; n >= LINE_ELEMENTS; n -= LINE_ELEMENTS, to += LINE, from += LINE) {
    const x0 = v128.load(from), x1 = v128.load(from, 16), x2 = v128.load(from, 32), x3 = v128.load(from, 48);
    storePair(to, x0, x1);
    storePair(to, x2, x3, 32);
  }
  for (; n >= 4; n -= 4, to += 16, from += 16) v128.store(to, v128.load(from));
  if (n > 0) storeLanes(to, v128.load(from), n);
}

/** Rows of one repeated number: y[r, :] = x[r]. */
@unmanaged
export class RepeatElements {
  x: usize;
  y: usize;
  rows: i32;
  length: i32;
}

export function repeatElementsChunks(args: RepeatElements): i32 {
  return ceilDiv(args.rows, rowsInChunk(args.length));
}

/** y[r, a] = x[r] for a < length. */
export function repeatElements(args: RepeatElements, from: i32, to: i32, _workspace: usize): void {
  const length = args.length, first = from * rowsInChunk(length), end = min(to * rowsInChunk(length), args.rows);
  let y = args.y + (<usize>(first * length) << 2);
  for (let row = first; row < end; row++) {
    const value = v128.load32_splat(args.x + (<usize>row << 2));
    let n = length;
    for (; n >= 4; n -= 4, y += 16) v128.store(y, value);
    if (n > 0) storeLanes(y, value, n);
    y += <usize>n << 2;
  }
}

/** Rows chosen by number, from or to an axis of `axis` rows; index [count]. */
@unmanaged
export class Gather {
  x: usize;
  index: usize;
  y: usize;
  outer: i32;
  axis: i32;
  inner: i32;
  count: i32;
}

export function gatherChunks(args: Gather): i32 {
  return ceilDiv(args.outer * args.count, rowsInChunk(args.inner));
}

/** y[o, j, :] = x[o, index[j], :], x [outer, axis, inner], y [outer, count, inner]. */
export function gather(args: Gather, from: i32, to: i32, _workspace: usize): void {
  const axis = args.axis, inner = args.inner, count = args.count, end = min(to * rowsInChunk(inner), args.outer * count);
  for (let row = from * rowsInChunk(inner); row < end; row++) {
    const source = row / count * axis + <i32>f32.load(args.index + (<usize>(row % count) << 2));
    copyFloats(args.y + (<usize>(row * inner) << 2), args.x + (<usize>(source * inner) << 2), inner);
  }
}

/** What `scatterAdd` takes at once: so many columns of one o, and so many of these in a chunk. */
@inline const SCATTER_COLUMNS: i32 = 64;
@inline function scatterBlocks(args: Gather): i32 { return ceilDiv(args.inner, SCATTER_COLUMNS); }
@inline function scatterUnits(args: Gather): i32 { return ceilDiv(GRAIN / SCATTER_COLUMNS, args.axis + args.count); }

export function scatterAddChunks(args: Gather): i32 {
  return ceilDiv(args.outer * scatterBlocks(args), scatterUnits(args));
}

/**
 * y[o, a, :] = sum over j with index[j] = a of x[o, j, :], in the order of j: x [outer, count, inner], y [outer, axis, inner].
 */
export function scatterAdd(args: Gather, from: i32, to: i32, _workspace: usize): void {
  const axis = args.axis, inner = args.inner, count = args.count;
  const blocks = scatterBlocks(args), row = <usize>inner << 2, end = min(to * scatterUnits(args), args.outer * blocks);
  for (let unit = from * scatterUnits(args); unit < end; unit++) {
    const o = unit / blocks, column = unit % blocks * SCATTER_COLUMNS, n = min(SCATTER_COLUMNS, inner - column);
    const y = args.y + (<usize>(o * axis * inner + column) << 2);
    let x = args.x + (<usize>(o * count * inner + column) << 2);
    for (let a = 0; a < axis; a++) memory.fill(y + <usize>a * row, 0, <usize>n << 2);
    for (let j = 0; j < count; j++, x += row) {
      addFloats(y + <usize><i32>f32.load(args.index + (<usize>j << 2)) * row, x, n);
    }
  }
}

/** to += from, n floats. */
@inline
export function addFloats(to: usize, from: usize, n: i32): void {
  while (n >= 4) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
    to += 16;
    from += 16;
    n -= 4;
  }
  if (n > 0) storeLanes(to, f32x4.add(v128.load(to), v128.load(from)), n);
}
