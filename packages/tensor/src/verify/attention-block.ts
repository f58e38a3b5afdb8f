/**
 * The attention block of Ho et al. (2020), for checks against golden numbers:
 *   h = groupNorm(x), y = x + o(attention(q(h), k(h), v(h))), q, k, v, o linear layers with bias over the channels.
 * Backward: the layers in reverse order; h feeds three layers and x two paths, so gradients meet in sums.
 * Shapes: x and y [N, H, W, C], gw and gb [C], wq wk wv wo [C, C] as [in, out], bq bk bv bo [C].
 */
import { add } from "../ops/array/arithmetic.js";
import { attention, type AttentionOptions } from "../ops/neural/attention.js";
import { groupNorm } from "../ops/neural/group-norm.js";
import { reshape } from "../ops/array/layout.js";
import { linear } from "../ops/neural/linear.js";
import type { Tensor } from "../core/tensor.js";

export type AttentionBlockInputs = Readonly<Record<"x" | "gw" | "gb" | `${"w" | "b"}${"q" | "k" | "v" | "o"}`, Tensor>>;

export type AttentionBlockGradients = Record<`d${keyof AttentionBlockInputs}`, Tensor>;

export interface AttentionBlockOptions extends AttentionOptions { groups: number; eps: number }

export const attentionBlock = {
  /** y = x + o(attention(q(h), k(h), v(h))). Throws ShapeError. */
  forward(inputs: AttentionBlockInputs, options: AttentionBlockOptions): Tensor {
    return inputs.x.device.scope(() => {
      const { xs, a } = upToAttention(inputs, options);
      return reshape(add(xs, linear.forward(a, inputs.wo, inputs.bo)), inputs.x.shape);
    });
  },

  /** The gradient of every input, under d + its name. Throws ShapeError. */
  backward(dy: Tensor, inputs: AttentionBlockInputs, options: AttentionBlockOptions): AttentionBlockGradients {
    const { gw, wq, wk, wv, wo } = inputs;
    return inputs.x.device.scope(() => {
      const { xs, stats, h, q, k, v, a } = upToAttention(inputs, options);
      const dys = reshape(dy, xs.shape);
      const out = linear.backward(dys, a, wo);
      const { dq, dk, dv } = attention.backward(out.dx, q, k, v, options);
      const [queries, keys, values] = [linear.backward(dq, h, wq), linear.backward(dk, h, wk), linear.backward(dv, h, wv)];
      const dh = add(add(queries.dx, keys.dx), values.dx);
      const norm = groupNorm.backward(dh, xs, stats, gw, options);
      return {
        dx: reshape(add(dys, norm.dx), inputs.x.shape), dgw: norm.dgamma, dgb: norm.dbeta,
        dwq: queries.dw, dbq: queries.db, dwk: keys.dw, dbk: keys.db, dwv: values.dw, dbv: values.db, dwo: out.dw, dbo: out.db,
      };
    });
  },
};

/** Everything before the last layer: xs, h, q, k, v and a are [N, H W, C]. */
function upToAttention(
  inputs: AttentionBlockInputs, options: AttentionBlockOptions,
): Record<"xs" | "stats" | "h" | "q" | "k" | "v" | "a", Tensor> {
  const { x, gw, gb, wq, bq, wk, bk, wv, bv } = inputs;
  const xs = reshape(x, [x.shape[0], -1, x.shape[3]]);
  const stats = groupNorm.stats(xs, options);
  const h = groupNorm.forward(xs, stats, gw, gb, options);
  const [q, k, v] = [linear.forward(h, wq, bq), linear.forward(h, wk, bk), linear.forward(h, wv, bv)];
  return { xs, stats, h, q, k, v, a: attention.forward(q, k, v, options) };
}
