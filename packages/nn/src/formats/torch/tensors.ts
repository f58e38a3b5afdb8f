/** Tensors as pickles of PyTorch describe them: a view of a storage, whose bytes lie elsewhere. */
import type { Refuse } from "./pickle.js";

/** Bytes that an element takes, for every dtype that is known; values of float8, complex and quantised ones are not read. */
export const ELEMENT_BYTES = {
  float32: 4, float64: 8, float16: 2, bfloat16: 2, int64: 8, int32: 4, int16: 2, int8: 1, uint8: 1, bool: 1,
} as const;
/** A dtype of PyTorch by its name there. */
export type TorchDtype = keyof typeof ELEMENT_BYTES;

/** Where a tensor's numbers lie: the storage `key` of the file, `elements` of a dtype. */
export interface TorchStorage {
  readonly key: string;
  readonly dtype: TorchDtype;
  readonly elements: number;
}

/** The storage with the part of it that is meant; old files have storages that are views of others. */
export class StoragePart {
  constructor(readonly storage: TorchStorage, readonly offset: number) {}
}

/** Element [i, j, ...] is number offset + i strides[0] + j strides[1] + ... of the storage. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage, readonly dtype: TorchDtype, readonly shape: readonly number[], readonly strides: readonly number[],
    /** In elements of `dtype`. */
    readonly offset: number,
  ) {}

  /** How many values it has. */
  get size(): number {
    return this.shape.reduce((product, side) => product * side, 1);
  }

  /** How many elements of the storage lie between its first and its last one, both included. */
  get span(): number {
    return this.size === 0 ? 0 : this.shape.reduce((sum, side, axis) => sum + (side - 1) * this.strides[axis]!, 1);
  }
}

/** PyTorch allows 64. */
const MAX_RANK = 64;
/** Expanded tensors may have so many elements more than their storage. */
const MAX_REPEATED = 2 ** 24;

/**
 * The tensor of a pickle's numbers: all of its elements lie in the storage. Strides of 0 repeat elements.
 * Refuses numbers that are none, negative ones, those that lead outside of the storage, and far more elements than it has.
 */
export function tensorOf(
  { storage, offset: start }: StoragePart, dtype: TorchDtype, offset: unknown, shape: unknown, strides: unknown, refuse: Refuse,
): TorchTensor {
  if (!isSizes(shape) || !isSizes(strides) || shape.length !== strides.length || shape.length > MAX_RANK) {
    refuse("a tensor without shape or strides");
  }
  if (!isSize(offset)) refuse("a tensor that begins nowhere in its storage");
  const tensor = new TorchTensor(storage, dtype, shape as number[], strides as number[], start + (offset as number));
  const held = Math.floor(storage.elements * ELEMENT_BYTES[storage.dtype] / ELEMENT_BYTES[dtype]);
  const { size, span } = tensor;
  if (!Number.isSafeInteger(size) || tensor.offset + span > held) {
    refuse(`a tensor of shape [${(shape as number[]).join(", ")}] that lies outside of its storage ${storage.key} of ${held} elements`);
  }
  if (size > held + MAX_REPEATED) refuse(`a tensor of shape [${(shape as number[]).join(", ")}] that repeats the elements of its storage too often`);
  return tensor;
}

export function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}
