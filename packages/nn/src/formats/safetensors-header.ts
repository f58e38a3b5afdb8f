/**
 * The header of a safetensors file: 8 bytes of length (unsigned, little-endian), that many bytes of JSON, then the data.
 * The JSON maps a tensor's name to {dtype, shape, data_offsets: [begin, end]}, offsets counted from the start of the data;
 * `__metadata__` maps strings to strings. The data has no holes and no overlaps.
 */
import { CheckpointError } from "@fromnoise/tensor";
import { isObject, shown } from "../config/kinds.js";
import { endOfString, parseJson } from "./json.js";

/** Where one tensor lies: bytes begin .. end - 1 of the file. */
export interface SafetensorsEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What stands before the numbers: names, dtypes, shapes and places of tensors, and metadata. */
export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their data. */
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
}

/**
 * Longer headers are refused, as the length of another kind of file would be, and not written: 32 MiB list 200,000 tensors. The
 * reference implementation goes on to 100 MB, whose JSON can take gigabytes.
 */
export const MAX_HEADER_BYTES = 2 ** 25;

/** Bytes an element takes, for every dtype of the format with whole bytes. */
const ELEMENT_BYTES: ReadonlyMap<string, number> = new Map(Object.entries({
  BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4, F32: 4, I64: 8, U64: 8, F64: 8,
  C64: 8,
}));

/**
 * Number of JSON bytes, from the first 8 bytes of a file of `fileBytes` bytes.
 * @throws CheckpointError when the file is too short for its header.
 */
export function headerLength(first: Uint8Array, fileBytes: number, source: string): number {
  if (first.length < 8) {
    throw new CheckpointError(`${source}: not a safetensors file`, [`expected at least 8 bytes, found ${fileBytes}`]);
  }
  const view = new DataView(first.buffer, first.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 4294967296;
  if (length > MAX_HEADER_BYTES) {
    throw new CheckpointError(`${source}: not a safetensors file`, [
      `its first 8 bytes give a header of ${length} bytes, allowed are ${MAX_HEADER_BYTES}`,
    ]);
  }
  if (8 + length > fileBytes) {
    throw new CheckpointError(`${source}: truncated, or not a safetensors file`, [
      `its header should end at byte ${8 + length}, the file has ${fileBytes}`,
    ]);
  }
  return length;
}

/**
 * Reads and checks the JSON of a header in a file of `fileBytes` bytes: shapes against byte counts, offsets against holes,
 * overlaps and the end of the file, and names against duplicates.
 * @throws CheckpointError naming the file, the tensor and the numbers that do not fit.
 */
export function parseHeader(json: Uint8Array, fileBytes: number, source: string): SafetensorsHeader {
  const fields = Object.entries(parseJsonObject(json, source));
  const dataStart = 8 + json.length;
  const metadata: [string, string][] = [];
  const entries: [string, SafetensorsEntry][] = [];
  for (const [name, value] of fields) {
    if (!isObject(value)) {
      throw new CheckpointError(`${source}: header entry ${shown(name)} is not an object`, [shown(value)]);
    }
    if (name === "__metadata__") metadata.push(...metadataStrings(value, source));
    else entries.push([name, tensorEntry(name, value, dataStart, source)]);
  }
  entries.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  checkLayout(entries, dataStart, fileBytes, source);
  return { metadata: Object.fromEntries(metadata), tensors: new Map(entries) };
}

function parseJsonObject(json: Uint8Array, source: string): Readonly<Record<string, unknown>> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    value = parseJson(text);
  } catch (error) {
    throw new CheckpointError(`${source}: the header is not JSON`, [(error as Error).message]);
  }
  if (!isObject(value)) throw new CheckpointError(`${source}: the header is not a JSON object`, [text.slice(0, 80)]);
  checkDuplicateKeys(text, source);
  return value;
}

/** JSON.parse keeps the last of two equal keys without a word; here they are refused, in every object of valid JSON. */
function checkDuplicateKeys(json: string, source: string): void {
  const keys: Set<string>[] = [];
  let string = "";
  for (let i = 0; i < json.length; i++) {
    const token = json[i];
    if (token === "{" || token === "[") keys.push(new Set());
    else if (token === "}" || token === "]") keys.pop();
    else if (token === '"') {
      const end = endOfString(json, i);
      string = json.slice(i, end + 1);
      i = end;
    } else if (token === ":") {
      const key = JSON.parse(string) as string;
      if (keys.at(-1)!.has(key)) throw new CheckpointError(`${source}: the header has ${shown(key)} twice`);
      keys.at(-1)!.add(key);
    }
  }
}

function metadataStrings(value: Readonly<Record<string, unknown>>, source: string): [string, string][] {
  return Object.entries(value).map(([key, text]) => {
    if (typeof text === "string") return [key, text];
    throw new CheckpointError(`${source}: __metadata__ holds strings only`, [`${shown(key)} is ${shown(text)}`]);
  });
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function tensorEntry(name: string, fields: Readonly<Record<string, unknown>>, dataStart: number, source: string): SafetensorsEntry {
  const { dtype, shape, data_offsets: offsets } = fields;
  const refuse = (reason: string): never => {
    throw new CheckpointError(`${source}: tensor ${shown(name)} ${reason}`, [shown(fields)]);
  };
  if (typeof dtype !== "string") return refuse("has no dtype");
  if (!Array.isArray(shape) || !shape.every(isSize)) return refuse("has no shape of whole numbers from 0");
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) return refuse("has no pair of data_offsets");
  const [begin, end] = offsets as [number, number];
  const elementBytes = ELEMENT_BYTES.get(dtype);
  if (elementBytes === undefined) return refuse(`has the unknown dtype ${shown(dtype).slice(1, -1)}`);
  const expected = shape.reduce((product, size) => product * size, elementBytes);
  if (end - begin !== expected) return refuse(`has ${end - begin} bytes of data where its shape and dtype take ${expected}`);
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** Sorted by begin, each tensor starts where the one before ends, and the last ends with the file. */
function checkLayout(entries: [string, SafetensorsEntry][], dataStart: number, fileBytes: number, source: string): void {
  let end = dataStart;
  let before = "the header";
  for (const [name, entry] of entries) {
    if (entry.begin !== end) {
      throw new CheckpointError(`${source}: ${entry.begin < end ? "overlap" : "hole"} before the data of tensor ${shown(name)}`, [
        `${before} ends at byte ${end}, ${shown(name)} begins at byte ${entry.begin}`,
      ]);
    }
    end = entry.end;
    before = shown(name);
  }
  if (end === fileBytes) return;
  throw new CheckpointError(`${source}: ${end > fileBytes ? "truncated" : "longer than its tensors"}`, [
    `${before} ends at byte ${end}, the file has ${fileBytes}`,
  ]);
}
