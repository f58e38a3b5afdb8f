/**
 * The gpu backend: every kernel through gpu.js, arrays staying on the GPU from kernel to kernel. Sums are in f32 and split by the
 * shape alone, so a mode gives the same bits every time.
 */
import type { Backend } from "../../core/backend.js";
import type { KernelTable } from "../../kernels/contract.js";
import { sizeOf } from "../../core/shape.js";
import { conv2d, conv2dBias, conv2dGradInput, conv2dGradWeight } from "./kernels/conv2d.js";
import { affine, binary, clip, full, unary, where } from "./kernels/elementwise.js";
import type { GpuArray, LaunchTime } from "./engine/engine.js";
import {
  groupNorm, groupNormGradInput, groupNormGradParams, groupNormSilu, groupNormSiluGradInput, groupNormSiluGradParams, groupNormStats,
} from "./kernels/group-norm.js";
import { concat, expand, gather, pad, permute, scatterAdd, slice } from "./kernels/layout.js";
import { linear, matmul } from "./kernels/matmul.js";
import { openEngine, type GpuMode, type OpenedEngine } from "./modes/open-mode.js";
import { reduce, sumSquares } from "./kernels/reduce.js";
import { sumPool, upsampleNearest } from "./kernels/resample.js";
import { softmax, softmaxGrad } from "./kernels/softmax.js";
import { adam, assign, ema } from "./kernels/update.js";

export { gpuModes, type GpuMode } from "./modes/open-mode.js";

const kernels = {
  full, unary, affine, clip, binary, where,
  reduce, sumSquares,
  expand, permute, slice, pad, concat, gather, scatterAdd,
  matmul, linear, conv2d, conv2dBias, conv2dGradInput, conv2dGradWeight,
  groupNormStats, groupNorm, groupNormGradInput, groupNormGradParams, softmax, softmaxGrad,
  groupNormSilu, groupNormSiluGradInput, groupNormSiluGradParams,
  upsampleNearest, sumPool,
  adam, ema, assign,
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

/** The backend over an engine that is open. */
export function gpuBackend({ engine, description }: OpenedEngine): GpuBackend {
  return {
    description,
    dtypes: ["f32"],
    kernels,
    sharesReshapes: true,
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
