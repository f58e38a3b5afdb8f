import {
  eight, four, gradOutputTransform2, gradOutputTransform4, inputTransform2, inputTransform4, outputTransform2, outputTransform4, two,
} from "./winograd-transforms";
import { Conv } from "../conv/conv-args";
import { storeLanes } from "../gemm/pack";
import { touchRows } from "../move/touch";
import { LANES, ceilDiv } from "../variant";

/**
 * The two-dimensional transforms of one tile: columns, then rows, LANES channels at a time. Pixels are reached through a table of
 * addresses, one a pixel of the tile; pixels outside the image point to zeros (to be read) or to scratch (to be written), so
 * tiles at the border take the same path as all others.
 */

/** Bytes of LANES channels. */
@inline export const STEP: usize = LANES * 4;
/** Bytes of scratch for the intermediate of a transform (at most 6 x 6 pixels), followed by 4 x 4 output pixels. */
@inline export const SCRATCH_BYTES: i32 = (36 + 16) * LANES * 4;
/** Bytes of a table of pixels: at most 6 x 6 addresses. */
@inline export const TABLE_BYTES: i32 = 36 * 4 + 48;

/** Number of frequencies: (t + 2)^2 = 36 or 16. */
@inline
export function frequencies(tile: i32): i32 {
  return (tile + 2) * (tile + 2);
}

/** Number of tiles of side t that cover n images of oh x ow pixels. */
@inline
export function tileCount(n: i32, oh: i32, ow: i32, tile: i32): i32 {
  return n * ceilDiv(oh, tile) * ceilDiv(ow, tile);
}

/**
 * Writes the addresses of the side x side pixels with upper left corner (top, left) of one image [h, w] of pixels of pixelBytes;
 * `outside` for pixels beyond the image.
 */
export function pixelTable(
  table: usize, image: usize, h: i32, w: i32, pixelBytes: i32, top: i32, left: i32, side: i32, outside: usize,
): void {
  for (let i = top; i < top + side; i++) {
    const inside = <u32>i < <u32>h;
    const row = image + <usize>(i * w * pixelBytes);
    for (let j = left; j < left + side; j++, table += 4) {
      store<usize>(table, inside && <u32>j < <u32>w ? row + <usize>(j * pixelBytes) : outside);
    }
  }
}

/**
 * Brings what so many tiles from number `first` will read or write into the cache (move/touch.ts), as the transforms jump from row to
 * row and would wait for each line: channels channel .. channel + count - 1 of an image [h, w, channels], of which a tile takes a
 * square of p.tile + halo pixels that begins `top` pixels above and `left` pixels left of its outputs.
 */
export function touchTiles(
  p: Conv, first: i32, tiles: i32, image: usize, h: i32, w: i32, channels: i32, channel: i32, count: i32, top: i32, left: i32,
  halo: i32, scratch: usize,
): void {
  const columns = ceilDiv(p.ow, p.tile), rows = ceilDiv(p.oh, p.tile), last = first + tiles - 1;
  const row = first / columns, bytes = channels << 2, at = image + <usize>(channel << 2);
  const i0 = row / rows * h + max(0, row % rows * p.tile - top), bottom = last / columns;
  const i1 = bottom / rows * h + min(h, bottom % rows * p.tile - top + p.tile + halo);
  if (row == bottom) { // some tiles of one row
    const j0 = max(0, first % columns * p.tile - left), j1 = min(w, last % columns * p.tile - left + p.tile + halo);
    for (let i = i0; i < i1; i++) touchRows(at + <usize>((i * w + j0) * bytes), j1 - j0, count << 2, bytes, scratch);
  } else if (tiles >= columns) { // whole rows, about
    touchRows(at + <usize>(i0 * w * bytes), (i1 - i0) * w, count << 2, bytes, scratch);
  }
}

/**
 * B^T d B of one tile of `channels` channels: frequency f of channel c goes to
 * to + f * slice + (c / blockChannels) * block + (c % blockChannels) * 4.
 */
export function transformInput(
  tile: i32, table: usize, channels: i32, scratch: usize, to: usize, slice: usize, block: usize, blockChannels: i32,
): void {
  const k2 = two(), k4 = four();
  for (let start = 0; start < channels; start += blockChannels, to += block) {
    const end = min(channels, start + blockChannels) * 4;
    let out = to;
    for (let c = start * 4; c < end; c += LANES * 4, out += STEP) {
      if (tile == 4) {
        for (let j: usize = 0; j < 6; j++) {
          const p = table + j * 4;
          inputTransform4(
            load<usize>(p) + c, load<usize>(p, 24) + c, load<usize>(p, 48) + c, load<usize>(p, 72) + c, load<usize>(p, 96) + c,
            load<usize>(p, 120) + c, scratch + j * STEP, 6 * STEP, k2, k4,
          );
        }
        for (let i: usize = 0; i < 6; i++) {
          const p = scratch + i * (6 * STEP);
          inputTransform4(p, p + STEP, p + 2 * STEP, p + 3 * STEP, p + 4 * STEP, p + 5 * STEP, out + i * 6 * slice, slice, k2, k4);
        }
      } else {
        for (let j: usize = 0; j < 4; j++) {
          const p = table + j * 4;
          inputTransform2(
            load<usize>(p) + c, load<usize>(p, 16) + c, load<usize>(p, 32) + c, load<usize>(p, 48) + c,
            scratch + j * STEP, 4 * STEP,
          );
        }
        for (let i: usize = 0; i < 4; i++) {
          const p = scratch + i * (4 * STEP);
          inputTransform2(p, p + STEP, p + 2 * STEP, p + 3 * STEP, out + i * 4 * slice, slice);
        }
      }
    }
  }
}

