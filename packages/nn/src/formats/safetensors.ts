/**
 * safetensors, the file format of checkpoints: reading (F32, F64, F16, BF16) and writing (F32, F64). Pure functions over
 * bytes, for Node and browsers alike; files.ts puts them on a disk. Data is little-endian, as every engine's typed arrays.
 */
import { CheckpointError } from "@fromnoise/tensor";
import { sha256 } from "./digest.js";
import { bf16ToF32, f16ToF32, toF16 } from "./half.js";
import { headerLength, MAX_HEADER_BYTES, parseHeader, type SafetensorsEntry, type SafetensorsHeader } from "./safetensors-header.js";

/** Numbers with their shape, C order, on the host. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/** A tensor as read; `dtype` is the file's. F16 and BF16 come widened to f32. */
export interface LoadedTensor extends HostTensor {
  readonly dtype: "F32" | "F64" | "F16" | "BF16";
}

/** A file's tensors by name, and its metadata. */
export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, LoadedTensor>;
}

/** Something that gives bytes by position: a file, a Blob, an answer to range requests. `read` gives all it was asked for. */
export interface ByteReader {
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * All tensors of a safetensors file in memory; the arrays are copies.
 * @param source what messages call the data, such as a path.
 * @throws CheckpointError when the file is damaged, or a tensor has another dtype than F32, F64, F16 and BF16.
 */
export function parseSafetensors(bytes: Uint8Array, source = "safetensors data"): Safetensors {
  const length = headerLength(bytes.subarray(0, 8), bytes.length, source);
  const { metadata, tensors } = parseHeader(bytes.subarray(8, 8 + length), bytes.length, source);
  const decoded = Array.from(tensors, ([name, entry]): [string, LoadedTensor] =>
    [name, decode(bytes.subarray(entry.begin, entry.end), name, entry, source)]);
  return { metadata, tensors: new Map(decoded) };
}

/**
 * Names, dtypes, shapes, places and metadata, without reading the data.
 * @throws CheckpointError as {@link parseSafetensors}, except that every dtype of the format may be listed.
 */
export async function readSafetensorsHeader(
  from: Uint8Array | ByteReader, source = "safetensors data",
): Promise<SafetensorsHeader> {
  const reader = from instanceof Uint8Array ? bytesReader(from) : from;
  const length = headerLength(await reader.read(0, Math.min(8, reader.size)), reader.size, source);
  return parseHeader(await reader.read(8, length), reader.size, source);
}

/**
 * One tensor, read from its place alone, and compared with the SHA-256 of its bytes where one is given.
 * @throws CheckpointError when the header does not list it, its dtype is not one of F32, F64, F16 and BF16, or its digest is
 *   another.
 */
export async function readSafetensorsTensor(
  from: Uint8Array | ByteReader, header: SafetensorsHeader, name: string, source = "safetensors data", digest?: string,
): Promise<LoadedTensor> {
  const reader = from instanceof Uint8Array ? bytesReader(from) : from;
  const entry = header.tensors.get(name);
  if (!entry) throw new CheckpointError(`${source}: no tensor "${name}"`, [`it has ${header.tensors.size} others`]);
  const bytes = await reader.read(entry.begin, entry.end - entry.begin);
  if (digest !== undefined) await checkDigest(bytes, digest, name, source);
  return decode(bytes, name, entry, source);
}

async function checkDigest(bytes: Uint8Array, digest: string, name: string, source: string): Promise<void> {
  const found = await sha256(bytes);
  if (found === digest) return;
  throw new CheckpointError(`${source}: tensor "${name}" is damaged: its bytes are not those that were saved`, [
    `saved    SHA-256 ${digest}`, `found    SHA-256 ${found}`, "hint     copy the file again, or take an earlier one",
  ]);
}

function bytesReader(bytes: Uint8Array): ByteReader {
  return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

function decode(bytes: Uint8Array, name: string, { dtype, shape }: SafetensorsEntry, source: string): LoadedTensor {
  const { buffer } = new Uint8Array(bytes);  // a copy of its own: typed arrays need aligned offsets
  switch (dtype) {
    case "F32": return { dtype, shape, data: new Float32Array(buffer) };
    case "F64": return { dtype, shape, data: new Float64Array(buffer) };
    case "F16": return { dtype, shape, data: f16ToF32(new Uint16Array(buffer)) };
    case "BF16": return { dtype, shape, data: bf16ToF32(new Uint16Array(buffer)) };
  }
  throw new CheckpointError(`${source}: tensor "${name}" has dtype ${dtype}`, ["readable are F32, F64, F16, BF16"]);
}

/** An encoded file, in parts; it can be gone through more than once. */
export interface EncodedSafetensors extends Iterable<Uint8Array> {
  /** Of the whole file. */
  readonly byteLength: number;
}

/** How numbers are written. */
export interface EncodeOptions {
  /** Write every tensor as this; default: as it is held, Float32Array as F32 and Float64Array as F64. */
  readonly dtype?: "F16" | "F32" | "F64";
}

const BYTES = { F16: 2, F32: 4, F64: 8 } as const;

/** No part is longer, so that writing never needs a second copy of a large tensor. */
const PART_BYTES = 2 ** 24;

/**
 * A safetensors file as parts to be written one after another. F64 comes before F32 and names are in order, as the
 * reference implementation writes; the header is padded with spaces so that all data is aligned. Parts of tensors that
 * need no conversion are views of their data. Writing F64 data as F32, or either as F16, rounds it.
 * @throws CheckpointError when a name stands twice or is `__metadata__`, or a shape does not fit its data.
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: HostTensor]>,
  metadata: Readonly<Record<string, string>> = {},
  { dtype }: EncodeOptions = {},
): EncodedSafetensors {
  const rows = Array.from(tensors, ([name, { shape, data }]) => {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== data.length) {
      throw new CheckpointError(`cannot write tensor "${name}": its shape does not fit its data`, [
        `shape [${shape.join(", ")}] has ${elements} elements, the data ${data.length}`,
      ]);
    }
    return { name, shape, data, dtype: dtype ?? dtypeOf(data) };
  });
  rows.sort((a, b) => compare(b.dtype, a.dtype) || compare(a.name, b.name));

  const fields = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) fields.set("__metadata__", metadata);
  let end = 0;
  for (const { name, shape, data, dtype } of rows) {
    if (name === "__metadata__" || fields.has(name)) {
      throw new CheckpointError(`cannot write tensor "${name}": the name is ${fields.has(name) ? "taken" : "reserved"}`);
    }
    const begin = end;
    end += data.length * BYTES[dtype];
    fields.set(name, { dtype, shape, data_offsets: [begin, end] });
  }
  const header = encodeHeader(fields);
  return {
    byteLength: header.length + end,
    *[Symbol.iterator]() {
      yield header;
      for (const { data, dtype } of rows) yield* split(toBytes(data, dtype));
    },
  };
}

/**
 * SHA-256 of a tensor's bytes as {@link encodeSafetensors} writes them with the same options.
 * @throws CheckpointError as {@link sha256}.
 */
export function tensorDigest({ data }: HostTensor, { dtype = dtypeOf(data) }: EncodeOptions = {}): Promise<string> {
  return sha256(toBytes(data, dtype));
}

function dtypeOf(data: HostTensor["data"]): "F32" | "F64" {
  return data instanceof Float64Array ? "F64" : "F32";
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Length, JSON, and spaces up to a multiple of 8 bytes. */
function encodeHeader(fields: ReadonlyMap<string, unknown>): Uint8Array {
  const members = Array.from(fields, ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = new TextEncoder().encode(`{${members.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    throw new CheckpointError(`cannot write a safetensors file with a header of ${length} bytes`, [
      `tensors  ${fields.size}`, `allowed  ${MAX_HEADER_BYTES} bytes, names, shapes and metadata together`,
    ]);
  }
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return header;
}

function toBytes(data: Float32Array | Float64Array, dtype: keyof typeof BYTES): Uint8Array {
  if (dtype === "F16") return new Uint8Array(toF16(data).buffer);
  const type = dtype === "F64" ? Float64Array : Float32Array;
  const { buffer, byteOffset, byteLength } = data instanceof type ? data : new type(data);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function* split(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PART_BYTES) yield bytes.subarray(at, at + PART_BYTES);
}
