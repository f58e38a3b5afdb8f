import { layerNorm, zeros, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join } from "../parameters/module.js";
import { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";
import type { Layer } from "./layer.js";

/** x, and mean and deviation of every pixel. */
export interface ChannelNormCache {
  /** [..., C] */
  x: Tensor;
  /** [..., 2]: mean and reciprocal standard deviation of each pixel. */
  stats: Tensor;
}

/**
 * Layer normalisation over the channels of every pixel, with a gain and no shift: y = g (x - mean) / sqrt(variance + eps), x and y
 * [..., C], g [C], in files [1, C, 1, 1] under the name `g`.
 * Source: Ba, Kiros and Hinton (2016), equations 3 and 4, as lucidrains' U-Net had it to version 1.6.
 */
export class ChannelNorm implements Layer<ChannelNormCache> {
  readonly g: Parameter;
  private readonly eps: number;

  /** `eps` is added to the variance; default 1e-5, the program's in f32 (in every other type it took 1e-3). */
  constructor(readonly name: string, channels: number, { eps = 1e-5 }: { readonly eps?: number } = {}) {
    this.eps = eps;
    this.g = new Parameter(join(name, "g"), [channels], { kind: "channels", role: "norm-scale" });
  }

  get parameters(): Parameter[] {
    return [this.g];
  }

  forward(x: Tensor): [y: Tensor, cache: ChannelNormCache] {
    return forwardAt(this, { x }, () => {
      const stats = layerNorm.stats(x, { eps: this.eps });
      return [layerNorm.forward(x, stats, this.g.tensor, zeros(this.g.shape, x)), { x, stats }];
    });
  }

  backward(dy: Tensor, cache: ChannelNormCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const { dx, dgamma } = layerNorm.backward(dy, cache.x, cache.stats, this.g.tensor);
      grads.add(this.g, dgamma);
      return dx;
    });
  }
}
