/**
 * NumPy broadcasting, folded for kernels: sizes are aligned at the end, an axis of size 1 is repeated. Neighbouring axes that
 * broadcast alike form one group, so that [N, H, W, C] with [N, 1, 1, C] is [N, H W, C] with [N, 1, C].
 */
import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import { broadcastShapes, formatShape, sameShape, sizeOf, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { chain, type Step } from "./chain.js";
import { reduceTo } from "./reduce-to.js";

/** A run of axes that broadcast alike: its size in the result, and in a and b the same size or 1. */
export interface Group { readonly size: number; readonly a: number; readonly b: number }

/** Joins neighbouring groups in which a is repeated alike and b is repeated alike. */
export function mergeGroups(groups: readonly Group[]): Group[] {
  const merged: Group[] = [];
  for (const group of groups) {
    const last = merged.at(-1);
    const alike = last !== undefined
      && (last.a === last.size) === (group.a === group.size) && (last.b === last.size) === (group.b === group.size);
    if (alike) merged[merged.length - 1] = { size: last.size * group.size, a: last.a * group.a, b: last.b * group.b };
    else merged.push(group);
  }
  return merged;
}

/** The groups of a and b as they broadcast to `shape`; axes of size 1 in the result vanish. */
export function foldBroadcast(a: Shape, b: Shape, shape: Shape): Group[] {
  const groups = shape.map((size, axis): Group => ({
    size,
    a: a[axis - shape.length + a.length] ?? 1,
    b: b[axis - shape.length + b.length] ?? 1,
  }));
  return mergeGroups(groups.filter(({ size }) => size !== 1));
}

/** Repeats x, whose sizes are the `a` of the groups, along the groups listed. */
export function expandGroups(x: Tensor, groups: readonly Group[], which: readonly number[], shape: Shape): Tensor {
  const sizes = groups.map(({ a }) => a);
  const steps = which.map((i): Step<"expand"> => {
    sizes[i] = groups[i].size;
    return { attrs: { outer: sizeOf(sizes.slice(0, i)), axis: sizes[i], inner: sizeOf(sizes.slice(i + 1)) }, scalars: {} };
  });
  return chain("expand", x, steps, shape);
}

/**
 * x repeated along new leading axes and axes of size 1, as NumPy's broadcast_to: y[..., i, ...] = x[..., 0, ...].
 * Throws ShapeError when x does not broadcast to exactly `shape`.
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  assertTensor("broadcastTo", "x", x);
  assertBroadcasts("broadcastTo", x.shape, shape);
  const groups = foldBroadcast(x.shape, shape, shape);
  return expandGroups(x, groups, groups.flatMap(({ a, size }, i) => (a === size ? [] : [i])), shape);
}

/**
 * The adjoint of `broadcastTo`: the sum of x over the axes along which a tensor of `shape` is repeated to x.shape.
 * If y = f(broadcastTo(a, s)), then da = sumTo(dy f', a.shape). Throws ShapeError when `shape` does not broadcast to x.shape.
 */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  assertTensor("sumTo", "x", x);
  assertBroadcasts("sumTo", shape, x.shape);
  return reduceTo("sum", x, foldBroadcast(shape, x.shape, x.shape), shape);
}

function assertBroadcasts(op: string, small: Shape, large: Shape): void {
  if (sameShape(broadcastShapes(op, small, large), large)) return;
  throw new ShapeError(`${op}: ${formatShape(small)} does not broadcast to ${formatShape(large)}`);
}
