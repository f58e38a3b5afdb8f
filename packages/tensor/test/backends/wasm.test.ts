import { availableParallelism } from "node:os";
import { fusedKernels, type FusedKernelName } from "../../src/kernels.js";
import { openWasm } from "../../src/backends/wasm/index.js";
import { describeConformance, type ConformanceOptions } from "./conformance.js";
import { wasmTolerance } from "./wasm/tolerance.js";

const fused = Object.keys(fusedKernels) as FusedKernelName[];

const fast: ConformanceOptions = { dtype: "f32", tolerance: wasmTolerance("fast"), fused };
const exact: ConformanceOptions = { dtype: "f32", tolerance: wasmTolerance("exact"), fused };

describeConformance("wasm, 1 thread, fast", () => openWasm({ threads: 1 }), fast);
describeConformance("wasm, 2 threads, fast", () => openWasm({ threads: 2 }), fast);
describeConformance("wasm, all cores, exact", () => openWasm({ threads: availableParallelism(), precision: "exact" }), exact);
describeConformance("wasm, deterministic", () => openWasm({ threads: 1, deterministic: true }), fast);
