import { openWasm } from "../../src/backends/wasm/index.js";
import { describeConformance } from "./conformance.js";

const fused = ["linear", "conv2dBias", "groupNormSilu", "groupNormSiluGradInput", "groupNormSiluGradParams"] as const;

describeConformance("wasm, 1 thread, fast", () => openWasm({ threads: 1 }), { dtype: "f32", tolerance: () => 2e-5, fused });
describeConformance("wasm, 2 threads, exact", () => openWasm({ threads: 2, precision: "exact" }), { dtype: "f32", tolerance: () => 2e-6, fused });
