import { copyVectors, zeroVectors } from "./pack";
import { BLOCK } from "./variant";

/*
 * Patches as rows of a matrix ("im2col"), a block of rows at a time in the workspace. A patch is a window of rows x columns
 * pixels of an image [h, w, c]; (columns, c) is contiguous in channels-last, so each row of the window is one copy, with zeros
 * where the window leaves the image. Copies run in ascending order and may write up to 12 bytes too far: the next repairs it.
 */

/** Writes the patch as one row of rows * columns * c floats at `to`. */
export function gatherRow(to: usize, image: usize, h: i32, w: i32, c: i32, top: i32, left: i32, rows: i32, columns: i32): void {
  gather(false, to, 0, image, h, w, c, top, left, rows, columns);
}

/** Writes the patch as a row of the blocked layout (tiles.ts): floats k .. k + BLOCK - 1 at to + (k / BLOCK) * block. */
export function gatherBlocked(
  to: usize, block: usize, image: usize, h: i32, w: i32, c: i32, top: i32, left: i32, rows: i32, columns: i32,
): void {
  gather(true, to, block, image, h, w, c, top, left, rows, columns);
}

@inline
function gather(
  blocked: bool, to: usize, block: usize, image: usize, h: i32, w: i32, c: i32, top: i32, left: i32, rows: i32, columns: i32,
): void {
  const first = min(max(0, -left), columns), last = max(first, min(columns, w - left));
  let k = 0;
  for (let i = top; i < top + rows; i++) {
    if (<u32>i < <u32>h) {
      fill(blocked, to, block, k, first * c);
      copy(blocked, to, block, k + first * c, image + <usize>((i * w + left + first) * c << 2), (last - first) * c);
      fill(blocked, to, block, k + last * c, (columns - last) * c);
    } else {
      fill(blocked, to, block, k, columns * c);
    }
    k += columns * c;
  }
}

/** Copies `count` floats to positions k .. of a row. */
@inline
function copy(blocked: bool, to: usize, block: usize, k: i32, from: usize, count: i32): void {
  if (!blocked) {
    copyVectors(to + (<usize>k << 2), from, count * 4);
    return;
  }
  while (count > 0) {
    const piece = min(count, BLOCK - k % BLOCK);
    copyVectors(to + <usize>(k / BLOCK) * block + <usize>(k % BLOCK << 2), from, piece * 4);
    k += piece;
    from += piece << 2;
    count -= piece;
  }
}

/** Zeros `count` floats from position k of a row. */
@inline
function fill(blocked: bool, to: usize, block: usize, k: i32, count: i32): void {
  if (!blocked) {
    zeroVectors(to + (<usize>k << 2), count * 4);
    return;
  }
  while (count > 0) {
    const piece = min(count, BLOCK - k % BLOCK);
    zeroVectors(to + <usize>(k / BLOCK) * block + <usize>(k % BLOCK << 2), piece * 4);
    k += piece;
    count -= piece;
  }
}
