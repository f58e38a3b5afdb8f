/**
 * Scaled dot-product attention with heads: for each image and head, y = P v, P = softmax(scale q k^T) over the keys.
 * Backward, P recomputed: dv = P^T dy, dP = dy v^T, dS = P (dP - sum of dP P), dq = scale dS k, dk = scale dS^T q.
 * Shapes: q [N, L, heads d], k and v [N, S, heads d], y [N, L, heads d]; head h owns channels h d .. (h + 1) d - 1.
 * scale = 1 / sqrt(d) unless given. Source: Vaswani et al. (2017), Attention Is All You Need, equation 1 and section 3.2.2.
 */
import { run } from "../device.js";
import { ShapeError } from "../errors.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { matchShapes } from "./match-shapes.js";

export interface AttentionOptions {
  heads: number;
  /** Factor of q k^T; 1 / sqrt(d) unless given. */
  scale?: number;
}

export const attention = {
  /** y = softmax(scale q k^T) v. Throws ShapeError. */
  forward(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
    const sizes = attentionSizes("attention", { q: [q, "N L C"], k: [k, "N S C"], v: [v, "N S C"] }, options);
    const { N, heads, L, S, d } = sizes;
    return q.device.scope(() => {
      const weights = attentionWeights(scaled(splitHeads(q, heads), sizes.scale), splitHeads(k, heads), sizes);
      return mergeHeads(batched(weights, splitHeads(v, heads), N * heads, [L, S, d]), [N, heads, L, d]);
    });
  },

  /** The gradients; P is computed again, as it is L S heads numbers an image. Throws ShapeError. */
  backward(dy: Tensor, q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): { dq: Tensor; dk: Tensor; dv: Tensor } {
    const sizes = attentionSizes("attention.backward", {
      q: [q, "N L C"], k: [k, "N S C"], v: [v, "N S C"], dy: [dy, "N L C"],
    }, options);
    const { N, heads, L, S, d, scale } = sizes;
    const batch = N * heads;
    return q.device.scope(() => {
      const [qh, kh, vh, dyh] = [scaled(splitHeads(q, heads), scale), splitHeads(k, heads), splitHeads(v, heads), splitHeads(dy, heads)];
      const p = attentionWeights(qh, kh, sizes);                                                    // [N, heads, L, S]
      const dv = batched(p, dyh, batch, [S, L, d], "A");                                            // P^T dy
      const dp = batched(dyh, vh, batch, [L, d, S], "B");                                           // dy v^T
      const ds = run("softmaxGrad", { dy: dp, y: p }, { rows: batch * L, n: S }, {}, [N, heads, L, S]);
      const dq = scaled(batched(ds, kh, batch, [L, S, d]), scale);
      const dk = batched(ds, qh, batch, [S, L, d], "A");                                            // qh already holds the scale
      return { dq: mergeHeads(dq, [N, heads, L, d]), dk: mergeHeads(dk, [N, heads, S, d]), dv: mergeHeads(dv, [N, heads, S, d]) };
    });
  },

  /** P = softmax(scale q k^T): row l says where query l looks; rows sum to 1. q [N, L, C], k [N, S, C] -> [N, heads, L, S]. */
  weights(q: Tensor, k: Tensor, options: AttentionOptions): Tensor {
    const sizes = attentionSizes("attention.weights", { q: [q, "N L C"], k: [k, "N S C"] }, options);
    return q.device.scope(() =>
      attentionWeights(scaled(splitHeads(q, sizes.heads), sizes.scale), splitHeads(k, sizes.heads), sizes));
  },
};

interface AttentionSizes { N: number; heads: number; L: number; S: number; d: number; scale: number }

function attentionSizes(op: string, patterns: Parameters<typeof matchShapes>[1], { heads, scale }: AttentionOptions): AttentionSizes {
  const { N, L, S, C } = matchShapes(op, patterns);
  if (!Number.isInteger(heads) || heads < 1 || C % heads !== 0) {
    throw new ShapeError(`${op}: ${heads} heads do not divide ${C} channels`, [`q        ${formatShape([N, L, C])}   expected [N, L, heads d]`]);
  }
  return { N, heads, L, S, d: C / heads, scale: scale ?? 1 / Math.sqrt(C / heads) };
}

/** softmax(q k^T) of split heads, q scaled. */
function attentionWeights(q: Tensor, k: Tensor, { N, heads, L, S, d }: AttentionSizes): Tensor {
  const scores = batched(q, k, N * heads, [L, d, S], "B");
  return run("softmax", { x: scores }, { rows: N * heads * L, n: S }, {}, [N, heads, L, S]);
}

function scaled(x: Tensor, scale: number): Tensor {
  return run("affine", { x }, { n: x.size }, { scale, shift: 0 }, x.shape);
}

/** Batched matrix product with [m, k, n], one operand transposed where named. */
export function batched(a: Tensor, b: Tensor, batch: number, [m, k, n]: readonly [number, number, number], transpose?: "A" | "B"): Tensor {
  return run("matmul", { a, b }, { batch, m, k, n, transposeA: transpose === "A", transposeB: transpose === "B" }, {}, [batch, m, n]);
}

/** [N, L, heads d] -> [N, heads, L, d]; nothing moves for one head. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [n, l, c] = x.shape;
  const shape = [n, heads, l, c / heads];
  if (heads === 1) return x.device.reshape(x, shape);
  return run("permute", { x }, { shape: [n, l, heads, c / heads], order: [0, 2, 1, 3] }, {}, shape);
}

/** [N, heads, L, d] -> [N, L, heads d]; nothing moves for one head. */
export function mergeHeads(x: Tensor, [n, heads, l, d]: readonly [number, number, number, number]): Tensor {
  const shape = [n, l, heads * d];
  if (heads === 1) return x.device.reshape(x, shape);
  return run("permute", { x }, { shape: [n, heads, l, d], order: [0, 2, 1, 3] }, {}, shape);
}
