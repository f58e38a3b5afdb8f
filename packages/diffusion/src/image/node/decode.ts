/** PNG and JPEG files to floats. Needs Node (pngjs, jpeg-js, fs); everything else about images does not. */
import { readFileSync } from "node:fs";
import { ImageError } from "@fromnoise/tensor";
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { readCompleteHeader } from "../header.js";
import type { Channels, Picture } from "../picture.js";

/**
 * Decodes the bytes of a PNG (gray, RGB, palette, with or without alpha, 1 to 16 bits, interlaced or not) or JPEG
 * (baseline or progressive), told apart by their first bytes, to floats in [0, 1]: sample / (2^bits - 1), so 16-bit files
 * keep their 16 bits. Transparent pixels are laid on white: a v + (1 - a). Gray files give 1 channel, others 3.
 * Gamma chunks, colour profiles and EXIF orientation are not applied.
 * @param file the name that errors show
 * @throws ImageError when the bytes are no PNG or JPEG, are truncated, or do not decode.
 */
export function decodeImage(bytes: Uint8Array, file: string): Picture {
  const { format, channels, end, width, height } = readCompleteHeader(bytes, file);
  try {
    return format === "PNG" ? decodePng(bytes.subarray(0, end), channels) : decodeJpeg(bytes, channels);
  } catch (error) {
    throw new ImageError(`${file}: damaged ${format}`, [
      `expected   a ${format} of ${width}x${height} pixels that decodes`,
      `found      ${error instanceof Error ? error.message : String(error)}`,
    ]);
  }
}

/** Reads and decodes a file: see decodeImage. @throws ImageError also when the file cannot be read. */
export function readImage(file: string): Picture {
  return decodeImage(readBytes(file), file);
}

/** The bytes of a file. @throws ImageError when it cannot be read (missing, a folder, no permission). */
export function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ImageError(`${file}: cannot be read`, [error instanceof Error ? error.message : String(error)]);
  }
}

/**
 * pngjs always gives RGBA. With skipRescale the samples are as in the file (a Uint16Array for 16 bits), except that
 * palettes are looked up and so 8-bit whatever the depth of their indices. (Its own rescaling rounds 16 bits to 8.)
 */
function decodePng(bytes: Uint8Array, channels: Channels): Picture {
  const png = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { skipRescale: true });
  const samples: Uint8Array | Uint16Array = png.data;
  const max = png.palette ? 255 : 2 ** png.depth - 1;
  const data = new Float32Array(png.width * png.height * channels);
  for (let p = 0, out = 0; p < samples.length; p += 4) {
    const alpha = samples[p + 3];
    for (let c = 0; c < channels; c++) data[out++] = (alpha * samples[p + c] + (max - alpha) * max) / (max * max);
  }
  return { width: png.width, height: png.height, channels, data };
}

/** jpeg-js gives RGB, with R = G = B for gray files. */
function decodeJpeg(bytes: Uint8Array, channels: Channels): Picture {
  const limits = { maxResolutionInMP: 250, maxMemoryUsageInMB: 4096 };
  const { width, height, data: rgb } = jpeg.decode(bytes, { useTArray: true, formatAsRGBA: false, ...limits });
  const data = new Float32Array(width * height * channels);
  for (let i = 0; i < data.length; i++) data[i] = rgb[channels === 1 ? 3 * i : i] / 255;
  return { width, height, channels, data };
}
