/**
 * torch.save before PyTorch 1.6 (and with _use_new_zipfile_serialization=False): pickles one after another, the magic number, the
 * version, facts of the machine, the value, the keys of the storages; then of each storage the number of its elements in 8 bytes, and
 * the elements. Source: torch/serialization.py, _legacy_save.
 */
import { CheckpointError } from "@fromnoise/tensor";
import type { ByteReader } from "../safetensors.js";
import { MAX_PICKLE_BYTES, type TorchContainer } from "./container.js";
import { PickleEnded } from "./pickle-bytes.js";
import { unpickle } from "./pickle.js";
import { ELEMENT_BYTES, type TorchStorage } from "./tensors.js";
import { torchVocabulary } from "./vocabulary.js";

/** Protocol 2, and the whole number 0x1950a86a20f9469cfc6c of 10 bytes. */
const MAGIC = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
const VERSION = 1001;

/** Whether these first bytes are those of such a file. */
export function isLegacy(first: Uint8Array): boolean {
  return first.length >= MAGIC.length && MAGIC.every((byte, i) => first[i] === byte);
}

interface Pickles {
  readonly version: unknown;
  readonly machine: unknown;
  readonly value: unknown;
  readonly keys: unknown;
  readonly storages: ReadonlyMap<string, TorchStorage>;
  /** Where the storages begin. */
  readonly end: number;
}

/**
 * Reads the pickles; the storages are read when they are asked for.
 * @throws CheckpointError as unpickle, and where the storages are not those that the pickle names.
 */
export async function openLegacyContainer(reader: ByteReader, source: string): Promise<TorchContainer> {
  const { version, machine, value, keys, storages, end } = await readPickles(reader, source);
  if (version !== VERSION) throw new CheckpointError(`${source} is of another version of torch.save`, [`allowed  ${VERSION}`]);
  if (!(machine instanceof Map) || machine.get("little_endian") !== true) {
    throw new CheckpointError(`${source} was not written on a little-endian machine`, ["allowed  little-endian"]);
  }
  const places = await placesOf(reader, keys, storages, end, source);
  return {
    value,
    read: (storage, begin, length) => reader.read(places.get(storage.key)! + begin, length),
  };
}

/** How long the pickles are stands nowhere: more and more of the file is read until they end. */
async function readPickles(reader: ByteReader, source: string): Promise<Pickles> {
  const most = Math.min(reader.size, MAX_PICKLE_BYTES);
  for (let length = Math.min(2 ** 18, most); ; length = Math.min(8 * length, most)) {
    try {
      return parse(await reader.read(0, length), source);
    } catch (error) {
      if (!(error instanceof PickleEnded) || length === most) throw error;
    }
  }
}

function parse(bytes: Uint8Array, source: string): Pickles {
  const storages = new Map<string, TorchStorage>();
  const vocabulary = torchVocabulary(storages);
  let end = MAGIC.length;
  const [version, machine, value, keys] = Array.from({ length: 4 }, () => {
    const read = unpickle(bytes, vocabulary, source, end);
    end = read.end;
    return read.value;
  });
  return { version, machine, value, keys, storages, end };
}

/** Where the elements of each storage begin. */
async function placesOf(
  reader: ByteReader, keys: unknown, storages: ReadonlyMap<string, TorchStorage>, from: number, source: string,
): Promise<ReadonlyMap<string, number>> {
  const refuse = (reason: string): never => {
    throw new CheckpointError(`${source}: its storages are refused: ${reason}`);
  };
  if (!Array.isArray(keys)) return refuse("there is no list of them");
  const places = new Map<string, number>();
  let at = from;
  for (const key of keys as unknown[]) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined || places.has(storage.key)) return refuse("the list names one that the pickle does not have, or one twice");
    const { dtype, elements } = storage;
    const end = at + 8 + elements * ELEMENT_BYTES[dtype];
    if (end > reader.size) refuse(`storage ${key as string} ends at byte ${end}, the file has ${reader.size}; it may be cut off`);
    const head = await reader.read(at, 8);
    const held = Number(new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true));
    if (held !== elements) refuse(`storage ${key as string} has ${held} elements, not ${elements}`);
    places.set(storage.key, at + 8);
    at = end;
  }
  const missing = [...storages.keys()].find((key) => !places.has(key));
  if (missing !== undefined) refuse(`storage ${missing.slice(0, 80)} is missing`);
  return places;
}
