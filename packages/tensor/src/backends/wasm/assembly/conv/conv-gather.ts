import { copyVectors, zeroVectors } from "../gemm/pack";
import { touchRows } from "../move/touch";
import { BLOCK } from "../variant";

/*
 * Patches as rows of a matrix ("im2col"), a block of rows at a time in the workspace. A patch is a window of rows x columns
 * pixels of an image [h, w, c]; (columns, c) is contiguous in channels-last, so each row of the window is one copy, with zeros
 * where the window leaves the image. Copies run in ascending order and may write up to 12 bytes too far: the next repairs it.
 *
 * Windows form a grid of gridH x gridW an image; number (i, j) has its corner at (top + i step, left + j step).
 */

/** Writes `count` patches from number `first` of all images' grids, each as one row of rows * columns * c floats. */
export function gatherRows(
  to: usize, first: i32, count: i32, x: usize, h: i32, w: i32, c: i32, gridH: i32, gridW: i32, step: i32, top: i32, left: i32,
  rows: i32, columns: i32,
): void {
  gather(false, to, 0, first, count, x, h, w, c, gridH, gridW, step, top, left, rows, columns);
}

/** The same as rows of the blocked layout (tiles.ts): floats k .. k + BLOCK - 1 of row r at to + (k / BLOCK) * block + r * 128. */
export function gatherBlocked(
  to: usize, block: usize, first: i32, count: i32, x: usize, h: i32, w: i32, c: i32, gridH: i32, gridW: i32, step: i32, top: i32,
  left: i32, rows: i32, columns: i32,
): void {
  gather(true, to, block, first, count, x, h, w, c, gridH, gridW, step, top, left, rows, columns);
}

@inline
function gather(
  blocked: bool, to: usize, block: usize, first: i32, count: i32, x: usize, h: i32, w: i32, c: i32, gridH: i32, gridW: i32,
  step: i32, top: i32, left: i32, rows: i32, columns: i32,
): void {
  const rowBytes = blocked ? BLOCK * 4 : rows * columns * c * 4, imageBytes = h * w * c * 4;
  let j = first % gridW, i = first / gridW % gridH;
  x += <usize>(first / gridW / gridH) * imageBytes;
  touchWindows(x, h, w, c, i, j, count, gridH, gridW, step, top, left, rows, columns, to);
  for (; count > 0; count--, to += rowBytes) {
    patch(blocked, to, block, x, h, w, c, top + i * step, left + j * step, rows, columns);
    if (++j < gridW) continue;
    j = 0;
    if (++i < gridH) continue;
    i = 0;
    x += imageBytes;
  }
}

/** Brings the pixels of `count` windows from (i, j) into the cache, as far as they are of this image: some of one row, or whole rows. */
@inline
function touchWindows(
  x: usize, h: i32, w: i32, c: i32, i: i32, j: i32, count: i32, gridH: i32, gridW: i32, step: i32, top: i32, left: i32, rows: i32,
  columns: i32, result: usize,
): void {
  const end = j + count, last = min(gridH - 1, i + (end - 1) / gridW), pixel = c << 2, row = <usize>(w * pixel);
  const y0 = max(0, top + i * step), y1 = min(h, top + last * step + rows);
  if (end <= gridW) {
    const x0 = max(0, left + j * step), x1 = min(w, left + (end - 1) * step + columns);
    touchRows(x + <usize>y0 * row + <usize>(x0 * pixel), y1 - y0, (x1 - x0) * pixel, row, result);
  } else if (count >= gridW) {
    touchRows(x + <usize>y0 * row, y1 - y0, w * pixel, row, result);
  }
}

/** One patch with its corner at (top, left). */
@inline
function patch(
  blocked: bool, to: usize, block: usize, x: usize, h: i32, w: i32, c: i32, top: i32, left: i32, rows: i32, columns: i32,
): void {
  const first = min(max(0, -left), columns), last = max(first, min(columns, w - left)), row = columns * c;
  for (let i = 0, k = 0; i < rows; i++, k += row) {
    if (<u32>(top + i) < <u32>h) {
      if (first > 0) fill(blocked, to, block, k, first * c);
      copy(blocked, to, block, k + first * c, x + <usize>(((top + i) * w + left + first) * c << 2), (last - first) * c);
      if (last < columns) fill(blocked, to, block, k + last * c, (columns - last) * c);
    } else {
      fill(blocked, to, block, k, row);
    }
  }
}

/** Where float k of a row lies. */
@inline
function place(blocked: bool, to: usize, block: usize, k: u32): usize {
  return blocked ? to + <usize>(k / BLOCK) * block + (k % BLOCK << 2) : to + (<usize>k << 2);
}

/** Copies `count` floats to positions k .. of a row. */
@inline
function copy(blocked: bool, to: usize, block: usize, k: u32, from: usize, count: i32): void {
  while (count > 0) {
    const piece = blocked ? min(count, BLOCK - k % BLOCK) : count;
    copyVectors(place(blocked, to, block, k), from, piece << 2);
    k += piece;
    from += piece << 2;
    count -= piece;
  }
}

/** Zeros `count` floats from position k of a row. */
@inline
function fill(blocked: bool, to: usize, block: usize, k: u32, count: i32): void {
  while (count > 0) {
    const piece = blocked ? min(count, BLOCK - k % BLOCK) : count;
    zeroVectors(place(blocked, to, block, k), piece << 2);
    k += piece;
    count -= piece;
  }
}
