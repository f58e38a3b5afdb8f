import { availableParallelism } from "node:os";
import { fusedKernels, type AnyKernelName, type FusedKernelName } from "../../src/kernels.js";
import { openWasm } from "../../src/backends/wasm/index.js";
import { describeConformance, type ConformanceOptions } from "./conformance.js";

const fused = Object.keys(fusedKernels) as FusedKernelName[];

/** F(4x4, 3x3) loses digits in its transforms; everything else sums in the order of its shape and keeps them. */
const tolerance = (winograd: number) => (kernel: AnyKernelName): number => (kernel.startsWith("conv2d") ? winograd : 2e-6);
const fast: ConformanceOptions = { dtype: "f32", tolerance: tolerance(2e-5), fused };
const exact: ConformanceOptions = { dtype: "f32", tolerance: tolerance(2e-6), fused };

describeConformance("wasm, 1 thread, fast", () => openWasm({ threads: 1 }), fast);
describeConformance("wasm, 2 threads, fast", () => openWasm({ threads: 2 }), fast);
describeConformance("wasm, all cores, exact", () => openWasm({ threads: availableParallelism(), precision: "exact" }), exact);
describeConformance("wasm, deterministic", () => openWasm({ threads: 1, deterministic: true }), fast);
