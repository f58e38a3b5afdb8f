import { add, concat, multiply, reshape, split, sum, type Tensor } from "@fromnoise/tensor";
import { Activation } from "../../layers/activation.js";
import { AdaLayerNorm, type AdaLayerNormCache } from "../../layers/ada-layer-norm.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import { Linear } from "../../layers/linear.js";
import { SelfAttention, type SelfAttentionCache } from "../../layers/self-attention.js";
import { TimeProjection, type TimeProjectionCache } from "../../layers/time-projection.js";
import type { Grads } from "../../parameters/grads.js";
import { join, type Module } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";
import { keepCaches, type Policy } from "../policy.js";
import { Sequential } from "../sequential.js";

/** Of the modulation, of attention and of the two linear layers. */
export interface TransformerBlockCache {
  /** Of c [N, C]. */
  modulation: TimeProjectionCache;
  /** [N, 1, C] each: the gates of the two branches. */
  gate1: Tensor; gate2: Tensor;
  /** Of the tokens [N, L, C]. */
  norm1: AdaLayerNormCache; attn: SelfAttentionCache; norm2: AdaLayerNormCache; mlp: readonly unknown[];
  /** [N, L, C]: what the branches gave. */
  a: Tensor; b: Tensor;
}

/**
 * A block of a transformer whose normalisations and gates come from a condition (adaLN-Zero):
 *   [t1, g1, t2, g2] = modulation(c) = linear(silu(c)),   x' = x + g1 attn(norm1(x, t1)),   y = x' + g2 mlp(norm2(x', t2)),
 * mlp two linear layers with the exact GELU between (the authors' is its tanh approximation, which differs by less than 5e-4).
 * x, y [N, L, C], c [N, C]; t1, t2 [N, 2C] are shift and scale. The modulation starts as 0, so that at first y = x.
 * Source: Peebles and Xie (2023), section 3.2, figure 3.
 */
export class TransformerBlock implements Module {
  readonly parameters: readonly Parameter[];
  private readonly norm1: AdaLayerNorm;
  private readonly attn: SelfAttention;
  private readonly norm2: AdaLayerNorm;
  private readonly mlp: Sequential;
  private readonly modulation: TimeProjection;

  /** `mlpWidth` is the width of the hidden layer. */
  constructor(readonly name: string, private readonly width: number, heads: number, mlpWidth: number) {
    const named = (part: string): string => join(name, part);
    this.norm1 = new AdaLayerNorm(named("norm1"), width);
    this.attn = new SelfAttention(named("attn"), width, heads);
    this.norm2 = new AdaLayerNorm(named("norm2"), width);
    this.mlp = new Sequential<unknown>(named("mlp"), [
      new Linear(named("mlp.fc1"), width, mlpWidth), new Activation(named("mlp.act"), "gelu"),
      new Linear(named("mlp.fc2"), mlpWidth, width),
    ]);
    this.modulation = new TimeProjection(named("adaLN_modulation.1"), width, 6 * width, { start: 0 });
    this.parameters = [this.attn, this.mlp, this.modulation].flatMap((layer) => layer.parameters);
  }

  forward(x: Tensor, c: Tensor, policy: Policy = keepCaches): [y: Tensor, cache: TransformerBlockCache] {
    const { device } = x;
    return policy.step(device, () => forwardAt(this, { x, c }, () => {
      const [m, modulation] = this.modulation.forward(c);
      const [t1, g1, t2, g2] = split(m, [2, 1, 2, 1].map((parts) => parts * this.width), 1);
      const gate1 = perToken(g1), gate2 = perToken(g2);
      const [h1, norm1] = policy.step(device, () => this.norm1.forward(x, t1));
      const [a, attn] = policy.step(device, () => this.attn.forward(h1));
      policy.done(h1);
      const middle = add(x, multiply(gate1, a));
      const [h2, norm2] = policy.step(device, () => this.norm2.forward(middle, t2));
      const [b, mlp] = this.mlp.forward(h2, policy);
      return [add(middle, multiply(gate2, b)), { modulation, gate1, gate2, norm1, attn, norm2, mlp, a, b }];
    }));
  }

  backward(dy: Tensor, cache: TransformerBlockCache, grads: Grads): { dx: Tensor; dc: Tensor } {
    return backwardAt(this, dy, cache, grads, () => dy.device.scope(() => {
      const { modulation, gate1, gate2, norm1, attn, norm2, mlp, a, b } = cache;
      const dg2 = sum(multiply(dy, b), { axes: 1 });
      const dh2 = this.mlp.backward(multiply(dy, gate2), mlp, grads);
      const { dx: dm, dt: dt2 } = this.norm2.backward(dh2, norm2, grads);
      const dmiddle = add(dy, dm);                                         // the fork at x'
      const dg1 = sum(multiply(dmiddle, a), { axes: 1 });
      const dh1 = this.attn.backward(multiply(dmiddle, gate1), attn, grads);
      const { dx, dt: dt1 } = this.norm1.backward(dh1, norm1, grads);
      const dc = this.modulation.backward(concat([dt1, dg1, dt2, dg2], 1), modulation, grads);
      return { dx: add(dmiddle, dx), dc };                                 // the fork at x
    }));
  }
}

/** [N, C] as [N, 1, C]: the same for every token. */
function perToken(gate: Tensor): Tensor {
  return reshape(gate, [gate.shape[0], 1, gate.shape[1]]);
}
