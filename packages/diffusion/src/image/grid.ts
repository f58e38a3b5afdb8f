/** Images side by side, and rows of them through time. Pure functions: encodePng turns the result into a file. */
import { ImageError } from "@fromnoise/tensor";
import { batchSizes, toBytes, type Bitmap, type ImageBatch } from "./picture.js";

/** How images are laid out on one. */
export interface GridOptions {
  /** Images in a row; default: as square as possible, ceil(sqrt(N)). */
  readonly columns?: number;
  /** Pixels of background between images and around them; default 2. */
  readonly gap?: number;
  /** The background as an image value in [-1, 1]; default 1, white. */
  readonly background?: number;
  /** Each pixel becomes scale x scale equal pixels; default: the largest that keeps an image within 96 pixels. */
  readonly scale?: number;
}

/** One image [1, H, W, C] in [-1, 1] (or [N, H, W, C] with N = 1) as a bitmap, pixel for pixel: round((x + 1) * 127.5). */
export function imageBitmap(image: ImageBatch): Bitmap {
  return grid(image, { columns: 1, gap: 0, scale: 1 });
}

/**
 * N images [N, H, W, C] in [-1, 1], left to right, then top to bottom, enlarged by whole factors with hard pixel edges.
 * Image k's pixel (y, x) fills the square of `scale` pixels whose corner is at
 *   row    gap + floor(k / columns) (H scale + gap) + y scale,
 *   column gap + (k mod columns) (W scale + gap) + x scale.
 * Values outside [-1, 1] are clipped. Cells without an image show the background.
 * @throws ImageError on a shape that is not [N, H, W, 1 or 3], on NaN, and on options that are not whole numbers in range.
 */
export function grid(images: ImageBatch, options: GridOptions = {}): Bitmap {
  const { n, height, width, channels } = batchSizes(images);
  const columns = wholeNumber("columns", options.columns ?? Math.ceil(Math.sqrt(n)), 1);
  const gap = wholeNumber("gap", options.gap ?? 2, 0);
  const scale = wholeNumber("scale", options.scale ?? Math.max(1, Math.floor(96 / Math.max(height, width))), 1);
  const place = (index: number, side: number): number => gap + index * (side * scale + gap);
  const wide = place(columns, width), high = place(Math.ceil(n / columns), height);
  const data = new Uint8Array(wide * high * channels).fill(toBytes([options.background ?? 1])[0]);
  const bytes = toBytes(images.data);
  for (let k = 0; k < n; k++) {
    const left = place(k % columns, width), top = place(Math.floor(k / columns), height);
    for (let y = 0; y < height * scale; y++) {
      const from = (k * height + Math.floor(y / scale)) * width, to = (top + y) * wide + left;
      for (let x = 0; x < width * scale; x++) {
        const source = (from + Math.floor(x / scale)) * channels;
        for (let c = 0; c < channels; c++) data[(to + x) * channels + c] = bytes[source + c];
      }
    }
  }
  return { width: wide, height: high, channels, data };
}

function wholeNumber(name: string, value: number, min: number): number {
  if (Number.isInteger(value) && value >= min) return value;
  throw new ImageError(`grid: ${name} is out of range`, [`expected   a whole number of at least ${min}`, `found      ${value}`]);
}
