import { microKernel } from "./micro-kernel";
import { TILE_COLUMNS, TILE_ROWS, ceilDiv } from "./variant";

/** Steps of k between two visits to C: a panel [BLOCK_K, TILE_COLUMNS] of B and TILE_ROWS rows of A share the first-level cache. */
@inline export const BLOCK_K: i32 = 256;

/**
 * C[m, panels * TILE_COLUMNS] = (accumulate ? C : 0) + A[m, k] B, on one thread.
 *
 * A's element (r, p) lies at a + r * aRow + p * aStep; row p of B's panel q lies at b + q * bPanel + p * bStep. Strides are bytes.
 * C has room for whole panels. The m rows are split as evenly as tiles of at most TILE_ROWS rows allow (32 = 6 + 6 + 5 + 5 + 5 + 5),
 * so that no tile is much lower than the others.
 */
export function gemmBlock(
  m: i32, panels: i32, k: i32, a: usize, aRow: usize, aStep: usize, b: usize, bPanel: usize, bStep: usize,
  c: usize, cRow: usize, accumulate: bool,
): void {
  const groups = ceilDiv(m, TILE_ROWS);
  for (let p = 0; p < k; p += BLOCK_K) {
    const depth = min(BLOCK_K, k - p);
    const add = accumulate || p > 0;
    const aStart = a + <usize>p * aStep;
    let bStart = b + <usize>p * bStep;
    let cStart = c;
    for (let panel = 0; panel < panels; panel++) {
      let row = 0;
      for (let group = 1; group <= groups; group++) {
        const next = group * m / groups;
        const rows = next - row;
        microKernel(rows, add, aStart + <usize>row * aRow, aRow, aStep, bStart, bStep, depth, cStart + <usize>row * cRow, cRow);
        row = next;
      }
      bStart += bPanel;
      cStart += TILE_COLUMNS * 4;
    }
  }
}
