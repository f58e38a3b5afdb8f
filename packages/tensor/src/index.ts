/** @fromnoise/tensor: tensors and neural operations, each forward with its hand-derived backward beside it; no autograd. */
export { Tensor } from "./core/tensor.js";
export { Device, moveTo, type MemoryReport, type Scope } from "./core/device.js";
export { deviceNames, openDevice, openDeviceSpec, parseDevice, type DeviceName, type DeviceOptions, type DeviceSpec } from "./open-device.js";
export { openDryDevice } from "./core/dry-device.js";
export type { NumberArray } from "./core/backend.js";
export { convOutput, fusedKernels, kernels, updateKernels, type DType } from "./kernels/contract.js";
export * from "./core/errors.js";
export { broadcastShapes, formatShape, sizeOf, type Shape } from "./core/shape.js";
export { at, here } from "./core/location.js";
export { debug, setDebug, type DebugSettings, type KernelEvent } from "./observers/debug.js";
export * from "./random/random.js";
export * from "./ops/index.js";
export { gradcheck, type GradcheckFunction, type GradcheckOptions } from "./verify/gradcheck.js";
export { formatGradcheck, type GradcheckInputReport, type GradcheckReport } from "./verify/gradcheck-report.js";
export { gradcheckCase, gradcheckCases, type GradcheckCase, type GradcheckSetup } from "./verify/gradcheck-cases/index.js";
export { largestGradient, runGoldenOp, type GoldenOp, type GoldenRow, type GoldenTensor } from "./verify/golden-ops.js";
