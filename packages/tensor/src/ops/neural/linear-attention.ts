import type { Tensor } from "../../core/tensor.js";
import { multiply } from "../array/arithmetic.js";
import { headsOf, mergeHeads, splitHeads, type AttentionPatterns } from "./attention.js";
import { transpose } from "../array/layout.js";
import { matmul } from "../array/matmul.js";
import { softmax } from "./softmax.js";

/** Number of heads, which divides the channels. */
export interface LinearAttentionOptions { heads: number }

/**
 * Linear attention with heads: keys are summed into one d x d context before any query is asked; the cost grows with L, not L^2:
 *   Q = softmax(q) over the d channels, K = softmax(k) over the S positions, context = d^-1/2 K^T v, y = Q context.
 * Backward: dQ = dy context^T, D = d^-1/2 Q^T dy, dv = K D, dK = v D^T; dq and dk from dQ and dK by softmax's backward.
 * Shapes: q [N, L, heads d], k and v [N, S, heads d], y [N, L, heads d]; head h owns channels h d .. (h + 1) d - 1.
 * Source: Shen et al. (2018), Efficient Attention, section 3.2, in the form of lucidrains' U-Net (no division by L).
 */
export const linearAttention = {
  /** y = d^-1/2 softmax(q) (softmax(k)^T v). Throws ShapeError. */
  forward(q: Tensor, k: Tensor, v: Tensor, options: LinearAttentionOptions): Tensor {
    const { heads, scale } = headsOf("linearAttention", { q: [q, "N L C"], k: [k, "N S C"], v: [v, "N S C"] }, options);
    return q.device.scope(() => {
      const context = matmul(softmaxOfKeys(k, heads), splitHeads(v, heads));                        // [N, heads, d, d]
      return mergeHeads(matmul(softmaxOfQueries(q, heads), multiply(context, scale)));
    });
  },

  /** The gradients; both softmaxes and the context are computed again. Throws ShapeError. */
  backward(dy: Tensor, q: Tensor, k: Tensor, v: Tensor, options: LinearAttentionOptions): { dq: Tensor; dk: Tensor; dv: Tensor } {
    const patterns: AttentionPatterns = { q: [q, "N L C"], k: [k, "N S C"], v: [v, "N S C"], dy: [dy, "N L C"] };
    const { heads, scale } = headsOf("linearAttention.backward", patterns, options);
    return q.device.scope(() => {
      const [qs, ks, vh] = [softmaxOfQueries(q, heads), softmaxOfKeys(k, heads), splitHeads(v, heads)];
      const dyh = multiply(splitHeads(dy, heads), scale);                                         // holds the scale from here on
      const dqs = matmul(dyh, matmul(ks, vh), { transposeB: true });                                // dy context^T
      const dcontext = matmul(qs, dyh, { transposeA: true });                                       // D
      const dv = matmul(ks, dcontext, { transposeA: true });                                        // K D, as ks = K^T
      const dks = matmul(dcontext, vh, { transposeB: true });                                       // D v^T = dK^T
      const dq = softmax.backward(dqs, qs);
      const dk = transpose(softmax.backward(dks, ks));                                              // [N, heads, S, d]
      return { dq: mergeHeads(dq), dk: mergeHeads(dk), dv: mergeHeads(dv) };
    });
  },
};

/** Softmax over the channels of each head. [N, L, heads d] -> [N, heads, L, d]. */
function softmaxOfQueries(q: Tensor, heads: number): Tensor {
  return softmax.forward(splitHeads(q, heads));
}

/** K^T: softmax over the positions, which come last. [N, S, heads d] -> [N, heads, d, S]. */
function softmaxOfKeys(k: Tensor, heads: number): Tensor {
  return softmax.forward(transpose(splitHeads(k, heads)));
}
