import { ConfigError, attention, concat, split, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";
import type { Layer } from "./layer.js";
import { Linear, type LinearCache } from "./linear.js";

/** x, and queries, keys and values, [N, L, heads d] each. */
export interface SelfAttentionCache {
  /** Of x [N, L, C]. */
  qkv: LinearCache;
  /** [N, L, C] each. */
  q: Tensor; k: Tensor; v: Tensor;
  /** Of what the heads give, [N, L, C]. */
  proj: LinearCache;
}

/**
 * Self-attention over the tokens of a sample: y = proj(softmax(q k' / sqrt(d)) v), [q, k, v] = qkv(x), each head on its d = C /
 * heads channels. x, y [N, L, C]. It neither normalises nor adds x: `Attention` does, for images. Names are those of the vision
 * transformer.
 * Source: Vaswani et al. (2017), equation 1; Dosovitskiy et al. (2021), appendix A. Throws ConfigError when heads do not divide C.
 */
export class SelfAttention implements Layer<SelfAttentionCache> {
  private readonly qkv: Linear;
  private readonly proj: Linear;

  constructor(readonly name: string, channels: number, private readonly heads: number) {
    if (channels % heads !== 0) {
      throw new ConfigError(`${name}: ${channels} channels cannot be split into ${heads} heads`, [
        "allowed  heads that divide the channels",
      ]);
    }
    this.qkv = new Linear(join(name, "qkv"), channels, 3 * channels);
    this.proj = new Linear(join(name, "proj"), channels, channels);
  }

  get parameters(): Parameter[] {
    return [...this.qkv.parameters, ...this.proj.parameters];
  }

  forward(x: Tensor): [y: Tensor, cache: SelfAttentionCache] {
    return forwardAt(this, { x }, () => {
      const [all, qkv] = this.qkv.forward(x);
      const [q, k, v] = split(all, 3, 2);
      const [y, proj] = this.proj.forward(attention.forward(q, k, v, { heads: this.heads }));
      return [y, { qkv, q, k, v, proj }];
    });
  }

  backward(dy: Tensor, cache: SelfAttentionCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const dO = this.proj.backward(dy, cache.proj, grads);
      const { dq, dk, dv } = attention.backward(dO, cache.q, cache.k, cache.v, { heads: this.heads });
      return this.qkv.backward(concat([dq, dk, dv], 2), cache.qkv, grads);
    });
  }
}
