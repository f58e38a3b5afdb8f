/**
 * The reference backend: every kernel as the plain loop that its equation says, in f32 and f64. It is the specification the
 * other backends are tested against. Sums run in index order and in doubles whatever the dtype; results are rounded on store.
 */
import type { Backend, NumberArray } from "../../core/backend.js";
import { DeviceError } from "../../core/errors.js";
import type { DType, KernelTable } from "../../kernels/contract.js";
import { formatShape, sizeOf, type Shape } from "../../core/shape.js";
import { conv2d, conv2dGradInput, conv2dGradWeight } from "./kernels/conv2d.js";
import { affine, binary, clip, full, unary, where } from "./kernels/elementwise.js";
import { groupNorm, groupNormGradInput, groupNormGradParams, groupNormStats } from "./kernels/group-norm.js";
import { concat, expand, gather, pad, permute, scatterAdd, slice } from "./kernels/layout.js";
import { matmul } from "./kernels/matmul.js";
import { reduce, sumSquares } from "./kernels/reduce.js";
import { sumPool, upsampleNearest } from "./kernels/resample.js";
import { softmax, softmaxGrad } from "./kernels/softmax.js";
import { adam, assign, ema } from "./kernels/update.js";

const kernels = {
  full, unary, affine, clip, binary, where,
  reduce, sumSquares,
  expand, permute, slice, pad, concat, gather, scatterAdd,
  matmul, conv2d, conv2dGradInput, conv2dGradWeight,
  groupNormStats, groupNorm, groupNormGradInput, groupNormGradParams, softmax, softmaxGrad,
  upsampleNearest, sumPool,
  adam, ema, assign,
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
    sharesReshapes: true,
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
