/**
 * The gpu backend: every kernel through gpu.js, arrays staying on the GPU from kernel to kernel. Sums are in f32 and split by the
 * shape alone, so a mode gives the same bits every time.
 */
import type { Backend } from "../../core/backend.js";
import type { KernelTable } from "../../kernels/contract.js";
import { sizeOf } from "../../core/shape.js";
import type { GpuArray, LaunchTime } from "./engine/engine.js";
import { convolutions } from "./kernels/conv2d.js";
import { elementwise } from "./kernels/elementwise.js";
import { groupNorms } from "./kernels/group-norm.js";
import { layout } from "./kernels/layout.js";
import { products } from "./kernels/matmul.js";
import { reductions } from "./kernels/reduce.js";
import { resampling } from "./kernels/resample.js";
import { softmaxes } from "./kernels/softmax.js";
import { updates } from "./kernels/update.js";
import { openEngine, type GpuMode, type OpenedEngine } from "./modes/open-mode.js";

export { gpuModes, type GpuMode } from "./modes/open-mode.js";

const kernels = {
  ...elementwise, ...reductions, ...layout, ...products, ...convolutions, ...groupNorms, ...softmaxes, ...resampling, ...updates,
} satisfies KernelTable<GpuArray>;

/** A backend that also tells what it costs. */
export interface GpuBackend extends Backend<GpuArray> {
  /** Distinct kernels compiled so far. */
  compiledKernels(): number;
  /** GPU buffers or textures alive now, gpu.js's own included; in the CPU modes, our arrays. */
  liveBuffers(): number;
  /** Ms spent so far in waiting for results, with nothing left to issue. */
  waitedMs(): number;
  /** Has every launch waited for and reported from now on, for profiles; undefined ends that. */
  observeLaunches(report: ((time: LaunchTime) => void) | undefined): void;
}

/** Opens the backend in one of gpu.js's modes. Throws DeviceError when the mode is not there; nothing falls back. */
export async function openGpu(mode: GpuMode = "auto"): Promise<GpuBackend> {
  return gpuBackend(await openEngine(mode));
}

/** No mode says how much memory its GPU has; none has more than 256 GiB. */
const CAPACITY = 2 ** 38;

/** The backend over an engine that is open. */
export function gpuBackend({ engine, description }: OpenedEngine): GpuBackend {
  return {
    description,
    dtypes: ["f32"],
    capacity: CAPACITY,
    kernels,
    allocate: (shape) => engine.allocate(sizeOf(shape)),
    upload: (values) => engine.upload(values),
    read: (x) => engine.read(x),
    free: (x) => engine.free(x),
    sync: () => engine.sync(),
    dispose: () => engine.dispose(),
    source: (kernel) => engine.source(kernel),
    compiledKernels: () => engine.compiled,
    liveBuffers: () => engine.live,
    waitedMs: () => engine.waitedMs,
    observeLaunches: (report) => void (engine.onLaunch = report),
  };
}
