/** Layout kernels: they move numbers and, but for scatterAdd, compute nothing. Indices are integral values in the dtype of x. */
import { define, outerAxisInner, type AxisAttrs } from "./definition.js";
import type { Shape } from "../core/shape.js";

/** Canonical: no axis of size 1, none that stays behind the axis it followed, two axes at least. */
export interface PermuteAttrs { readonly shape: Shape; readonly order: readonly number[] }

function permuteFlaw({ shape, order }: PermuteAttrs): string | undefined {
  if (order.length < 2) return "nothing moves";
  if (shape.includes(1)) return "an axis of size 1";
  return order.some((axis, i) => order[i + 1] === axis + 1) ? "two axes that stay neighbours" : undefined;
}

export const layout = {
  expand: define<AxisAttrs>()({
    equation: "y[o, a, i] = x[o, i]",
    inputs: { x: ({ outer, inner }): Shape => [outer, inner] }, scalars: [], outputs: { y: outerAxisInner },
  }),
  permute: define<PermuteAttrs>()({
    equation: "axis j of y is axis order[j] of x",
    inputs: { x: ({ shape }): Shape => shape }, scalars: [], outputs: { y: ({ shape, order }): Shape => order.map((axis) => shape[axis]) },
    flaw: permuteFlaw,
  }),
  slice: define<AxisAttrs & { readonly size: number }>()({
    equation: "y[o, a, i] = x[o, start + a, i]",
    inputs: { x: outerAxisInner }, scalars: ["start"], outputs: { y: ({ outer, size, inner }): Shape => [outer, size, inner] },
  }),
  pad: define<AxisAttrs & { readonly before: number; readonly after: number }>()({
    equation: "y[o, before + a, i] = x[o, a, i], value elsewhere",
    inputs: { x: outerAxisInner }, scalars: ["value"],
    outputs: { y: ({ outer, before, axis, after, inner }): Shape => [outer, before + axis + after, inner] },
  }),
  concat: define<{ readonly outer: number; readonly axisA: number; readonly axisB: number; readonly inner: number }>()({
    equation: "y[o] = a[o] followed by b[o]",
    inputs: { a: ({ outer, axisA, inner }): Shape => [outer, axisA, inner], b: ({ outer, axisB, inner }): Shape => [outer, axisB, inner] },
    scalars: [], outputs: { y: ({ outer, axisA, axisB, inner }): Shape => [outer, axisA + axisB, inner] },
  }),
  gather: define<AxisAttrs & { readonly count: number }>()({
    equation: "y[o, j, i] = x[o, index[j], i]",
    inputs: { x: outerAxisInner, index: ({ count }): Shape => [count] },
    scalars: [], outputs: { y: ({ outer, count, inner }): Shape => [outer, count, inner] },
  }),
  scatterAdd: define<AxisAttrs & { readonly count: number }>()({
    equation: "y[o, a, i] = sum over j with index[j] = a of x[o, j, i]",
    inputs: { x: ({ outer, count, inner }): Shape => [outer, count, inner], index: ({ count }): Shape => [count] },
    scalars: [], outputs: { y: outerAxisInner },
  }),
} as const;
