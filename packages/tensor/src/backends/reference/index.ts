/**
 * The reference backend: every kernel as the plain loop that its equation says, in f32 and f64. It is the specification the
 * other backends are tested against. Sums run in index order and in doubles whatever the dtype; results are rounded on store.
 */
import type { Backend, NumberArray } from "../../core/backend.js";
import { DeviceError } from "../../core/errors.js";
import type { DType, KernelTable } from "../../kernels/contract.js";
import { formatShape, sizeOf, type Shape } from "../../core/shape.js";
import { platform } from "#platform";
import { convolutions } from "./kernels/conv2d.js";
import { elementwise } from "./kernels/elementwise.js";
import { groupNorms } from "./kernels/group-norm.js";
import { layout } from "./kernels/layout.js";
import { products } from "./kernels/matmul.js";
import { reductions } from "./kernels/reduce.js";
import { resampling } from "./kernels/resample.js";
import { softmaxes } from "./kernels/softmax.js";
import { updates } from "./kernels/update.js";

const kernels = {
  ...elementwise, ...reductions, ...layout, ...products, ...convolutions, ...groupNorms, ...softmaxes, ...resampling, ...updates,
} satisfies KernelTable<NumberArray>;

/** Zeros of a dtype. Throws DeviceError, naming the bytes, when there is no room. */
function allocate(shape: Shape, dtype: DType): NumberArray {
  const ArrayType = dtype === "f32" ? Float32Array : Float64Array;
  const size = sizeOf(shape);
  try {
    return new ArrayType(size);
  } catch {
    throw new DeviceError(`reference: no room for ${size * ArrayType.BYTES_PER_ELEMENT} bytes`, [
      `shape    ${formatShape(shape)}`,
      `dtype    ${dtype}`,
    ]);
  }
}

/** The reference backend; storage is the typed array itself, and every kernel has run when its call returns. */
export function openReference(): Backend<NumberArray> {
  return {
    description: "reference: plain TypeScript loops, f32 and f64, one thread",
    dtypes: ["f32", "f64"],
    kernels,
    capacity: platform.memoryBytes,
    allocate,
    upload(values, shape, dtype) {
      const storage = allocate(shape, dtype);
      storage.set(values);
      return storage;
    },
    read: (storage) => storage.slice(),
    free: () => undefined,  // the garbage collector's work
    sync: () => undefined,
    dispose: () => undefined,
  };
}
