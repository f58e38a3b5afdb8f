import { ShapeError } from "../../core/errors.js";
import type { DType } from "../../kernels/contract.js";

/** Whole numbers held on the host: class labels, timesteps, positions along an axis. */
export type Indices = Int32Array | readonly number[];

/** Throws ShapeError unless every index is an integer in 0 .. size - 1; `range` says of what. */
export function checkIndices(op: string, indices: Indices, size: number, range: string): void {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i];
    if (Number.isInteger(index) && index >= 0 && index < size) continue;
    throw new ShapeError(`${op}: index ${index} at position ${i} is out of range for ${range}`, [`allowed  0 .. ${size - 1}`]);
  }
}

/** Throws ShapeError when positions along an axis of this size do not all fit the dtype: f32 counts without gaps to 2^24 only. */
export function checkCountable(op: string, size: number, dtype: DType): void {
  if (dtype === "f64" || size <= 2 ** 24) return;
  throw new ShapeError(`${op}: an axis of ${size} is too long for positions in f32`, [`allowed  1 .. ${2 ** 24}`]);
}
