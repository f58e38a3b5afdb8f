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

/** A file of torch.save with this pickle and these storages. */
export function torchZip(pickle: Uint8Array, storages: Readonly<Record<string, Uint8Array>> = {}): Uint8Array {
  const data = Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, data: bytes }));
  return zip([{ name: "archive/data.pkl", data: pickle }, ...data]);
}
