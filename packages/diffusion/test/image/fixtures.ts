/** Small image files for the tests, written byte by byte so that they hold what pngjs itself cannot write. */
import { crc32, deflateSync } from "node:zlib";
import jpeg from "jpeg-js";

export interface PngFixture {
  readonly width: number;
  readonly height: number;
  readonly depth: 1 | 2 | 4 | 8 | 16;
  /** 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA. */
  readonly colorType: 0 | 2 | 3 | 4 | 6;
  readonly interlaced?: boolean;
  /** Samples row by row, channels together, each 0 .. 2^depth - 1. */
  readonly samples: readonly number[];
  readonly palette?: readonly number[];
  readonly transparency?: readonly number[];
}

const SAMPLES_PER_PIXEL = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Adam7: first x, first y, step x, step y of the seven passes (RFC 2083, section 2.6). */
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/** A PNG (RFC 2083) without row filters. */
export function png(image: PngFixture): Uint8Array {
  const { width, height, depth, colorType } = image;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colorType, 0, 0, image.interlaced ? 1 : 0], 8);
  const passes = image.interlaced ? ADAM7 : [[0, 0, 1, 1]];
  const rows = passes.flatMap(([x, y, dx, dy]) => passRows(image, x, y, dx, dy));
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk("IHDR", header),
    ...(image.palette ? [chunk("PLTE", Buffer.from(image.palette))] : []),
    ...(image.transparency ? [chunk("tRNS", Buffer.from(image.transparency))] : []),
    chunk("IDAT", deflateSync(Buffer.from(rows))), chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The rows of one pass as bytes: a filter byte 0, then the samples packed from the high bit on. */
function passRows(image: PngFixture, x0: number, y0: number, dx: number, dy: number): number[] {
  const { width, height, depth, colorType, samples } = image;
  const per = SAMPLES_PER_PIXEL[colorType];
  const bytes: number[] = [];
  for (let y = y0; y < height && x0 < width; y += dy) {
    let bits = "";
    for (let x = x0; x < width; x += dx) {
      for (let c = 0; c < per; c++) bits += samples[(y * width + x) * per + c].toString(2).padStart(depth, "0");
    }
    bytes.push(0, ...(bits.match(/.{1,8}/g) ?? []).map((byte) => parseInt(byte.padEnd(8, "0"), 2)));
  }
  return bytes;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4), checksum = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

/** An 8-bit gray PNG with the value of `at` at each pixel. */
export function grayPng(width: number, height: number, at: (x: number, y: number) => number): Uint8Array {
  const samples = Array.from({ length: width * height }, (_, p) => at(p % width, Math.floor(p / width)));
  return png({ width, height, depth: 8, colorType: 0, samples });
}

/** A JPEG of one colour, or of one per half when two are given (left, right). */
export function colorJpeg(width: number, height: number, left: readonly number[], right = left): Uint8Array {
  const data = new Uint8Array(width * height * 4);
  for (let p = 0; p < width * height; p++) data.set([...(p % width < width / 2 ? left : right), 255], 4 * p);
  return jpeg.encode({ width, height, data }, 95).data;
}

/** A JPEG of one component, 8x8 pixels, all 128: Huffman tables of one code each (no difference, end of block). */
export function grayJpeg(): Uint8Array {
  const segment = (marker: number, body: readonly number[]): number[] => [0xff, marker, 0, body.length + 2, ...body];
  const oneCode = (table: number): number[] => segment(0xc4, [table, 1, ...Array<number>(16).fill(0)]);
  return Uint8Array.from([
    0xff, 0xd8, ...segment(0xdb, [0, ...Array<number>(64).fill(1)]), ...segment(0xc0, [8, 0, 8, 0, 8, 1, 1, 0x11, 0]),
    ...oneCode(0x00), ...oneCode(0x10), ...segment(0xda, [1, 1, 0, 0, 63, 0]), 0x3f, 0xff, 0xd9,
  ]);
}
