/** Image files made to do harm: few bytes that promise or expand to very many, and compressed data that is short or broken. */
import { crc32, deflateSync } from "node:zlib";
import { colorJpeg } from "./fixtures.js";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

export function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4), checksum = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

export interface RawPng { width: number; height: number; depth?: number; colorType?: number; interlace?: number; palette?: Uint8Array; idat: Uint8Array }

/** A PNG of right checksums around whatever image data it is given. */
export function rawPng({ width, height, depth = 8, colorType = 0, interlace = 0, palette, idat }: RawPng): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colorType, 0, 0, interlace], 8);
  return Buffer.concat([
    SIGNATURE, chunk("IHDR", header), ...(palette ? [chunk("PLTE", palette)] : []), chunk("IDAT", idat), chunk("IEND", new Uint8Array(0)),
  ]);
}

/** `length` zeros, compressed. */
export const zeros = (length: number): Uint8Array => deflateSync(Buffer.alloc(length), { level: 9 });

/** A good JPEG whose header says another size. */
export function resizedJpeg(width: number, height: number): Uint8Array {
  const bytes = Buffer.from(colorJpeg(16, 16, [10, 200, 30]));
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(height, frame + 5);
  bytes.writeUInt16BE(width, frame + 7);
  return bytes;
}

/** A progressive JPEG of one component whose scans, after the first, hold nothing. */
export function manyScans(width: number, height: number, scans: number): Uint8Array {
  const segment = (marker: number, body: readonly number[]): number[] => [0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255, ...body];
  const oneCode = (table: number): number[] => segment(0xc4, [table, 1, ...Array<number>(16).fill(0)]);
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const zeroBits = Array<number>(Math.ceil(blocks / 8)).fill(0);  // each block's difference is code 0: none
  const scan = (i: number): number[] => (i === 0
    ? [...segment(0xda, [1, 1, 0x00, 0, 0, 0]), ...zeroBits]
    : [...segment(0xda, [1, 1, 0x00, 1 + (i % 63), 1 + (i % 63), 0]), ...zeroBits]);
  return Uint8Array.from([
    0xff, 0xd8, ...segment(0xdb, [0, ...Array<number>(64).fill(1)]),
    ...segment(0xc2, [8, height >> 8, height & 255, width >> 8, width & 255, 1, 1, 0x11, 0]),
    ...oneCode(0x00), ...oneCode(0x10), ...Array.from({ length: scans }, (_, i) => scan(i)).flat(), 0xff, 0xd9,
  ]);
}
