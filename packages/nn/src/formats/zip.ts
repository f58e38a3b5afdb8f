/**
 * zip archives, read by their central directory: names, sizes and places first, then one entry after another (PKWARE's APPNOTE 6.3,
 * with the 64-bit sizes of section 4.3.14). Stored and deflated entries; no encryption, no archives in parts. Every size is that of
 * the directory and is held to: nothing is read or inflated beyond it.
 */
import { Inflate } from "fflate";
import { CheckpointError } from "@fromnoise/tensor";
import { crc32 } from "./crc32.js";
import type { ByteReader } from "./safetensors.js";

export interface ZipEntry {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc: number;
  /** Bytes in the archive, and of the contents. */
  readonly packed: number;
  readonly size: number;
  /** Where its local header begins, and where the next thing in the archive does. */
  readonly begin: number;
  readonly limit: number;
}

/** Bounds of what an archive may have; PyTorch writes one entry a storage. */
const MAX_DIRECTORY_BYTES = 2 ** 25, MAX_ENTRIES = 2 ** 17;
/** Deflated entries beyond 1 MiB must not grow by more: weights hardly shrink. Deflate itself reaches 1032. */
const MAX_GROWTH = 100, SMALL = 2 ** 20;
const END = 0x06054b50, END_64 = 0x06064b50, LOCATOR_64 = 0x07064b50, CENTRAL = 0x02014b50, LOCAL = 0x04034b50;
const END_BYTES = 22, MAX_COMMENT = 65535, CENTRAL_BYTES = 46, LOCAL_BYTES = 30;

/** Whether these first bytes are those of a zip archive. */
export function isZip(first: Uint8Array): boolean {
  return first.length >= 4 && viewOf(first).getUint32(0, true) === LOCAL;
}

/**
 * All entries by name, in the order of their places.
 * @throws CheckpointError for what is no such archive, is damaged, or could mean two things: names that stand twice or lead upwards,
 *   entries that overlap or lie outside.
 */
export async function readZipDirectory(reader: ByteReader, source: string): Promise<ReadonlyMap<string, ZipEntry>> {
  const refuse = refusing(source);
  const { offset, length, count } = await findDirectory(reader, refuse);
  if (length > MAX_DIRECTORY_BYTES || count > MAX_ENTRIES) refuse(`its directory says ${count} entries in ${length} bytes, more than are read`);
  if (offset + length > reader.size) refuse("its directory lies outside of the file");
  const entries = parseDirectory(await reader.read(offset, length), count, refuse);
  entries.sort((a, b) => a.begin - b.begin);
  const found = new Map<string, ZipEntry>();
  entries.forEach((entry, i) => {
    const { name, begin, packed } = entry;
    const limit = entries[i + 1]?.begin ?? offset;
    if (found.has(name)) refuse(`the entry ${shown(name)} stands twice`);
    if (begin + LOCAL_BYTES + packed > limit) refuse(`the entry ${shown(name)} overlaps what follows it, or lies outside of the file`);
    found.set(name, { ...entry, limit });
  });
  return found;
}

/**
 * `length` bytes of an entry from `offset` on. Of a stored one these bytes alone are read; a whole one is compared with its checksum.
 * @throws CheckpointError where the entry is damaged, or is no such entry as its directory says.
 */
export async function readZipEntry(
  reader: ByteReader, entry: ZipEntry, source: string, offset = 0, length = entry.size - offset,
): Promise<Uint8Array> {
  const refuse = refusing(source);
  const { name, method, size, packed, crc } = entry;
  if (offset + length > size) refuse(`the entry ${shown(name)} has ${size} bytes, not ${offset + length}`);
  const data = await dataOf(reader, entry, refuse);
  if (method === 0) {
    const bytes = await reader.read(data + offset, length);
    if (length === size && crc32(bytes) !== crc) refuse(`the entry ${shown(name)} is damaged: its checksum is another`);
    return bytes;
  }
  const bytes = inflated(await reader.read(data, packed), size);
  if (bytes === undefined || crc32(bytes) !== crc) refuse(`the entry ${shown(name)} is damaged, or not of the size that is said`);
  return bytes!.subarray(offset, offset + length);
}

type Refuse = (reason: string) => never;

