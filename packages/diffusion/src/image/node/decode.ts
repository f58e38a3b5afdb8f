/** PNG and JPEG files to floats. Needs Node; everything else about images does not. */
import { ImageError } from "@fromnoise/tensor";
import { readCompleteHeader } from "../header.js";
import { checkPixels, type ImageLimits } from "../limits.js";
import type { Picture } from "../picture.js";
import { readBytes } from "./file.js";
import { decodeJpeg } from "./jpeg.js";
import { decodePng } from "./png.js";

/**
 * Decodes the bytes of a PNG (gray, RGB, palette, with or without alpha, 1 to 16 bits, interlaced or not) or JPEG
 * (baseline or progressive), told apart by their first bytes, to floats in [0, 1]: sample / (2^bits - 1), so 16-bit files
 * keep their 16 bits. Transparent pixels are laid on white: a v + (1 - a). Gray files give 1 channel, others 3.
 * Gamma chunks, colour profiles and EXIF orientation are not applied.
 * @param file the name that errors show
 * @throws ImageError when the bytes are no PNG or JPEG, are truncated, do not decode, hold more than `maxPixels`, or would take more
 * than 300 MB above the picture itself.
 */
export function decodeImage(bytes: Uint8Array, file: string, limits: ImageLimits = {}): Picture {
  const header = readCompleteHeader(bytes, file);
  const { format, end, width, height } = header;
  checkPixels(header, limits, file);
  const image = header.format === "PNG" ? bytes.subarray(0, end) : bytes;  // pngjs reads on where a PNG ends
  try {
    return header.format === "PNG" ? decodePng(image, header, limits, file) : decodeJpeg(image, header, limits, file);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`${file}: damaged ${format}`, [
      `expected   a ${format} of ${width}x${height} pixels that decodes`,
      `found      ${error instanceof Error ? error.message : String(error)}`,
    ]);
  }
}

/** Reads and decodes a file: see decodeImage. @throws ImageError also when the file cannot be read. */
export function readImage(file: string, limits: ImageLimits = {}): Picture {
  return decodeImage(readBytes(file), file, limits);
}
