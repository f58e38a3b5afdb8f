import type { Tensor } from "../../core/tensor.js";
import { gather } from "../array/gather.js";
import type { Indices } from "../shared/indices.js";
import { matchShapes } from "../shared/match-shapes.js";

/**
 * Embedding: row indices[i] of a table, y[i, d] = table[indices[i], d].
 * Backward: dtable[r, d] = sum over i with indices[i] = r of dy[i, d]; rows nobody asked for get 0.
 * Shapes: table [V, D], indices: n integers in 0 .. V - 1 on the host, y [n, D].
 * Source: Bengio et al. (2003), A Neural Probabilistic Language Model, section 2 (the table C).
 */
export const embedding = {
  /** The rows named by indices. table [V, D] -> [n, D]. Throws ShapeError for an index out of range. */
  forward(table: Tensor, indices: Indices): Tensor {
    matchShapes("embedding", { table: [table, "V D"] });
    return gather.forward(table, indices, 0);
  },

  /** dtable: every row gathers the gradients of its uses. dy [n, D] -> [rows, D]. Throws ShapeError. */
  backward(dy: Tensor, indices: Indices, { rows }: { rows: number }): Tensor {
    matchShapes("embedding.backward", { dy: [dy, "n D"] });
    return gather.backward(dy, indices, 0, rows);
  },
};
