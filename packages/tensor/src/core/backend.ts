/** What a backend is to the rest of the library: storage, a table of kernels, and a way to read results back. */
import type { DType, KernelTable } from "../kernels/contract.js";
import type { Shape } from "./shape.js";

/** Values in host memory, f32 or f64. */
export type NumberArray = Float32Array | Float64Array;

/**
 * A backend computes; it knows nothing of tensors, scopes or ops. T is its own opaque storage for one array.
 * Kernels may run later than their call (a queue), but strictly in program order, and so do `free` and `read`.
 */
export interface Backend<T> {
  /** One line for people: variant, threads, renderer. */
  readonly description: string;
  readonly dtypes: readonly DType[];
  /** How a b + c is rounded, where a backend knows: once, or after each operation. Runs that are to have the same bits note it. */
  readonly multiplyAdds?: "fused" | "separate";
  readonly kernels: KernelTable<T>;
  /** Bytes that arrays can take in all, as far as is known before they are made; undefined where there is no end. */
  readonly capacity?: number;
  /** Room for an array whose contents the next kernel writes. Throws DeviceError, naming the bytes, when there is none. */
  allocate(shape: Shape, dtype: DType): T;
  /** A new array holding a copy of the values. */
  upload(values: NumberArray, shape: Shape, dtype: DType): T;
  /** A copy of the values; a plain array where the backend computes at once, a promise where it queues. */
  read(storage: T): NumberArray | Promise<NumberArray>;
  free(storage: T): void;
  /** Waits until everything launched so far is done; throws the first failure. */
  sync(): void | Promise<void>;
  /** Frees what belongs to the device as a whole (threads, memory, contexts). */
  dispose(): void | Promise<void>;
  /** Generated source of a kernel, for the debug ladder's level 4; undefined where there is none. */
  source?(kernel: string): string | undefined;
}
