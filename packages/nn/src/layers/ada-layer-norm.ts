import { add, assertTensor, concat, layerNorm, multiply, ones, reshape, split, sum, zeros, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import type { Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";

/** x, mean and deviation of every token, the normalised x, and what it was scaled by. */
export interface AdaLayerNormCache {
  /** [N, L, C] */
  x: Tensor;
  /** [N, L, 2]: mean and reciprocal standard deviation of each token. */
  stats: Tensor;
  /** [N, L, C]: the normalised x. */
  norm: Tensor;
  /** [N, 1, C]: 1 + scale. */
  factor: Tensor;
}

/**
 * Layer normalisation whose scale and shift come from a condition: y = (x - mean) / sqrt(variance + eps) (1 + scale) + shift, mean
 * and variance over a token. x, y [N, L, C], t = [shift, scale] [N, 2C], the same for every token of a sample; no parameters of
 * its own.
 * Backward: dshift = sum over tokens of dy, dscale = sum over tokens of dy norm, and dx as of a layer normalisation given (1 +
 * scale) dy.
 * Source: Peebles and Xie (2023), Scalable diffusion models with transformers, section 3.2.
 */
export class AdaLayerNorm implements Module {
  readonly parameters: readonly Parameter[] = [];
  private readonly eps: number;

  /** `eps` is added to the variance; default 1e-6, as in the authors' code. */
  constructor(readonly name: string, private readonly channels: number, { eps = 1e-6 }: { readonly eps?: number } = {}) {
    this.eps = eps;
  }

  /** Throws ShapeError for x other than [N, L, C] and t other than [N, 2C]. */
  forward(x: Tensor, t: Tensor): [y: Tensor, cache: AdaLayerNormCache] {
    assertTensor(this.name, "t", t);
    return forwardAt(this, { x, t }, () => {
      const [n, c] = [t.shape[0], this.channels];
      const [shift, scale] = split(reshape(t, [n, 1, 2 * c]), 2, 2);
      const stats = layerNorm.stats(x, { eps: this.eps });
      const norm = layerNorm.forward(x, stats, ones([c], x), zeros([c], x));
      const factor = add(scale, 1);
      return [add(multiply(norm, factor), shift), { x, stats, norm, factor }];
    });
  }

  backward(dy: Tensor, cache: AdaLayerNormCache, grads: Grads): { dx: Tensor; dt: Tensor } {
    return backwardAt(this, dy, cache, grads, () => {
      const { x, stats, norm, factor } = cache;
      const dshift = sum(dy, { axes: 1 });
      const dscale = sum(multiply(dy, norm), { axes: 1 });
      const dnorm = multiply(dy, factor);
      const { dx } = layerNorm.backward(dnorm, x, stats, ones([this.channels], x));
      return { dx, dt: concat([dshift, dscale], 1) };
    });
  }
}
