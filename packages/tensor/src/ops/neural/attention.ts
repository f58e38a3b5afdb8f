import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import { givenOptions } from "../../core/expect-options.js";
import { formatShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import type { AttentionAttrs } from "../../kernels/contract.js";
import { multiply } from "../array/arithmetic.js";
import { permute, reshape } from "../array/layout.js";
import { matchShapes, type Pattern } from "../shared/match-shapes.js";
import { matmul } from "../array/matmul.js";
import { softmax } from "./softmax.js";

/** Number of heads, and what scores are multiplied by. */
export interface AttentionOptions {
  heads: number;
  /** Factor of q k^T; 1 / sqrt(d) unless given. */
  scale?: number;
}

/**
 * Scaled dot-product attention with heads: for each image and head, y = P v, P = softmax(scale q k^T) over the keys.
 * A device with fused kernels holds P in pieces, never as a whole. Backward, P recomputed: dv = P^T dy, dP = dy v^T, dS = P (dP - sum of dP P), dq = scale dS k, dk = scale dS^T q.
 * Shapes: q [N, L, heads d], k and v [N, S, heads d], y [N, L, heads d]; head h owns channels h d .. (h + 1) d - 1.
 * scale = 1 / sqrt(d) unless given. Source: Vaswani et al. (2017), Attention Is All You Need, equation 1 and section 3.2.2.
 */
export const attention = {
  /** y = softmax(scale q k^T) v. Throws ShapeError. */
  forward(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
    const { scale, attrs } = headsOf("attention", { q: [q, "N L C"], k: [k, "N S C"], v: [v, "N S C"] }, options);
    return run("attention", { q, k, v }, attrs, { scale }, { y: q.shape }).y;
  },

  /** The gradients; P is computed again, since it holds heads L S numbers an image. Throws ShapeError. */
  backward(dy: Tensor, q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): { dq: Tensor; dk: Tensor; dv: Tensor } {
    const patterns: AttentionPatterns = { q: [q, "N L C"], k: [k, "N S C"], v: [v, "N S C"], dy: [dy, "N L C"] };
    const { scale, attrs } = headsOf("attention.backward", patterns, options);
    return run("attentionGrad", { dy, q, k, v }, attrs, { scale }, { dq: q.shape, dk: k.shape, dv: v.shape });
  },

  /** P = softmax(scale q k^T): row l says where query l looks; rows sum to 1. q [N, L, C], k [N, S, C] -> [N, heads, L, S]. */
  weights(q: Tensor, k: Tensor, options: AttentionOptions): Tensor {
    const { heads, scale } = headsOf("attention.weights", { q: [q, "N L C"], k: [k, "N S C"] }, options);
    return q.device.scope(() =>
      softmax.forward(matmul(multiply(splitHeads(q, heads), scale), splitHeads(k, heads), { transposeB: true })));
  },
};

/** @internal Queries, keys, and what else goes into an attention. */
export type AttentionPatterns = {
  readonly q: Pattern<"N L C">; readonly k: Pattern<"N S C">; readonly v?: Pattern<"N S C">; readonly dy?: Pattern<"N L C">;
};

/** @internal Checks the shapes and that the heads divide the channels; fills in the scale and the kernels' sizes. Throws ShapeError, ConfigError for no heads. */
export function headsOf(op: string, patterns: AttentionPatterns, options: AttentionOptions): Required<AttentionOptions> & { attrs: AttentionAttrs } {
  const { heads, scale } = givenOptions(op, options, { heads: 4 });
  const { N, L, S, C } = matchShapes(op, patterns);
  if (!Number.isInteger(heads) || heads < 1 || C % heads !== 0) {
    throw new ShapeError(`${op}: ${heads} heads do not divide ${C} channels`, [
      `q        ${formatShape([N, L, C])}   expected [N, L, heads d]`,
    ]);
  }
  return { heads, scale: scale ?? 1 / Math.sqrt(C / heads), attrs: { n: N, heads, l: L, s: S, d: C / heads } };
}

/** @internal [N, L, heads d] -> [N, heads, L, d]. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [n, l, c] = x.shape;
  return permute(reshape(x, [n, l, heads, c / heads]), [0, 2, 1, 3]);
}

/** @internal [N, heads, L, d] -> [N, L, heads d]. */
export function mergeHeads(x: Tensor): Tensor {
  const [n, heads, l, d] = x.shape;
  return reshape(permute(x, [0, 2, 1, 3]), [n, l, heads * d]);
}
