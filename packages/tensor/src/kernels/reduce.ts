/** Reductions. */
import { define, outerAxisInner, vectors, type AxisAttrs, type Sizes } from "./definition.js";
import type { Shape } from "../core/shape.js";

/** argmax gives the first index at which the maximum stands. NaN wins max and min, as in NumPy. */
export const reduceOps = ["sum", "max", "min", "argmax"] as const;
export type ReduceOp = (typeof reduceOps)[number];

export const reductions = {
  reduce: define<AxisAttrs & { readonly op: ReduceOp }>()({
    equation: "y[o, i] = op over a of x[o, a, i]",
    inputs: { x: outerAxisInner }, scalars: [], outputs: { y: ({ outer, inner }): Shape => [outer, inner] },
  }),
  sumSquares: define<Sizes>()({
    equation: "y = the sum of x^2 over all tensors of the list", inputs: { x: vectors }, scalars: [], outputs: { y: (): Shape => [1] },
  }),
} as const;
