import { storeLanes } from "../gemm/pack";

/**
 * Rows of `length` floats copied from x to y, both `...Stride` floats apart. Each row of x serves `repeat` rows of y in turn: 1
 * for slices, pieces of concatenations and padding, more for `expand`.
 */
@unmanaged
class CopyRows {
  x: usize;
  y: usize;
  length: i32;
  xStride: i32;
  yStride: i32;
  repeat: i32;
}

/** A unit is an element copied; a chunk may begin and end inside a row. */
export function copyRows(args: CopyRows, from: i32, to: i32, _workspace: usize): void {
  const length = args.length;
  let at = from;
  while (at < to) {
    const row = at / length, column = at % length, n = min(length - column, to - at);
    const x = args.x + (<usize>(row / args.repeat * args.xStride + column) << 2);
    copyFloats(args.y + (<usize>(row * args.yStride + column) << 2), x, n);
    at += n;
  }
}

/** Copies n floats and touches nothing behind them. */
@inline
export function copyFloats(to: usize, from: usize, n: i32): void {
  if (n >= 64) {
    memory.copy(to, from, <usize>n << 2);
    return;
  }
  while (n >= 4) {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
    n -= 4;
  }
  if (n > 0) storeLanes(to, v128.load(from), n);
}

/** Rows of one repeated number: y[r, :] = x[r]. */
@unmanaged
class RepeatElements {
  x: usize;
  y: usize;
  length: i32;
}

/** y[r, a] = x[r] for a < length. A unit is a row. */
export function repeatElements(args: RepeatElements, from: i32, to: i32, _workspace: usize): void {
  const length = args.length;
  let y = args.y + (<usize>(from * length) << 2);
  for (let row = from; row < to; row++) {
    const value = v128.load32_splat(args.x + (<usize>row << 2));
    let n = length;
    for (; n >= 4; n -= 4, y += 16) v128.store(y, value);
    if (n > 0) storeLanes(y, value, n);
    y += <usize>n << 2;
  }
}

/** Rows chosen by number: y [outer, count, inner] = x [outer, index[j], inner] of x [outer, axis, inner]. */
@unmanaged
class Gather {
  x: usize;
  index: usize;
  y: usize;
  axis: i32;
  inner: i32;
  count: i32;
}

/** y[o, j, :] = x[o, index[j], :]. A unit is a row of y. */
export function gather(args: Gather, from: i32, to: i32, _workspace: usize): void {
  const axis = args.axis, inner = args.inner, count = args.count;
  for (let row = from; row < to; row++) {
    const source = row / count * axis + <i32>f32.load(args.index + (<usize>(row % count) << 2));
    copyFloats(args.y + (<usize>(row * inner) << 2), args.x + (<usize>(source * inner) << 2), inner);
  }
}

/** Columns in a unit of `scatterAdd`. */
@inline const SCATTER_COLUMNS: i32 = 64;

/**
 * y[o, a, :] = sum over j with index[j] = a of x[o, j, :], in the order of j: x [outer, count, inner], y [outer, axis, inner].
 * A unit is SCATTER_COLUMNS columns of one o.
 */
export function scatterAdd(args: Gather, from: i32, to: i32, _workspace: usize): void {
  const axis = args.axis, inner = args.inner, count = args.count;
  const blocks = (inner + SCATTER_COLUMNS - 1) / SCATTER_COLUMNS, row = <usize>inner << 2;
  for (let unit = from; unit < to; unit++) {
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
