/** @fromnoise/tensor: tensors and neural operations, each forward with its hand-derived backward beside it; no autograd. */
export { Tensor } from "./tensor.js";
export { Device, moveTo, type MemoryReport, type Scope } from "./device.js";
export { deviceNames, openDevice, openDeviceSpec, parseDevice, type DeviceName, type DeviceOptions, type DeviceSpec } from "./open-device.js";
export { openDryDevice } from "./dry-device.js";
export type { NumberArray } from "./backend.js";
export { convOutput, fusedKernels, kernels, updateKernels, type DType } from "./kernels.js";
export * from "./errors.js";
export { broadcastShapes, formatShape, sizeOf, type Shape } from "./shape.js";
export { at, here } from "./location.js";
export { debug, setDebug, type DebugSettings, type KernelEvent } from "./debug.js";
export * from "./random.js";
export * from "./ops/index.js";
export { gradcheck, type GradcheckFunction, type GradcheckOptions } from "./gradcheck.js";
export { formatGradcheck, type GradcheckInputReport, type GradcheckReport } from "./gradcheck-report.js";
export { gradcheckCase, gradcheckCases, type GradcheckCase, type GradcheckSetup } from "./gradcheck-cases/index.js";
export { largestGradient, runGoldenOp, type GoldenOp, type GoldenRow, type GoldenTensor } from "./verify/golden-ops.js";
