import { runBlocked, runTransposed } from "../generated/tiles";
import { BLOCK, TILE_COLUMNS, TILE_ROWS, ceilDiv } from "../variant";
import { panelCount } from "../gemm/pack";
import { QUERIES, ROW } from "./attention-args";

/*
 * The products of attention, tile by tile: each in the order of loops in which its factors come from the first-level cache.
 */

/** Bytes from panel to panel within a block of a matrix, and panels in one. */
@inline const PANEL: usize = TILE_COLUMNS * 4;
@inline const PANELS: i32 = BLOCK / TILE_COLUMNS;
/** Keys that a sum goes over at a time: as many rows of the weights and of a block of values fit the first-level cache. */
@inline const DEPTH: i32 = 128;

/** scores [n keys, count queries] = keys [n, d] times the queries in panels. */
export function scoresOf(scores: usize, keys: usize, room: i32, n: i32, panels: usize, count: i32, d: i32): void {
  const block = <usize>room * ROW, step = block - ROW, panel = <usize>d * PANEL, number = panelCount(count);
  for (let row = 0; row < n; row += TILE_ROWS) {
    const rows = min(TILE_ROWS, n - row), offset = <usize>row * ROW;
    let b = panels, c = scores + offset;
    for (let p = 1; p <= number; p++, b += panel) {
      runBlocked(rows, false, keys + offset, step, b, PANEL, d, c, ROW);
      c += p % PANELS == 0 ? block - (PANELS - 1) * PANEL : PANEL;
    }
  }
}

/** y [d, count queries] = (accumulate ? y : 0) + values^T [d, n] weights [n, count]. */
export function sumOverKeys(
  y: usize, values: usize, weights: usize, room: i32, n: i32, count: i32, d: i32, accumulate: bool,
): void {
  for (let key = 0; key < n; key += DEPTH) {
    sumOverSome(y, values + <usize>key * ROW, weights + <usize>key * ROW, room, min(DEPTH, n - key), count, d, accumulate || key > 0);
  }
}

@inline
function sumOverSome(
  y: usize, values: usize, weights: usize, room: i32, n: i32, count: i32, d: i32, accumulate: bool,
): void {
  const block = <usize>room * ROW;
  for (let i = 0; i < d; i += BLOCK, values += block) {
    const size = min(BLOCK, d - i);
    let row = 0;
    for (let left = ceilDiv(size, TILE_ROWS); left > 0; left--) { // rows split as evenly as tiles allow
      const rows = ceilDiv(size - row, left);
      let b = weights, c = y + <usize>(i + row) * ROW;
      for (let p = 1; p <= panelCount(count); p++) {
        runTransposed(rows, accumulate, values + (<usize>row << 2), ROW, b, ROW, n, c, ROW);
        b += p % PANELS == 0 ? block - (PANELS - 1) * PANEL : PANEL;
        c += p % PANELS == 0 ? <usize>d * ROW - (PANELS - 1) * PANEL : PANEL;
      }
      row += rows;
    }
  }
}

/** y [n keys, d] = (accumulate ? y : 0) + weights [n, count queries] x [count, d]. */
export function sumOverQueries(y: usize, weights: usize, room: i32, n: i32, x: usize, count: i32, d: i32, accumulate: bool): void {
  const block = <usize>room * ROW, step = block - ROW;
  for (let row = 0; row < n; row += TILE_ROWS) {
    const rows = min(TILE_ROWS, n - row), offset = <usize>row * ROW;
    let b = x, c = y + offset;
    for (let p = 1; p <= panelCount(d); p++) {
      runBlocked(rows, accumulate, weights + offset, step, b, ROW, count, c, ROW);
      b += p % PANELS == 0 ? QUERIES * ROW - (PANELS - 1) * PANEL : PANEL;
      c += p % PANELS == 0 ? block - (PANELS - 1) * PANEL : PANEL;
    }
  }
}
