/** The kernels every backend has. */
import { convolutions } from "./conv2d.js";
import type { AttrsOf, InputsOf, OutputsOf, ScalarsOf } from "./definition.js";
import { elementwise } from "./elementwise.js";
import { groupNorms } from "./group-norm.js";
import { layout } from "./layout.js";
import { products } from "./matmul.js";
import { reductions } from "./reduce.js";
import { resampling } from "./resample.js";
import { softmaxes } from "./softmax.js";
import { updates } from "./update.js";

export const requiredKernels = {
  ...elementwise, ...reductions, ...layout, ...products, ...convolutions, ...groupNorms, ...softmaxes, ...resampling, ...updates,
} as const;

export type RequiredKernels = typeof requiredKernels;
export type RequiredKernelName = keyof RequiredKernels;

/** Runs one required kernel and gives its outputs; T is a tensor or a backend's storage. */
export type Runner<T> = <K extends RequiredKernelName>(
  kernel: K, inputs: InputsOf<RequiredKernels[K], T>, attrs: AttrsOf<RequiredKernels[K]>, scalars: ScalarsOf<RequiredKernels[K]>,
) => OutputsOf<RequiredKernels[K], T>;
