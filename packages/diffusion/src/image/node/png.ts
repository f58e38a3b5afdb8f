/** PNG files to floats, by Node's zlib and pngjs. */
import { constants, inflateSync } from "node:zlib";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { PNG } from "pngjs";
import { pngChunks, type PngHeader } from "../header.js";
import { checkWork, type ImageLimits } from "../limits.js";
import type { Picture } from "../picture.js";

/** From how many bytes on what inflation and pngjs leave behind is collected at once, not when the engine thinks of it. */
const LARGE = 2 ** 25;
/** Adam7: first x, first y, step x, step y of the seven passes (RFC 2083, section 2.6). */
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]] as const;

/**
 * Decodes a PNG, whose header has been read, to floats in [0, 1]: sample / (2^depth - 1), transparent pixels laid on white.
 * Its compressed data is inflated first, to no more than what the header implies, and must be exactly that: pngjs' own inflation on
 * Node 20 passes over a broken or short stream, and gives whatever lay in memory.
 * @throws Error for what is damaged, ImageError when it would take too much memory.
 */
export function decodePng(bytes: Uint8Array, header: PngHeader, limits: ImageLimits, file: string): Picture {
  const { width, height, channels, depth } = header;
  const raw = rawBytes(header);
  const rgba = width * height * 4 * (depth === 16 ? 2 : 1);
  const picture = width * height * channels * 4;
  checkWork(bytes.length + Math.max(rgba, 2 * raw + rgba - picture), limits, file, `a PNG of ${header.samples} samples of ${depth} bits`);
  checkInflation(bytes, raw);
  if (raw > LARGE) collectGarbage();
  // pngjs always gives RGBA. With skipRescale the samples are as in the file (a Uint16Array for 16 bits), except that palettes are
  // looked up and so 8-bit whatever the depth of their indices. (Its own rescaling rounds 16 bits to 8.)
  const png = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { skipRescale: true });
  const samples: Uint8Array | Uint16Array = png.data;
  if (raw > LARGE) collectGarbage();
  const max = png.palette ? 255 : 2 ** png.depth - 1;
  const data = new Float32Array(width * height * channels);
  for (let p = 0, out = 0; p < samples.length; p += 4) {
    const alpha = samples[p + 3];
    for (let c = 0; c < channels; c++) data[out++] = (alpha * samples[p + c] + (max - alpha) * max) / (max * max);
  }
  return { width, height, channels, data };
}

let gc: (() => void) | undefined;

/** The engine's own collection of garbage, which Node gives to who asks for it by a flag. */
function collectGarbage(): void {
  if (gc === undefined) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc") as () => void;
  }
  gc();
}

/** Bytes of the image data before compression: of each row of each pass its filter type and its samples, packed to whole bytes. */
function rawBytes({ width, height, depth, samples, interlaced }: PngHeader): number {
  let bytes = 0;
  for (const [x, y, dx, dy] of interlaced ? ADAM7 : [[0, 0, 1, 1]]) {
    const columns = Math.ceil((width - x) / dx), rows = Math.ceil((height - y) / dy);
    if (columns > 0 && rows > 0) bytes += rows * (1 + Math.ceil((columns * samples * depth) / 8));
  }
  return bytes;
}

/** Throws when the IDAT chunks do not inflate, whole and checked, to this many bytes. Takes no more memory than these. */
function checkInflation(bytes: Uint8Array, expected: number): void {
  const parts: Uint8Array[] = [];
  for (const { type, data } of pngChunks(bytes)) if (type === "IDAT") parts.push(data);
  const limited = { maxOutputLength: expected, chunkSize: Math.max(expected, constants.Z_MIN_CHUNK) };
  let length: number;
  try {
    length = inflateSync(Buffer.concat(parts), limited).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") throw error;
    throw new Error(`more than the ${expected} bytes of image data that its header implies`);
  }
  if (length !== expected) throw new Error(`${length} bytes of image data where its header implies ${expected}`);
}
