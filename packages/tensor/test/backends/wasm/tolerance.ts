import type { Precision } from "../../../src/backends/wasm/kernels/conv2d.js";
import type { KernelName } from "../../../src/kernels/contract.js";

/**
 * Largest conformance error of a kernel. F(4x4, 3x3) loses digits in its transforms; everything else sums in the order of its
 * shape and keeps them.
 */
export const wasmTolerance = (precision: Precision) => (kernel: KernelName): number =>
  (precision === "fast" && kernel.startsWith("conv2d") ? 2e-5 : 2e-6);
