import type { ReduceOp } from "../../kernels/contract.js";
import { sizeOf, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { chain, type Step } from "./chain.js";
import { full } from "../array/create.js";

/**
 * Folds each group of x that has size 1 in the result to one number, from the last group to the first. A group's `b` is its size
 * in x, its `a` that in the result. A sum over nothing is 0; other operations must not come here with an empty axis.
 */
export function reduceTo(
  op: ReduceOp, x: Tensor, groups: readonly { readonly a: number; readonly size: number }[], shape: Shape,
): Tensor {
  if (x.size === 0 && sizeOf(shape) > 0) return full(shape, 0, { device: x.device, dtype: x.dtype });
  const sizes = groups.map(({ size }) => size);
  const steps: Step<"reduce">[] = [];
  for (let i = groups.length - 1; i >= 0; i--) {
    const { a, size: axis } = groups[i];
    if (a === axis) continue;
    steps.push({ attrs: { op, outer: sizeOf(sizes.slice(0, i)), axis, inner: sizeOf(sizes.slice(i + 1)) }, scalars: {} });
    sizes[i] = 1;
  }
  return chain("reduce", x, steps, shape);
}
