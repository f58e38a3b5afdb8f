import { gemmBlocked } from "../gemm/gemm-block";
import { panelCount, storeLanes } from "../gemm/pack";
import { BLOCK, TILE_COLUMNS, TILE_ROWS, ceilDiv, roundUp } from "../variant";

/*
 * What `convForward` and `convGradInput` share: a chunk is a block of output pixels. Their patches are gathered as rows of a
 * matrix in the workspace, multiplied with the packed weights into a second block of the workspace, and stored pixel by pixel.
 */

/** Bytes that patches and products of one chunk may take together, so that they stay in the second-level cache. */
@inline const CHUNK_BYTES: i32 = 256 * 1024;

/** Output pixels in a chunk, for patches of k floats and n output channels, out of `pixels`: from the shape alone. */
export function rowsInChunk(k: i32, n: i32, pixels: i32): i32 {
  const most = min(CHUNK_BYTES / 4 / (roundUp(k, BLOCK) + roundUp(n, TILE_COLUMNS)), 256) / TILE_ROWS * TILE_ROWS;
  return max(TILE_ROWS, min(most, roundUp(ceilDiv(pixels, 8), TILE_ROWS)));
}

/** Bytes between two blocks of the patches: a row more than is used, for copies that write too far. */
@inline
export function blockBytes(rows: i32): i32 {
  return (rows + 1) * BLOCK * 4;
}

/** Bytes of workspace: patches, then products. */
export function rowsWorkspace(rows: i32, k: i32, n: i32): f64 {
  return <f64>ceilDiv(k, BLOCK) * blockBytes(rows) + 128 + <f64>rows * roundUp(n, TILE_COLUMNS) * 4;
}

@inline
function productsOffset(rows: i32, k: i32): i32 {
  return ceilDiv(k, BLOCK) * blockBytes(rows) + 128;
}

/** Multiplies the gathered rows [rows, k] with the panels; returns the address of the products [rows, panels * TILE_COLUMNS]. */
export function multiplyRows(rows: i32, capacity: i32, k: i32, n: i32, panels: usize, workspace: usize): usize {
  const c = workspace + productsOffset(capacity, k), count = panelCount(n);
  const bRow = TILE_COLUMNS * 4;
  gemmBlocked(rows, count, k, workspace, blockBytes(capacity), panels, k * bRow, bRow, c, count * bRow, false);
  return c;
}

/** Stores one pixel: its n products, plus n floats of bias unless that is 0. */
export function storePixel(to: usize, from: usize, n: i32, bias: usize): void {
  for (let j = 0; j < n; j += 4) {
    let v = v128.load(from + (<usize>j << 2));
    if (bias) v = f32x4.add(v, v128.load(bias + (<usize>j << 2)));
    storeLanes(to + (<usize>j << 2), v, min(4, n - j));
  }
}
