/** zip archives by hand, sound ones and others. */
import { deflateSync, crc32 as nodeCrc32 } from "node:zlib";

export interface Part {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflated?: boolean;
  /** Of the directory, in place of the true ones. */
  readonly says?: { readonly size?: number; readonly packed?: number; readonly begin?: number; readonly flags?: number; readonly method?: number };
}

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** CRC-32, bit by bit: another implementation than the one that is tested. */
function crcOf(bytes: Uint8Array): number {
  if (typeof nodeCrc32 === "function") return nodeCrc32(bytes);                // Node 20.15 and later have it
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function record(bytes: number, fields: readonly (readonly [at: number, size: 2 | 4, value: number])[], ...rest: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(bytes);
  const view = new DataView(out.buffer);
  for (const [at, size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
  }
  return new Uint8Array(Buffer.concat([out, ...rest]));
}

/** An archive of these parts; `end` replaces what the last record says of the directory. */
export function zip(parts: readonly Part[], end: { readonly offset?: number; readonly length?: number; readonly count?: number } = {}): Uint8Array {
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, data, deflated = false, says = {} } of parts) {
    const packed = deflated ? new Uint8Array(deflateSync(data).subarray(2, -4)) : data;      // without the frame of zlib
    const method = says.method ?? (deflated ? 8 : 0);
    const crc = crcOf(data);
    const local = record(30, [
      [0, 4, 0x04034b50], [4, 2, 20], [6, 2, says.flags ?? 0], [8, 2, method], [14, 4, crc], [18, 4, packed.length], [22, 4, data.length],
      [26, 2, name.length],
    ], latin1(name), packed);
    directory.push(record(46, [
      [0, 4, 0x02014b50], [4, 2, 20], [6, 2, 20], [8, 2, says.flags ?? 0], [10, 2, method], [16, 4, crc], [20, 4, says.packed ?? packed.length],
      [24, 4, says.size ?? data.length], [28, 2, name.length], [42, 4, says.begin ?? at],
    ], latin1(name)));
    files.push(local);
    at += local.length;
  }
  const length = directory.reduce((sum, { length }) => sum + length, 0);
  return new Uint8Array(Buffer.concat([...files, ...directory, record(22, [
    [0, 4, 0x06054b50], [8, 2, end.count ?? parts.length], [10, 2, end.count ?? parts.length], [12, 4, end.length ?? length],
    [16, 4, end.offset ?? at],
  ])]));
}

/** The same with sizes and places in 64 bits, as archives of more than 4 GB have them. */
export function zip64(parts: readonly Part[]): Uint8Array {
  const plain = zip(parts);
  const view = new DataView(plain.buffer);
  const end = plain.length - 22, start = view.getUint32(end + 16, true);
  const files = plain.subarray(0, start);
  const directory: Uint8Array[] = [];
  for (let at = start; at < end;) {
    const name = view.getUint16(at + 28, true);
    const extra = new Uint8Array(28);
    const fields = new DataView(extra.buffer);
    fields.setUint16(0, 1, true);
    fields.setUint16(2, 24, true);
    for (const [i, field] of [24, 20, 42].entries()) fields.setBigUint64(4 + 8 * i, BigInt(view.getUint32(at + field, true)), true);
    const entry = plain.slice(at, at + 46 + name);
    const own = new DataView(entry.buffer);
    for (const field of [20, 24, 42]) own.setUint32(field, 0xffffffff, true);
    own.setUint16(30, 28, true);
    directory.push(entry, extra);
    at += 46 + name;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const last = new Uint8Array(56 + 20 + 22);
  const fields = new DataView(last.buffer);
  fields.setUint32(0, 0x06064b50, true);
  fields.setBigUint64(4, 44n, true);
  for (const [offset, value] of [[24, parts.length], [32, parts.length], [40, length], [48, start]] as const) fields.setBigUint64(offset, BigInt(value), true);
  fields.setUint32(56, 0x07064b50, true);
  fields.setBigUint64(64, BigInt(start + length), true);
  fields.setUint32(72, 1, true);
  fields.setUint32(76, 0x06054b50, true);
  for (const offset of [84, 86]) fields.setUint16(offset, 0xffff, true);
  for (const offset of [88, 92]) fields.setUint32(offset, 0xffffffff, true);
  return new Uint8Array(Buffer.concat([files, ...directory, last]));
}

/** A file of torch.save with this pickle and these storages. */
export function torchZip(pickle: Uint8Array, storages: Readonly<Record<string, Uint8Array>> = {}): Uint8Array {
  const data = Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, data: bytes }));
  return zip([{ name: "archive/data.pkl", data: pickle }, ...data]);
}
