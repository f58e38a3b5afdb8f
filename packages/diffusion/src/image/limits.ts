/** How large an image may be before anything of it is decoded: a header of 30 bytes may promise 900 million pixels. */
import { ImageError } from "@fromnoise/tensor";

/** Most pixels of an image, unless asked otherwise: 64 million, of 8000x8000. */
export const MAX_PIXELS = 64e6;

/** Most bytes that decoding may take above the picture itself, at MAX_PIXELS; in proportion where more pixels are asked for. */
const MAX_WORK = 300e6;

/** Most bytes of an image's file: more than any image of MAX_PIXELS takes, pictures and comments beside it counted. */
export const MAX_FILE_BYTES = 300e6;

export interface ImageLimits {
  /** Most pixels, width times height; default MAX_PIXELS. */
  readonly maxPixels?: number;
}

/** @throws ImageError when the image has more pixels than are allowed. */
export function checkPixels(
  { width, height }: { readonly width: number; readonly height: number }, { maxPixels = MAX_PIXELS }: ImageLimits, file: string,
): void {
  if (width * height <= maxPixels) return;
  throw new ImageError(`${file}: an image of ${width}x${height} pixels`, [
    `found      ${inMillions(width * height)} million pixels`, `allowed    up to ${inMillions(maxPixels)} million (maxPixels; --max-megapixels)`,
  ]);
}

/**
 * @throws ImageError when the decoder would need more memory above the picture than is allowed: 16 bits a sample and progressive
 * JPEG take a multiple of what 8 bits and baseline take.
 */
export function checkWork(bytes: number, { maxPixels = MAX_PIXELS }: ImageLimits, file: string, why: string): void {
  const allowed = MAX_WORK * Math.max(1, maxPixels / MAX_PIXELS);
  if (bytes <= allowed) return;
  throw new ImageError(`${file}: takes too much memory to decode`, [
    `found      ${inMillions(bytes)} MB above the picture itself, as ${why}`,
    `allowed    up to ${inMillions(allowed)} MB (in proportion to maxPixels; --max-megapixels)`,
  ]);
}

function inMillions(n: number): string {
  const millions = n / 1e6;
  return millions < 10 ? millions.toFixed(1) : String(Math.round(millions));
}
