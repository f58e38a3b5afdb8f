/** PNG bytes. Needs Node (pngjs); drawing into bitmaps does not. */
import { PNG, type PackerOptions } from "pngjs";
import type { Bitmap } from "../picture.js";

/**
 * An 8-bit PNG, gray or RGB as the bitmap is; the same bytes every time for the same bitmap (and zlib version).
 * Images in [-1, 1] become bitmaps by `grid` (any number of them) or `imageBitmap` (one, unscaled).
 */
export function encodePng({ width, height, channels, data }: Bitmap): Uint8Array {
  const colorType = channels === 1 ? 0 : 2;
  const options: PackerOptions = {
    colorType, inputColorType: colorType, inputHasAlpha: false, bitDepth: 8, deflateStrategy: 0,
  };
  const png = new PNG({ width, height });
  png.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(PNG.sync.write(png, options));
}
