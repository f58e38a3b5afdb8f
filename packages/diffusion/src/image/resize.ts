/** Sizes: area averaging, the centred part, the mirror image. Pure functions on typed arrays. */
import { ImageError } from "@fromnoise/tensor";
import { sidesOf, toChannels, type Channels, type ImageSize, type Picture } from "./picture.js";

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

/**
 * The largest centred part of width x height in the proportions of outWidth x outHeight, to whole pixels: for a square the largest
 * centred square. Half a pixel left over goes to the right or bottom.
 */
export function centredPart(width: number, height: number, outWidth: number, outHeight: number): Region {
  const scale = Math.min(width / outWidth, height / outHeight);
  const [partWidth, partHeight] = [Math.round(outWidth * scale), Math.round(outHeight * scale)];
  return {
    x: Math.floor((width - partWidth) / 2), y: Math.floor((height - partHeight) / 2), width: partWidth, height: partHeight,
  };
}

/**
 * The picture as a dataset wants it: channels converted (toChannels), averaged down until it just covers `size`, centre cropped to
 * it. Cropping first and averaging then is the same without rounding the side that is cropped.
 * @throws ImageError when a side is shorter than `size`: pictures are never enlarged.
 */
export function fitPicture(picture: Picture, size: ImageSize, channels: Channels, file: string): Picture {
  checkLargeEnough(picture, size, file);
  const [height, width] = sidesOf(size);
  return areaAverage(toChannels(picture, channels), width, height, centredPart(picture.width, picture.height, width, height));
}

/** @throws ImageError when a side of the image is shorter than `size`. */
export function checkLargeEnough(image: { readonly width: number; readonly height: number }, size: ImageSize, file: string): void {
  const [height, width] = sidesOf(size);
  if (image.width >= width && image.height >= height) return;
  throw new ImageError(`${file}: smaller than the wanted size`, [
    `expected   at least ${width}x${height} pixels (images are never enlarged)`,
    `found      ${image.width}x${image.height} pixels`,
  ]);
}

/** The mirror image of [H, W, C] values: out[y, x, c] = in[y, W - 1 - x, c]. A new array. */
export function flipHorizontal<T extends Float32Array | Float64Array>(data: T, width: number, channels: number): T {
  const out = data.slice() as T;
  for (let p = 0; p < data.length / channels; p++) {
    const mirrored = p - (p % width) + width - 1 - (p % width);
    for (let c = 0; c < channels; c++) out[mirrored * channels + c] = data[p * channels + c];
  }
  return out;
}
