/**
 * Holds what the modes of gpu.js compute on the CPU to the table of conformance.ts, whose describeConformance makes the tests and
 * asserts in them.
 */
import { gpuBackend, openGpu } from "../../src/backends/gpu/index.js";
import { dynamic, openChanged } from "./changed-mode.js";
import { describeConformance, type ConformanceOptions } from "./conformance.js";

const options: ConformanceOptions = {
  dtype: "f32", tolerance: () => 5e-6,
  fused: ["linear", "conv2dBias", "groupNormSilu", "groupNormSiluWithStats", "groupNormSiluGrad"],
};

for (const mode of ["webasm", "cpu"] as const) {
  describeConformance(`gpu:${mode}`, () => openGpu(mode), options);
}

describeConformance("gpu, sizes as arguments", async () => {
  return gpuBackend({ engine: await openChanged(dynamic), description: "webasm as a dynamic mode" });
}, options);
