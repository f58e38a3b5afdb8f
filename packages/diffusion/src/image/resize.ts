/** Sizes: area averaging, the centred square, the mirror image. Pure functions on typed arrays. */
import { ImageError } from "@fromnoise/tensor";
import { toChannels, type Channels, type Picture } from "./picture.js";

/** A rectangle of a picture in pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Area averaging (box filter): output pixel (i, j) is the mean of the part of the source that it covers,
 *   out[i, j] = sum_{y, x} wy[i, y] wx[j, x] in[y, x],  s = height / outHeight,
 *   wy[i, y] = length of the part of [y, y + 1] that lies in [top + i s, top + (i + 1) s], divided by s (wx alike),
 * with pixels that are covered in part counted by that part. A region of the output's own size is copied exactly.
 * @throws RangeError when the output is larger than the region: averaging only makes pictures smaller.
 */
export function areaAverage(picture: Picture, outWidth: number, outHeight: number, region: Region = wholeOf(picture)): Picture {
  const { width, channels, data } = picture;
  if (outWidth > region.width || outHeight > region.height || outWidth < 1 || outHeight < 1) {
    throw new RangeError(`areaAverage: ${region.width}x${region.height} cannot be averaged to ${outWidth}x${outHeight}`);
  }
  const columns = coverage(0, region.width, outWidth);
  const rows = coverage(region.y, region.height, outHeight);
  const out = new Float32Array(outWidth * outHeight * channels);
  const line = new Float64Array(region.width * channels);  // one output row before its columns are averaged
  for (let i = 0; i < outHeight; i++) {
    line.fill(0);
    for (const [y, weight] of rows[i]) {
      const start = (y * width + region.x) * channels;
      for (let k = 0; k < line.length; k++) line[k] += weight * data[start + k];
    }
    for (let j = 0; j < outWidth; j++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (const [x, weight] of columns[j]) sum += weight * line[x * channels + c];
        out[(i * outWidth + j) * channels + c] = sum;
      }
    }
  }
  return { width: outWidth, height: outHeight, channels, data: out };
}

/** For each of n outputs the source cells under it and their share of it: [cell, weight], weights summing to 1. */
function coverage(start: number, length: number, n: number): [cell: number, weight: number][][] {
  return Array.from({ length: n }, (_, o) => {
    const low = start + (o * length) / n;
    const high = start + ((o + 1) * length) / n;
    const cells: [number, number][] = [];
    for (let cell = Math.floor(low); cell < high; cell++) {
      cells.push([cell, ((Math.min(high, cell + 1) - Math.max(low, cell)) * n) / length]);
    }
    return cells;
  });
}

function wholeOf(picture: Picture): Region {
  return { x: 0, y: 0, width: picture.width, height: picture.height };
}

/** The largest centred square; half a pixel left over goes to the right or bottom. */
export function centredSquare(width: number, height: number): Region {
  const side = Math.min(width, height);
  return { x: Math.floor((width - side) / 2), y: Math.floor((height - side) / 2), width: side, height: side };
}

/**
 * The picture as a dataset wants it: channels converted (toChannels), shorter side averaged down to `size`, centre
 * cropped to size x size. Cropping first and averaging then is the same without rounding the longer side.
 * @throws ImageError when a side is shorter than `size`: pictures are never enlarged.
 */
export function fitPicture(picture: Picture, size: number, channels: Channels, file: string): Picture {
  checkLargeEnough(picture, size, file);
  return areaAverage(toChannels(picture, channels), size, size, centredSquare(picture.width, picture.height));
}

/** @throws ImageError when a side of the image is shorter than `size`. */
export function checkLargeEnough(image: { readonly width: number; readonly height: number }, size: number, file: string): void {
  if (image.width >= size && image.height >= size) return;
  throw new ImageError(`${file}: smaller than the wanted size`, [
    `expected   at least ${size}x${size} pixels (images are never enlarged)`,
    `found      ${image.width}x${image.height} pixels`,
  ]);
}

/** The mirror image of [H, W, C] values: out[y, x, c] = in[y, W - 1 - x, c]. A new array. */
export function flipHorizontal(data: Float32Array, width: number, channels: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let p = 0; p < data.length / channels; p++) {
    const mirrored = p - (p % width) + width - 1 - (p % width);
    for (let c = 0; c < channels; c++) out[mirrored * channels + c] = data[p * channels + c];
  }
  return out;
}
