import {
  blockedAdd1, blockedAdd2, blockedAdd3, blockedAdd4, blockedAdd5, blockedAdd6,
  blockedPut1, blockedPut2, blockedPut3, blockedPut4, blockedPut5, blockedPut6,
  transposedAdd1, transposedAdd2, transposedAdd3, transposedAdd4, transposedAdd5, transposedAdd6,
  transposedPut1, transposedPut2, transposedPut3, transposedPut4, transposedPut5, transposedPut6,
} from "./tiles";
import { BLOCK, TILE_COLUMNS, TILE_ROWS, ceilDiv } from "../variant";

/** Steps of k between two visits to C: a panel [BLOCK_K, TILE_COLUMNS] of B and TILE_ROWS rows of A fit the first-level cache. */
@inline export const BLOCK_K: i32 = 256;

/**
 * C[m, panels * TILE_COLUMNS] = (accumulate ? C : 0) + A[m, k] B on one thread, A in the blocked layout: element (r, p) lies at
 * a + (p / BLOCK) * aBlock + r * 128 + (p % BLOCK) * 4, with a and aBlock multiples of 128.
 *
 * Row p of B's panel q lies at b + q * bPanel + p * bStep. Strides are bytes. C has room for whole panels.
 */
export function gemmBlocked(
  m: i32, panels: i32, k: i32, a: usize, aBlock: usize, b: usize, bPanel: usize, bStep: usize,
  c: usize, cRow: usize, accumulate: bool,
): void {
  gemmBlock(false, m, panels, k, a, aBlock, b, bPanel, bStep, c, cRow, accumulate);
}

/** The same with A in the transposed layout: element (r, p) lies at a + p * aStep + r * 4. */
export function gemmTransposed(
  m: i32, panels: i32, k: i32, a: usize, aStep: usize, b: usize, bPanel: usize, bStep: usize,
  c: usize, cRow: usize, accumulate: bool,
): void {
  gemmBlock(true, m, panels, k, a, aStep, b, bPanel, bStep, c, cRow, accumulate);
}

/** Both of the above. The m rows are split as evenly as tiles allow: 32 = 6 + 6 + 5 + 5 + 5 + 5. */
@inline
function gemmBlock(
  transposed: bool, m: i32, panels: i32, k: i32, a: usize, aStep: usize, b: usize, bPanel: usize, bStep: usize,
  c: usize, cRow: usize, accumulate: bool,
): void {
  const groups = ceilDiv(m, TILE_ROWS);
  const rowBytes = transposed ? 4 : BLOCK * 4;
  const step = transposed ? aStep : aStep - BLOCK * 4;
  for (let p = 0; p < k; p += BLOCK_K) {
    const depth = min(BLOCK_K, k - p);
    const aStart = a + <usize>(transposed ? p : p / BLOCK) * aStep;
    let bStart = b + <usize>p * bStep;
    let cStart = c;
    for (let panel = 0; panel < panels; panel++) {
      let row = 0;
      for (let group = 1; group <= groups; group++) {
        const next = group * m / groups;
        const aTile = aStart + <usize>(row * rowBytes), cTile = cStart + <usize>row * cRow;
        if (transposed) runTransposed(next - row, accumulate || p > 0, aTile, step, bStart, bStep, depth, cTile, cRow);
        else runBlocked(next - row, accumulate || p > 0, aTile, step, bStart, bStep, depth, cTile, cRow);
        row = next;
      }
      bStart += bPanel;
      cStart += TILE_COLUMNS * 4;
    }
  }
}

/** Calls the blocked tile of so many rows, 1 <= rows <= TILE_ROWS. */
@inline
function runBlocked(
  rows: i32, accumulate: bool, a: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize,
): void {
  if (accumulate) {
    if (TILE_ROWS == 6 && rows == 6) blockedAdd6(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 5) blockedAdd5(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 4) blockedAdd4(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 3) blockedAdd3(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 2) blockedAdd2(a, aStep, b, bStep, k, c, cRow);
    else blockedAdd1(a, aStep, b, bStep, k, c, cRow);
  } else {
    if (TILE_ROWS == 6 && rows == 6) blockedPut6(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 5) blockedPut5(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 4) blockedPut4(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 3) blockedPut3(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 2) blockedPut2(a, aStep, b, bStep, k, c, cRow);
    else blockedPut1(a, aStep, b, bStep, k, c, cRow);
  }
}

/** Calls the transposed tile of so many rows, 1 <= rows <= TILE_ROWS. */
@inline
function runTransposed(
  rows: i32, accumulate: bool, a: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize,
): void {
  if (accumulate) {
    if (TILE_ROWS == 6 && rows == 6) transposedAdd6(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 5) transposedAdd5(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 4) transposedAdd4(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 3) transposedAdd3(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 2) transposedAdd2(a, aStep, b, bStep, k, c, cRow);
    else transposedAdd1(a, aStep, b, bStep, k, c, cRow);
  } else {
    if (TILE_ROWS == 6 && rows == 6) transposedPut6(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 5) transposedPut5(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 4) transposedPut4(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 3) transposedPut3(a, aStep, b, bStep, k, c, cRow);
    else if (rows == 2) transposedPut2(a, aStep, b, bStep, k, c, cRow);
    else transposedPut1(a, aStep, b, bStep, k, c, cRow);
  }
}
