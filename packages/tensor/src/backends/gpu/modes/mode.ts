/** What a mode of gpu.js is to this backend: how it keeps arrays, how it shows them to kernels, how far it goes. */
import type { GpuKernel } from "../engine/gpu-js.js";
import type { Limits } from "../engine/limits.js";
import type { Indexing } from "../notation/source.js";
import type { Space } from "../engine/space.js";

export type ModeName = "webgpu" | "webgl2" | "headlessgl" | "webasm" | "cpu";

/** H is what the mode keeps for an array. */
export interface Mode<H> {
  readonly name: ModeName;
  /** One line for people: mode and renderer, and whether that is a program instead of a GPU. */
  readonly description: string;
  readonly indexing: Indexing;
  readonly limits: Limits;
  /** True where one kernel object can serve arrays of every size; elsewhere each combination of sizes needs its own. */
  readonly dynamic: boolean;
  /** Numbers that a thread can return at once. */
  readonly lanes: number;
  /**
   * A kernel, for arrays of every size where it is `dynamic`, else for those of its first call. Compiles nothing yet: gpu.js does so
   * at the first call. Throws nothing.
   */
  createKernel(javascript: string, output: Space, dynamic: boolean): GpuKernel;
  /** The argument by which a kernel gets numbers of the host; only the copying kernel of `upload` takes one. */
  hostArgument(values: Float32Array): unknown;
  /** The argument by which a kernel sees an array. */
  argument(handle: H, space: Space): unknown;
  /** Calls a kernel, each of whose threads returns `lanes` numbers. */
  run(kernel: GpuKernel, args: readonly unknown[], output: Space, lanes: number): H | Promise<H>;
  /** The values of an array in order. */
  read(handle: H, n: number): Float32Array | Promise<Float32Array>;
  free(handle: H): void;
  /** Waits until the GPU is done. */
  sync(): void | Promise<void>;
  /** Buffers or textures that gpu.js holds now, its own for arguments and results included; where it has none, our arrays. */
  live(): number;
  dispose(): Promise<void>;
}
