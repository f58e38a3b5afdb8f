/** PNG bytes. Needs Node (pngjs); drawing into bitmaps does not. */
import { PNG, type PackerOptions } from "pngjs";
import type { Bitmap } from "../picture.js";

/**
 * An 8-bit PNG, gray or RGB as the bitmap is; the same bytes every time for the same bitmap (and zlib version).
 * `drawn` is for charts: without row filters areas of one colour are written in a third of the time, and smaller.
 * Images in [-1, 1] become bitmaps by `grid` (any number of them) or `imageBitmap` (one, unscaled).
 */
export function encodePng(bitmap: Bitmap, { drawn = false }: { readonly drawn?: boolean } = {}): Uint8Array {
  const { width, height, channels, data } = bitmap;
  const colorType = channels === 1 ? 0 : 2;
  const options: PackerOptions = {
    colorType, inputColorType: colorType, inputHasAlpha: false, bitDepth: 8, deflateStrategy: 0, ...(drawn ? { filterType: 0 } : {}),
  };
  const png = new PNG({ width, height });
  png.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(PNG.sync.write(png, options));
}
