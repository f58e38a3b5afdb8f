/** zip archives of stored entries, as parts to be written one after another. The reader is zip.ts. */
import { CheckpointError } from "@fromnoise/tensor";
import { crc32 } from "./crc32.js";

export interface ZipPart { readonly name: string; readonly bytes: Uint8Array }

/** An encoded file, in parts; it can be gone through more than once. */
export interface Encoded extends Iterable<Uint8Array> {
  readonly byteLength: number;
}

/** Sizes are written in 32 bits, and the last one stands for 64. */
const MAX_BYTES = 0xffffffff;

/** The archive of these entries in their order. Throws CheckpointError beyond 4 GiB or 65,534 entries. */
export function encodeZip(entries: readonly ZipPart[]): Encoded {
  const encoder = new TextEncoder();
  const locals: Uint8Array[] = [], directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, bytes } of entries) {
    const path = encoder.encode(name);
    const common = [[0, 4, 20], [2, 2, 0x800], [10, 4, crc32(bytes)], [14, 4, bytes.length], [18, 4, bytes.length], [22, 2, path.length]] as const;  // UTF-8, stored
    const shifted = (by: number): Fields => common.map(([offset, size, value]) => [offset + by, size, value]);
    locals.push(record(30, [[0, 4, 0x04034b50], ...shifted(4)], path));
    directory.push(record(46, [[0, 4, 0x02014b50], [4, 2, 20], ...shifted(6), [42, 4, at]], path));
    at += 30 + path.length + bytes.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  if (at + length >= MAX_BYTES || entries.length >= 0xffff) {
    throw new CheckpointError("the file is too large for a zip archive", [`bytes    ${at + length} in ${entries.length} entries, allowed up to ${MAX_BYTES}`]);
  }
  const end = record(22, [[0, 4, 0x06054b50], [8, 2, entries.length], [10, 2, entries.length], [12, 4, length], [16, 4, at]]);
  return {
    byteLength: at + length + end.length,
    *[Symbol.iterator]() {
      for (const [i, { bytes }] of entries.entries()) yield* [locals[i]!, bytes];
      yield* [...directory, end];
    },
  };
}

type Fields = readonly (readonly [offset: number, size: 2 | 4, value: number])[];

/** Little-endian fields in so many bytes, and what follows them. */
function record(bytes: number, fields: Fields, path: Uint8Array = new Uint8Array(0)): Uint8Array {
  const out = new Uint8Array(bytes + path.length);
  const view = new DataView(out.buffer);
  for (const [offset, size, value] of fields) {
    if (size === 2) view.setUint16(offset, value, true);
    else view.setUint32(offset, value, true);
  }
  out.set(path, bytes);
  return out;
}
