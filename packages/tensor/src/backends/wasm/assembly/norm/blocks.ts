import { copyFloats } from "../move/copy";
import { ceilDiv, roundUp } from "../variant";

/*
 * How group normalisation cuts its work. The pixels of an image are cut into blocks, fixed by the shape; small images share a
 * chunk. Rows of workspace hold one number for each channel, over and over for some pixels: the loops over elements then run over
 * rows of repeatPixels(hw, c) * c neighbours, whatever c is.
 */

/** Elements in a block of pixels, and in a row of workspace (each up to a whole pixel more). */
@inline export const BLOCK: i32 = 16384;
@inline const ROW: i32 = 256;

/** Pixels in a block. */
@inline
export function blockPixels(hw: i32, c: i32): i32 {
  return min(hw, ceilDiv(BLOCK, c));
}

/** Blocks of an image. */
@inline
export function blockCount(hw: i32, c: i32): i32 {
  return ceilDiv(hw, blockPixels(hw, c));
}

/** Blocks in a chunk. */
@inline
export function chunkBlocks(hw: i32, c: i32): i32 {
  return ceilDiv(BLOCK, blockPixels(hw, c) * c);
}

/** Whole images of a chunk: half a block of them, so that small batches are shared too. */
@inline
export function chunkImages(hw: i32, c: i32): i32 {
  return ceilDiv(BLOCK / 2, hw * c);
}

/** Pixels in a row of workspace. */
@inline
export function repeatPixels(hw: i32, c: i32): i32 {
  return min(blockPixels(hw, c), ceilDiv(ROW, c));
}

/** Bytes of a row of workspace. */
@inline
export function patternBytes(hw: i32, c: i32): usize {
  return <usize>roundUp(c * repeatPixels(hw, c), 4) << 2;
}

/** Bytes of so many rows of workspace. */
export function patternsBytes(rows: i32, hw: i32, c: i32): f64 {
  return <f64>rows * roundUp(c * repeatPixels(hw, c), 4) * 4;
}

/** Repeats the first c numbers of a row until it is full. */
export function fillPattern(row: usize, hw: i32, c: i32): void {
  const repeat = repeatPixels(hw, c);
  for (let r = 1; r < repeat; r++) copyFloats(row + (<usize>(r * c) << 2), row, c);
}

/** Bytes of one number for each channel, in whole vectors. */
@inline
export function channelBytes(c: i32): usize {
  return <usize>roundUp(c, 4) << 2;
}
