import { packPanelTransposed, panelCount, storeLanes } from "../gemm/pack";
import { touchRows } from "../move/touch";
import { BLOCK, TILE_COLUMNS, ceilDiv, roundUpWide } from "../variant";

/**
 * Attention and its gradients over `n` images of `heads` heads: queries, y and their gradients [n, l, heads d], keys, values and
 * theirs [n, s, heads d]; head h owns channels h d .. (h + 1) d - 1 of each row, and is read and written there.
 *
 * Matrices in the workspace have one layout, the blocked one of gemm/tiles.ts: columns in blocks of 32, [columns / 32][rows][32], so
 * that from one row to the next it is 128 bytes everywhere. It serves as either factor and as the product. Scores and what becomes
 * of them lie with a key to a row and a query to a column: so every sum over keys is one over vectors, lane by lane, and the
 * products behind the softmax take it as it lies.
 */
@unmanaged
export class Attention {
  q: usize;
  k: usize;
  v: usize;
  y: usize = 0;
  dy: usize = 0;
  dq: usize = 0;
  dk: usize = 0;
  dv: usize = 0;
  n: i32;
  heads: i32;
  l: i32;
  s: i32;
  d: i32;
  scale: f32;
}

/** Queries that go through together. */
@inline export const QUERIES: i32 = 64;
/** Keys whose scores are held at a time. */
@inline export const KEYS: i32 = 1024;

/** Bytes of a row in the blocked layout. */
@inline export const ROW: usize = BLOCK * 4;
/** Bytes of QUERIES numbers, one for each query. */
@inline export const PER_QUERY: usize = QUERIES * 4;

/** Rows that there is room for in a matrix with a key to each row. */
@inline export function keyRows(s: i32): i32 { return min(KEYS, s); }
/** Rounds of at most KEYS keys. */
@inline export function keyRounds(s: i32): i32 { return ceilDiv(s, KEYS); }
/** Bytes from one row of a tensor to the next. */
@inline export function tensorRow(heads: i32, d: i32): usize { return <usize>(heads * d) << 2; }

/** Bytes of a matrix [rows, columns]. */
@inline
export function matrixBytes(rows: i32, columns: i32): usize {
  return <usize>(ceilDiv(columns, BLOCK) * rows) * ROW;
}

/** The same in f64, for sizes that may pass 2^31. */
@inline
export function matrixBytesWide(rows: i32, columns: i32): f64 {
  return roundUpWide(columns, BLOCK) * rows * 4;
}

/** Where row `row` of a tensor with `rows` rows an image has the channels of a head; `at` counts heads of all images. */
@inline
export function headAt(args: Attention, tensor: usize, at: i32, rows: i32, row: i32): usize {
  return tensor + <usize>(at / args.heads * rows + row) * tensorRow(args.heads, args.d) + (<usize>(at % args.heads * args.d) << 2);
}

/** Copies `rows` rows of d floats, `row` bytes apart, times `scale`, to a matrix with room for `room` rows. */
export function copyIn(to: usize, room: i32, from: usize, rows: i32, d: i32, row: usize, scale: f32): void {
  const factor = f32x4.splat(scale);
  if (d > BLOCK) touchRows(from, rows, d << 2, row, to); // they are read in pieces of BLOCK
  for (let i = 0; i < d; i += BLOCK, to += <usize>room * ROW, from += ROW) {
    const vectors = ceilDiv(min(BLOCK, d - i), 4);
    for (let r = 0; r < rows; r++) {
      let a = from + <usize>r * row, b = to + <usize>r * ROW;
      for (let left = vectors; left > 0; left--, a += 16, b += 16) v128.store(b, f32x4.mul(v128.load(a), factor));
    }
  }
}

/** Copies the keys and values of a round, at most KEYS of them, to matrices. */
export function copyKeys(args: Attention, head: i32, round: i32, keys: usize, values: usize): void {
  const first = round * KEYS, n = min(KEYS, args.s - first), room = keyRows(args.s), row = tensorRow(args.heads, args.d);
  copyIn(keys, room, headAt(args, args.k, head, args.s, first), n, args.d, row, 1);
  copyIn(values, room, headAt(args, args.v, head, args.s, first), n, args.d, row, 1);
}

/** Panels of the transpose of a matrix [rows, d], as tiles take them for B: [rows / TILE_COLUMNS][d][TILE_COLUMNS]. */
export function transposeToPanels(to: usize, x: usize, room: i32, rows: i32, d: i32): void {
  for (let panel = 0; panel < panelCount(rows); panel++) {
    for (let i = 0; i < d; i += BLOCK) {
      const rest = min(BLOCK, d - i);
      packPanelTransposed(to, x + <usize>(i * room << 2), rest, rows, BLOCK, panel * TILE_COLUMNS);
      to += <usize>(rest * TILE_COLUMNS << 2);
    }
  }
}

/** Writes (or adds, with `add`) the first `rows` rows of a matrix of d columns to rows of d floats, `row` bytes apart. */
export function copyOut(to: usize, row: usize, from: usize, room: i32, rows: i32, d: i32, add: bool): void {
  for (let i = 0; i < d; i += BLOCK, to += ROW, from += <usize>room * ROW) {
    const columns = min(BLOCK, d - i);
    for (let r = 0; r < rows; r++) {
      let a = from + <usize>r * ROW, b = to + <usize>r * row;
      for (let left = columns; left > 0; left -= 4, a += 16, b += 16) {
        const x = v128.load(a);
        storeLanes(b, add ? f32x4.add(x, v128.load(b)) : x, min(4, left));
      }
    }
  }
}

/**
 * Writes the transpose of x [d, rows], each of its columns times a factor of its own, to `rows` rows of d floats, `row` bytes apart.
 */
export function transposeOut(to: usize, row: usize, x: usize, factors: usize, rows: i32, d: i32): void {
  for (let i = 0; i < rows; i += 4) {
    const factor = v128.load(factors + (<usize>i << 2)), count = min(4, rows - i);
    let from = x + <usize>(i / BLOCK * d) * ROW + (<usize>(i % BLOCK) << 2), y = to + <usize>i * row;
    for (let j = d; j > 0; j -= 4, from += 4 * ROW, y += 16) {
      const x0 = f32x4.mul(v128.load(from), factor), x1 = f32x4.mul(v128.load(from, 128), factor);
      const x2 = f32x4.mul(v128.load(from, 256), factor), x3 = f32x4.mul(v128.load(from, 384), factor);
      const ab0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
      const lanes = min(4, j);
      storeLanes(y, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5), lanes);
      if (count > 1) storeLanes(y + row, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7), lanes);
      if (count > 2) storeLanes(y + 2 * row, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5), lanes);
      if (count > 3) storeLanes(y + 3 * row, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7), lanes);
    }
  }
}