/** A dy A^T of one tile of `channels` channels: frequency f of channel c goes to to + f * slice + c * 4. */
export function transformGradOutput(tile: i32, table: usize, channels: i32, scratch: usize, to: usize, slice: usize): void {
  const k2 = two(), k4 = four();
  for (let c = 0; c < channels * 4; c += LANES * 4, to += STEP) {
    if (tile == 4) {
      for (let j: usize = 0; j < 4; j++) {
        const p = table + j * 4;
        gradOutputTransform4(
          load<usize>(p) + c, load<usize>(p, 16) + c, load<usize>(p, 32) + c, load<usize>(p, 48) + c,
          scratch + j * STEP, 4 * STEP, k2, k4,
        );
      }
      for (let i: usize = 0; i < 6; i++) {
        const p = scratch + i * (4 * STEP);
        gradOutputTransform4(p, p + STEP, p + 2 * STEP, p + 3 * STEP, to + i * 6 * slice, slice, k2, k4);
      }
    } else {
      for (let j: usize = 0; j < 2; j++) {
        const p = table + j * 4;
        gradOutputTransform2(load<usize>(p) + c, load<usize>(p, 8) + c, scratch + j * STEP, 2 * STEP);
      }
      for (let i: usize = 0; i < 4; i++) {
        const p = scratch + i * (2 * STEP);
        gradOutputTransform2(p, p + STEP, to + i * 4 * slice, slice);
      }
    }
  }
}

/**
 * A^T m A + bias of one tile of `channels` channels, frequency f of channel c at from + f * slice + c * 4, stored to the pixels
 * of the table. `zeros` holds LANES zeros; `bias` may point to zeros too.
 */
export function transformOutput(
  tile: i32, from: usize, slice: usize, table: usize, channels: i32, bias: usize, zeros: usize, scratch: usize,
): void {
  const pixels = scratch + 36 * STEP, k2 = two(), k4 = four(), k8 = eight();
  for (let c = 0; c < channels * 4; c += LANES * 4, from += STEP) {
    const lanes = min(LANES, channels - (c >> 2));
    const whole = lanes == LANES;
    if (tile == 4) {
      for (let j: usize = 0; j < 6; j++) {
        const p = from + j * slice, to = scratch + j * STEP;
        outputTransform4(
          p, p + 6 * slice, p + 12 * slice, p + 18 * slice, p + 24 * slice, p + 30 * slice, 0,
          to, to + 6 * STEP, to + 12 * STEP, to + 18 * STEP, k2, k4, k8,
        );
      }
      for (let i: usize = 0; i < 4; i++) {
        const p = scratch + i * (6 * STEP), t = table + i * 16, q = pixels + i * (4 * STEP);
        outputTransform4(
          p, p + STEP, p + 2 * STEP, p + 3 * STEP, p + 4 * STEP, p + 5 * STEP, bias + c,
          whole ? load<usize>(t) + c : q, whole ? load<usize>(t, 4) + c : q + STEP,
          whole ? load<usize>(t, 8) + c : q + 2 * STEP, whole ? load<usize>(t, 12) + c : q + 3 * STEP, k2, k4, k8,
        );
      }
    } else {
      for (let j: usize = 0; j < 4; j++) {
        const p = from + j * slice, to = scratch + j * STEP;
        outputTransform2(p, p + 4 * slice, p + 8 * slice, p + 12 * slice, zeros, to, to + 4 * STEP);
      }
      for (let i: usize = 0; i < 2; i++) {
        const p = scratch + i * (4 * STEP), t = table + i * 8, q = pixels + i * (2 * STEP);
        outputTransform2(
          p, p + STEP, p + 2 * STEP, p + 3 * STEP, bias + c,
          whole ? load<usize>(t) + c : q, whole ? load<usize>(t, 4) + c : q + STEP,
        );
      }
    }
    if (!whole) storeRest(pixels, table, tile * tile, c, lanes);
  }
}

/** Stores the last lanes of `count` pixels: fewer than LANES channels are left. */
function storeRest(pixels: usize, table: usize, count: i32, c: usize, lanes: i32): void {
  for (let i = 0; i < count; i++, pixels += STEP, table += 4) {
    const to = load<usize>(table) + c;
    storeLanes(to, v128.load(pixels), min(4, lanes));
    if (lanes > 4) storeLanes(to + 16, v128.load(pixels, 16), lanes - 4);
  }
}
