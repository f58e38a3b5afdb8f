import { ConfigError, add, assertTensor, attention, multiply, reshape, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join, type Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";
import { GroupNorm, type GroupNormCache } from "./group-norm.js";
import { Linear, type LinearCache } from "./linear.js";

/** Heads, groups of the normalisation before, and what the output is divided by. */
export interface AttentionOptions {
  /** Channels of one head, so that heads = channels / headDim; null is one head of all channels, as in the paper. */
  readonly headDim?: number | null;
  /** How many heads, in place of headDim. */
  readonly heads?: number | undefined;
  /** Groups of the normalisation before the projections; null for none. */
  readonly groups: number | null;
  readonly eps?: number;
  /** y = (x + branch) / outputScaleFactor; default 1. */
  readonly outputScaleFactor?: number;
}

/** L = H W pixels. */
export interface AttentionCache {
  /** Of x [N, H, W, C]. */
  norm: GroupNormCache | undefined;
  /** Of the normalised pixels [N, L, C], one tensor for all three. */
  toQ: LinearCache; toK: LinearCache; toV: LinearCache;
  /** [N, L, C] each. */
  q: Tensor; k: Tensor; v: Tensor;
  /** Of what the heads give, [N, L, C]. */
  toOut: LinearCache;
}

/**
 * Self-attention over all pixels of an image (Ho et al. 2020; Vaswani et al. 2017, equation 1):
 * y = (x + out(softmax(q k' / sqrt(d)) v)) / outputScaleFactor, q, k, v linear in groupNorm(x), each head on its d channels.
 * x, y [N, H, W, C]; inside, an image is [N, H W, C]. Throws ConfigError when headDim, or heads, does not divide the channels.
 */
export class Attention implements Module {
  readonly heads: number;
  private readonly norm: GroupNorm | undefined;
  private readonly toQ: Linear;
  private readonly toK: Linear;
  private readonly toV: Linear;
  private readonly toOut: Linear;
  private readonly outputScaleFactor: number;

  constructor(readonly name: string, channels: number, options: AttentionOptions) {
    const { heads, groups, eps = 1e-5, outputScaleFactor = 1 } = options;
    const headDim = heads === undefined ? options.headDim ?? null : channels / heads;
    if (headDim !== null && (channels % headDim !== 0 || !Number.isInteger(headDim))) {
      throw new ConfigError(`${name}: ${channels} channels cannot be split into heads of ${headDim}`, [
        "allowed  a divisor of the channels, or null for one head of all channels",
      ]);
    }
    this.heads = channels / (headDim ?? channels);
    this.norm = groups === null ? undefined : new GroupNorm(join(name, "group_norm"), channels, { groups, eps });
    this.toQ = new Linear(join(name, "to_q"), channels, channels);
    this.toK = new Linear(join(name, "to_k"), channels, channels);
    this.toV = new Linear(join(name, "to_v"), channels, channels);
    this.toOut = new Linear(join(name, "to_out.0"), channels, channels, { closesBranch: true });
    this.outputScaleFactor = outputScaleFactor;
  }

  get parameters(): Parameter[] {
    return [this.norm, this.toQ, this.toK, this.toV, this.toOut].flatMap((layer) => layer?.parameters ?? []);
  }

  forward(x: Tensor): [y: Tensor, cache: AttentionCache] {
    assertTensor(this.name, "x", x);
    return forwardAt(this, { x }, () => {
      const [n, h, w, c] = x.shape;
      const [a, norm] = this.norm?.forward(x) ?? [x, undefined];
      const pixels = reshape(a, [n, h * w, c]);                            // [N, L, C]
      const [q, toQ] = this.toQ.forward(pixels);
      const [k, toK] = this.toK.forward(pixels);
      const [v, toV] = this.toV.forward(pixels);
      const o = attention.forward(q, k, v, { heads: this.heads });
      const [b, toOut] = this.toOut.forward(o);
      return [this.rescale(add(reshape(b, x.shape), x)), { norm, toQ, toK, toV, q, k, v, toOut }];
    });
  }

  backward(dy: Tensor, cache: AttentionCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const dsum = this.rescale(dy);                                       // the fork at the sum: dsum goes both ways
      const db = reshape(dsum, cache.q.shape);
      const dO = this.toOut.backward(db, cache.toOut, grads);
      const { dq, dk, dv } = attention.backward(dO, cache.q, cache.k, cache.v, { heads: this.heads });
      const dpixelsV = this.toV.backward(dv, cache.toV, grads);
      const dpixelsK = this.toK.backward(dk, cache.toK, grads);
      const dpixelsQ = this.toQ.backward(dq, cache.toQ, grads);
      const da = reshape(add(add(dpixelsQ, dpixelsK), dpixelsV), dy.shape); // three readers of the same pixels
      const dx = this.norm?.backward(da, cache.norm!, grads) ?? da;
      return add(dx, dsum);                                                // the fork at x
    });
  }

  private rescale(x: Tensor): Tensor {
    return this.outputScaleFactor === 1 ? x : multiply(x, 1 / this.outputScaleFactor);
  }
}
