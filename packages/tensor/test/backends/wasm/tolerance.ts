import type { Precision } from "../../../src/backends/wasm/kernels/conv2d.js";
import type { AnyKernelName } from "../../../src/kernels/contract.js";

/**
 * Largest conformance error of a kernel. F(4x4, 3x3) loses digits in its transforms; everything else sums in the order of its
 * shape and keeps them.
 */
export const wasmTolerance = (precision: Precision) => (kernel: AnyKernelName): number =>
  (precision === "fast" && kernel.startsWith("conv2d") ? 2e-5 : 2e-6);
