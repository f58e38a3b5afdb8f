import { openGpu } from "../../src/backends/gpu/index.js";
import { describeConformance } from "./conformance.js";

const fused = ["linear", "conv2dBias", "groupNormSilu", "groupNormSiluGradInput", "groupNormSiluGradParams"] as const;

for (const mode of ["webasm", "cpu"] as const) {
  describeConformance(`gpu:${mode}`, () => openGpu(mode), { dtype: "f32", tolerance: () => 5e-6, fused });
}