function refusing(source: string): Refuse {
  return (reason) => {
    throw new CheckpointError(`${source}: the zip archive is refused: ${reason}`);
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function shown(name: string): string {
  return JSON.stringify(name.length <= 120 ? name : `${name.slice(0, 117)}...`);
}

/** A whole number of 8 bytes; beyond 2^53 it is beyond every file. */
function u64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

async function findDirectory(reader: ByteReader, refuse: Refuse): Promise<{ offset: number; length: number; count: number }> {
  const from = Math.max(0, reader.size - END_BYTES - MAX_COMMENT);
  const tail = await reader.read(from, reader.size - from);
  const view = viewOf(tail);
  let at = tail.length - END_BYTES;
  while (at >= 0 && !(view.getUint32(at, true) === END && at + END_BYTES + view.getUint16(at + 20, true) === tail.length)) at--;
  if (at < 0) return refuse("it has no directory at its end; the file may be cut off");
  if (view.getUint32(at + 4, true) !== 0) refuse("it is one of several parts");
  const here = { offset: view.getUint32(at + 16, true), length: view.getUint32(at + 12, true), count: view.getUint16(at + 10, true) };
  const is64 = here.offset === 0xffffffff || here.length === 0xffffffff || here.count === 0xffff;
  if (!is64) return here;
  if (at < 20 || view.getUint32(at - 20, true) !== LOCATOR_64) return here.count === 0xffff ? here : refuse("its 64-bit directory is missing");
  const place = u64(view, at - 12);
  if (!(place + 56 <= from + at)) return refuse("its 64-bit directory lies outside of the file");
  const end = viewOf(await reader.read(place, 56));
  if (end.getUint32(0, true) !== END_64) return refuse("its 64-bit directory is missing");
  return { offset: u64(end, 48), length: u64(end, 40), count: u64(end, 32) };
}

function parseDirectory(bytes: Uint8Array, count: number, refuse: Refuse): Omit<ZipEntry, "limit">[] {
  const view = viewOf(bytes);
  const entries: Omit<ZipEntry, "limit">[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > bytes.length || view.getUint32(at, true) !== CENTRAL) refuse(`entry ${i} of its directory is missing`);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [number, number, number];
    const end = at + CENTRAL_BYTES + nameBytes + extraBytes + commentBytes;
    if (end > bytes.length) refuse(`entry ${i} of its directory is cut off`);
    const name = textOf(bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes));
    const extra = bytes.subarray(at + CENTRAL_BYTES + nameBytes, at + CENTRAL_BYTES + nameBytes + extraBytes);
    const sizes = sizes64(extra, [24, 20, 42].map((field) => view.getUint32(at + field, true)), refuse);
    const [size, packed, begin] = sizes as [number, number, number];
    const entry = { name, method: view.getUint16(at + 10, true), crc: view.getUint32(at + 16, true), packed, size, begin };
    checkEntry(entry, view.getUint16(at + 8, true), refuse);
    entries.push(entry);
    at = end;
  }
  return entries;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Sizes that are all ones in 32 bits stand in the extra field 0x0001, in order. */
function sizes64(extra: Uint8Array, sizes: readonly number[], refuse: Refuse): number[] {
  if (!sizes.includes(0xffffffff)) return [...sizes];
  const view = viewOf(extra);
  let at = 0;
  while (at + 4 <= extra.length && view.getUint16(at, true) !== 1) at += 4 + view.getUint16(at + 2, true);
  at += 4;
  return sizes.map((size) => {
    if (size !== 0xffffffff) return size;
    if (at + 8 > extra.length) return refuse("a 64-bit size is missing");
    at += 8;
    return u64(view, at - 8);
  });
}

function checkEntry({ name, method, packed, size, begin }: Omit<ZipEntry, "limit">, flags: number, refuse: Refuse): void {
  if (![packed, size, begin].every(Number.isSafeInteger)) refuse(`the entry ${shown(name)} is larger than any file`);
  if (name === "" || name.startsWith("/") || /[\\\0]/.test(name) || name.split("/").includes("..")) refuse(`the name ${shown(name)} leads out of the archive`);
  if ((flags & 1) !== 0) refuse(`the entry ${shown(name)} is encrypted`);
  if (method !== 0 && method !== 8) refuse(`the entry ${shown(name)} is packed by method ${method}; 0 and 8 are read`);
  if (method === 0 && packed !== size) refuse(`the entry ${shown(name)} is of two sizes`);
  if (size > SMALL && size > MAX_GROWTH * packed) refuse(`the entry ${shown(name)} would grow from ${packed} bytes to ${size}, as no weights do`);
}

/** Where the data of an entry begins: behind its local header, which must be of the same name and method. */
async function dataOf(reader: ByteReader, { name, method, begin, packed, limit }: ZipEntry, refuse: Refuse): Promise<number> {
  const header = viewOf(await reader.read(begin, LOCAL_BYTES));
  if (header.getUint32(0, true) !== LOCAL) refuse(`the entry ${shown(name)} is not where its directory says`);
  const nameBytes = header.getUint16(26, true);
  const data = begin + LOCAL_BYTES + nameBytes + header.getUint16(28, true);
  if (data + packed > limit) refuse(`the entry ${shown(name)} overlaps what follows it`);
  const local = textOf(await reader.read(begin + LOCAL_BYTES, nameBytes));
  if (local !== name || header.getUint16(8, true) !== method) refuse(`the entry ${shown(name)} is another one where it lies`);
  return data;
}

/** What deflated bytes hold, `size` bytes; undefined where they are damaged or hold another number. */
function inflated(packed: Uint8Array, size: number): Uint8Array | undefined {
  const out = new Uint8Array(size);
  let done = 0;
  let ended = false;
  const inflate = new Inflate((chunk, final) => {
    if (done + chunk.length > size) throw new RangeError("more than was said");
    out.set(chunk, done);
    done += chunk.length;
    ended ||= final;
  });
  try {
    const part = 2 ** 12;                                                     // so that what is too much is seen early
    for (let at = 0; at === 0 || at < packed.length; at += part) inflate.push(packed.subarray(at, at + part), at + part >= packed.length);
  } catch {
    return undefined;                                                         // of what fflate throws no more is known than that
  }
  return ended && done === size ? out : undefined;
}
