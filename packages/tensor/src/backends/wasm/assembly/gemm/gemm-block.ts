import { runBlocked, runTransposed } from "../generated/tiles";
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
      for (let left = groups; left > 0; left--) {
        const next = row + ceilDiv(m - row, left);
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
