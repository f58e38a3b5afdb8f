/**
 * @fromnoise/tensor: tensors and neural operations, each forward with its hand-derived backward beside it; no autograd.
 * @module @fromnoise/tensor
 */
export { Tensor } from "./core/tensor.js";
export { Device, forEachTensor, moveTo, type MemoryReport, type Scope } from "./core/device.js";
export { deviceNames, openDevice, parseDevice, type DeviceName, type DeviceOptions, type DeviceSpec } from "./open-device.js";
export { openDryDevice } from "./core/dry-device.js";
export type { NumberArray } from "./core/backend.js";
export {
  binaryOps, convOutput, flopsOf, isFused, kernelDefinition, kernelNames, kernels, reduceOps, unaryOps, updatedBy, type DType,
  type KernelName,
} from "./kernels/contract.js";
export { eachTensor, observe, type KernelCall, type KernelResult, type Observer, type TensorsByName } from "./core/observe.js";
export * from "./core/errors.js";
export { assertDevice, assertDeviceIn } from "./core/expect-device.js";
export { assertTensor } from "./core/expect-tensor.js";
export { broadcastShapes, formatShape, sameShape, sizeOf, type Shape } from "./core/shape.js";
export { at, here } from "./core/location.js";
export { inspectSymbol } from "./core/inspect.js";
export { kernelPrinter, setDebug, type DebugSettings } from "./observers/debug.js";
export { finiteCheck } from "./observers/finite-check.js";
export { referenceCheck } from "./observers/reference-check.js";
export { tap, type Tapped } from "./observers/tap.js";
/** Functions of numbers with the same bits in every engine, for whatever must not depend on where it was computed. */
export * as elementary from "./math/elementary.js";
export * from "./random/random.js";
export * from "./ops/index.js";
export { gradcheck, type GradcheckFunction, type GradcheckOptions } from "./verify/gradcheck.js";
export { formatGradcheck, type GradcheckInputReport, type GradcheckReport } from "./verify/gradcheck-report.js";
export { gradcheckCase, gradcheckCases, type GradcheckCase, type GradcheckSetup } from "./verify/gradcheck-cases/index.js";
export { goldenError, labelsAt, listAt, numberAt, numbersAt, objectAt, ownField, shapeAt, textAt, type GoldenFields } from "./verify/golden-fields.js";
export { goldenOpsOf, largestGradient, runGoldenOp, type GoldenOp, type GoldenRow, type GoldenTensor } from "./verify/golden-ops.js";
