/** What a file says it is, read from its bytes and never from its name: format, size, and whether its end is there. */
import { ImageError } from "@fromnoise/tensor";
import type { Channels } from "./picture.js";

interface AnyHeader {
  readonly width: number;
  readonly height: number;
  /** 1 for gray files (with or without alpha), else 3. */
  readonly channels: Channels;
  /** The number of bytes that belong to the image; undefined when they go on beyond the bytes given. */
  readonly end: number | undefined;
}

export interface PngHeader extends AnyHeader {
  readonly format: "PNG";
  /** Bits of a sample, or of an index into the palette. */
  readonly depth: number;
  /** Samples of a pixel in the file: 1 for gray and palettes, 2 gray and alpha, 3, 4 RGB and alpha. */
  readonly samples: number;
  /** Whether it comes in the seven passes of Adam7. */
  readonly interlaced: boolean;
}

export interface JpegHeader extends AnyHeader {
  readonly format: "JPEG";
  /** Samples of a pixel in the file: 1, 3, or 4 of CMYK. */
  readonly components: number;
  readonly progressive: boolean;
}

export type ImageHeader = PngHeader | JpegHeader;

/** Of PNG's colour types: samples of a pixel and the depths they may have (RFC 2083, section 4.1.1). */
const COLOR_TYPES: Readonly<Record<number, { samples: number; depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] }, 2: { samples: 3, depths: [8, 16] }, 3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] }, 6: { samples: 4, depths: [8, 16] },
};

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const OTHER_FORMATS: readonly [name: string, magic: string, at: number][] = [
  ["a GIF image", "GIF8", 0], ["a WebP image", "WEBP", 8], ["a BMP image", "BM", 0], ["a TIFF image", "II*\0", 0],
  ["a TIFF image", "MM\0*", 0], ["an AVIF or HEIC image", "ftyp", 4], ["a PDF document", "%PDF", 0],
  ["a ZIP archive", "PK\x03\x04", 0],
];

/**
 * Format and size of a PNG (RFC 2083) or JPEG (ITU-T T.81) from its first bytes, or undefined when these stop before the
 * size: then the caller reads more, or the file is truncated.
 * @throws ImageError for a file that is neither (text, empty, another format) and for a header of size 0.
 */
export function readHeader(bytes: Uint8Array, file: string): ImageHeader | undefined {
  if (startsWith(bytes, PNG_SIGNATURE)) return pngHeader(bytes, file);
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return jpegHeader(bytes, file);
  throw new ImageError(`${file}: not a PNG or JPEG image`, [
    "expected   the signature of a PNG (89 50 4e 47) or of a JPEG (ff d8 ff)",
    `found      ${describeBytes(bytes)}`,
  ]);
}

/** The header of a whole file. @throws ImageError as readHeader, and when the file stops before the image's end. */
export function readCompleteHeader(bytes: Uint8Array, file: string): ImageHeader & { readonly end: number } {
  const header = readHeader(bytes, file);
  if (header?.end !== undefined) return header as ImageHeader & { readonly end: number };
  const png = bytes[0] === 0x89;
  throw new ImageError(`${file}: truncated ${png ? "PNG" : "JPEG"}`, [
    `expected   data up to the ${png ? "IEND chunk" : "end-of-image marker (ff d9)"}`,
    `found      the file ends after ${bytes.length} bytes`,
  ]);
}

/** Chunks are length (4 bytes), type (4), data, checksum (4); IHDR comes first, IEND last. */
function pngHeader(bytes: Uint8Array, file: string): PngHeader | undefined {
  if (bytes.length < 29) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  checkSize(size, file);
  const [depth, colorType, , , interlace] = bytes.subarray(24, 29);
  const type = Object.hasOwn(COLOR_TYPES, colorType) ? COLOR_TYPES[colorType] : undefined;
  if (type?.depths.includes(depth) !== true || interlace > 1) {
    throw new ImageError(`${file}: damaged PNG`, [
      "expected   a colour type of 0, 2, 3, 4 or 6, a depth that it may have, and interlacing 0 or 1",
      `found      colour type ${colorType}, depth ${depth}, interlacing ${interlace}`,
    ]);
  }
  let end: number | undefined;
  for (const chunk of pngChunks(bytes)) if (chunk.type === "IEND") end = chunk.end;
  const channels = colorType === 0 || colorType === 4 ? 1 : 3;
  return { format: "PNG", ...size, channels, end, depth, samples: type.samples, interlaced: interlace === 1 };
}

/** The chunks of a PNG that are there whole, up to IEND: type, where the data is, where the next chunk begins. */
export function* pngChunks(bytes: Uint8Array): Generator<{ type: string; data: Uint8Array; end: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8, type = ""; type !== "IEND" && at + 12 <= bytes.length;) {
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) return;
    type = latin1(bytes, at + 4, 4);
    yield { type, data: bytes.subarray(at + 8, end - 4), end };
    at = end;
  }
}

/** Segments are ff, marker, length (2 bytes), data; SOFn holds the size; after SOS only a marker may follow ff unstuffed. */
function jpegHeader(bytes: Uint8Array, file: string): JpegHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let found: Omit<JpegHeader, "end"> | undefined;
  let at = 2;
  while (at + 10 <= bytes.length) {
    if (bytes[at] !== 0xff || bytes[at + 1] === 0xff) {  // fill bytes
      at++;
      continue;
    }
    const marker = bytes[at + 1];
    if (marker === 0xda) break;
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      const size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
      checkSize(size, file);
      const components = bytes[at + 9];
      found = { format: "JPEG", ...size, channels: components === 1 ? 1 : 3, components, progressive: marker === 0xc2 };
    }
    at += 2 + view.getUint16(at + 2);
  }
  if (!found) return undefined;
  // A scan stuffs every ff of its data with 00, so ff d9 can only be the end; thumbnails lie before the first scan.
  let end: number | undefined;
  for (let i = at; i + 1 < bytes.length && end === undefined; i++) {
    if (bytes[i] === 0xff && bytes[i + 1] === 0xd9) end = i + 2;
  }
  return { ...found, end };
}

function checkSize(size: { width: number; height: number }, file: string): void {
  if (size.width > 0 && size.height > 0) return;
  throw new ImageError(`${file}: an image without pixels`, [
    "expected   a width and height of at least 1", `found      ${size.width}x${size.height}`,
  ]);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

function latin1(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/** In words, for messages: "nothing, the file is empty", "text: 'hello'", "a GIF image", "bytes 00 01 02". */
function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return "nothing: the file is empty";
  const other = OTHER_FORMATS.find(([, magic, at]) => latin1(bytes, at, magic.length) === magic);
  if (other) return other[0];
  const head = bytes.subarray(0, 24);
  if (head.every((b) => b === 9 || b === 10 || b === 13 || (b >= 32 && b < 127))) {
    return `text: ${JSON.stringify(latin1(head, 0, head.length))}${bytes.length > 24 ? " ..." : ""}`;
  }
  return `bytes ${[...head.subarray(0, 8)].map((b) => b.toString(16).padStart(2, "0")).join(" ")}`;
}
