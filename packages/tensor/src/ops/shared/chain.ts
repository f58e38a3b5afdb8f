import { run } from "../../core/device.js";
import type { Attrs, Scalars } from "../../kernels/contract.js";
import type { Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";

/** Kernels that take one tensor and treat one axis, so that several axes take several of them. */
export type AxisKernel = "expand" | "reduce" | "slice" | "pad";

/** One call of an axis kernel. */
export interface Step<K extends AxisKernel> { attrs: Attrs<K>; scalars: Scalars<K> }

/** Applies a kernel once a step, each time to the result before; the last result gets `shape`. Without steps, x under `shape`. */
export function chain<K extends AxisKernel>(kernel: K, x: Tensor, steps: readonly Step<K>[], shape: Shape): Tensor {
  if (steps.length === 0) return x.device.reshape(x, shape);
  const last = steps.length - 1;
  const apply = (y: Tensor, { attrs, scalars }: Step<K>, i: number): Tensor =>
    run<AxisKernel>(kernel, { x: y }, attrs as never, scalars as never, i === last ? { y: shape } : {}).y;
  return last === 0 ? apply(x, steps[0], 0) : x.device.scope(() => steps.reduce(apply, x));
}
