/** Softmax over rows and its gradient. */
import { define } from "./definition.js";
import type { Shape } from "../core/shape.js";

export interface RowsAttrs { readonly rows: number; readonly n: number }

const rows = (a: RowsAttrs): Shape => [a.rows, a.n];

export const softmaxes = {
  softmax: define<RowsAttrs>()({
    equation: "y[r, j] = exp(x[r, j] - max_r) / sum over j of exp(x[r, j] - max_r)",
    inputs: { x: rows }, scalars: [], outputs: { y: rows },
  }),
  softmaxGrad: define<RowsAttrs>()({
    equation: "dx = y (dy - sum over j of dy y)", inputs: { dy: rows, y: rows }, scalars: [], outputs: { dx: rows },
  }),
} as const;
