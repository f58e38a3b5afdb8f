/**
 * Files of torch.save: .pt, .pth, .ckpt, .bin. Their pickle is read by a machine of our own that builds tensors and plain containers
 * and runs nothing (vocabulary.ts). Pure functions over bytes by position, for Node and browsers alike.
 */
import { CheckpointError } from "@fromnoise/tensor";
import type { ByteReader } from "../safetensors.js";
import { isZip } from "../zip.js";
import { isLegacy, openLegacyContainer } from "./legacy-container.js";
import { TorchTensor, type TorchDtype } from "./tensors.js";
import { bytesHere, isFloating, spanOf, valuesOf } from "./values.js";
import { openZipContainer } from "./zip-container.js";

/** A tensor as read; `dtype` is the file's. Floating-point numbers of 16 bits come widened to f32, whole numbers and bool as f64. */
export interface LoadedTorchTensor {
  readonly dtype: TorchDtype;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/** A file of torch.save, read without running anything in it. */
export interface TorchFile {
  /** What messages call it. */
  readonly source: string;
  /**
   * What was saved: null, booleans, numbers, bigints, strings, Uint8Arrays; arrays for lists and tuples, Maps for dicts, Sets;
   * `TorchTensor` for tensors and parameters, `Opaque` for objects of other classes, `Global` for classes themselves.
   */
  readonly value: unknown;
  /**
   * The numbers of a tensor of it, read from their place alone.
   * Throws CheckpointError where they are damaged, or all that was read is far more than the file holds.
   */
  read(tensor: TorchTensor): Promise<LoadedTorchTensor>;
}

/** Views that repeat or share elements may give so many bytes more than the file has; f16 and int8 take more here than there. */
const MORE_BYTES = 2 ** 26, TIMES = 8;

/** Whether a file begins as those of torch.save do. */
export async function isTorchFile(reader: ByteReader): Promise<boolean> {
  const first = await reader.read(0, Math.min(16, reader.size));
  return isZip(first) || isLegacy(first);
}

/**
 * Opens a file of torch.save and reads all of it but the numbers of its tensors. `source` is what messages call it.
 * @throws CheckpointError for another file, a damaged one, and a pickle that asks for more than plain data, naming what it asks for.
 */
export async function readTorchFile(reader: ByteReader, source = "torch data"): Promise<TorchFile> {
  const first = await reader.read(0, Math.min(16, reader.size));
  const open = isZip(first) ? openZipContainer : isLegacy(first) ? openLegacyContainer : undefined;
  if (open === undefined) {
    throw new CheckpointError(`${source} is no file of torch.save`, ["expected a zip archive of PyTorch 1.6 or later, or the format before it"]);
  }
  const { value, read } = await open(reader, source);
  let left = TIMES * reader.size + MORE_BYTES;
  return {
    source, value,
    async read(tensor) {
      left -= bytesHere(tensor);
      if (left < 0) throw new CheckpointError(`${source}: its tensors repeat the elements of their storages too often`, [`shape    [${tensor.shape.join(", ")}]`]);
      const { begin, length } = spanOf(tensor);
      const { dtype, shape } = tensor;
      const bytes = length === 0 ? new Uint8Array(0) : await read(tensor.storage, begin, length);
      return { dtype, shape, data: valuesOf(tensor, bytes, source) };
    },
  };
}

/** Tensors by name, as a module's state_dict() has them. */
export type TorchStateDict = ReadonlyMap<string, TorchTensor>;

/** The state dict that a value is: a dict of text and tensors alone, and not an empty one; undefined for others. */
export function stateDictOf(value: unknown): TorchStateDict | undefined {
  if (!(value instanceof Map) || value.size === 0) return undefined;
  for (const [name, tensor] of value) if (typeof name !== "string" || !(tensor instanceof TorchTensor)) return undefined;
  return value as TorchStateDict;
}

/**
 * The floating-point tensors of a state dict whose names pass `wanted`, each read. Counters such as num_batches_tracked are left out.
 * @throws CheckpointError as `read` does.
 */
export async function readStateDict(
  file: TorchFile, dict: TorchStateDict, wanted: (name: string) => boolean = () => true,
): Promise<Map<string, LoadedTorchTensor>> {
  const loaded = new Map<string, LoadedTorchTensor>();
  for (const [name, tensor] of dict) if (isFloating(tensor.dtype) && wanted(name)) loaded.set(name, await file.read(tensor));
  return loaded;
}
