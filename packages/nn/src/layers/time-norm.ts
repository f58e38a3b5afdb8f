/**
 * The two ways in which a ResBlock's second normalisation takes in the time, t = time_emb_proj(f(temb)):
 *  - AddTimeNorm (Ho et al. 2020): f(norm(x + t)), t [N, C];
 *  - ScaleShiftTimeNorm (Nichol, Dhariwal 2021): f(norm(x) (1 + scale) + shift), t = [scale, shift] [N, 2C];
 *    AdaGroupNormSilu is that for a group normalisation and SiLU, in one kernel where the device has it.
 * f is SiLU unless another activation is given; norm is a group normalisation, of the second any layer that keeps the shape may take its place.
 */
import {
  adaGroupNormSilu, add, addPerImage, assertTensor, concat, multiply, reshape, slice, sumPerImage, type Tensor,
} from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import type { Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { activations, type ActivationName } from "./activation.js";
import { backwardAt, forwardAt } from "./enter.js";
import { GroupNorm, type GroupNormCache, type GroupNormOptions } from "./group-norm.js";
import type { Layer } from "./layer.js";
import { normActivation } from "./norm-activation.js";

/** Of the normalisation, and the scale that it was multiplied by. */
export interface ScaleShiftCache {
  /** The normalisation's, of x [N, H, W, C]. */
  group: unknown;
  /** [N, H, W, C]: the normalised x. */
  norm: Tensor;
  /** [N, 1, 1, C]: 1 + scale. */
  factor: Tensor;
  /** [N, H, W, C]: input of the activation. */
  shifted: Tensor;
}

/** How the time enters a block together with a normalisation. */
export interface TimeNorm<C = unknown> extends Module {
  forward(x: Tensor, t: Tensor): [y: Tensor, cache: C];
  backward(dy: Tensor, cache: C, grads: Grads): { dx: Tensor; dt: Tensor };
}

/** y = f(groupNorm(x + t)), x [N, H, W, C], t [N, C] the same at every pixel. The cache is that of the normalisation, of x + t. */
export class AddTimeNorm implements TimeNorm {
  /** Values of t for each channel. */
  static readonly width = 1;
  private readonly norm: Layer;

  constructor(readonly name: string, channels: number, options: GroupNormOptions, activation: ActivationName = "silu") {
    this.norm = normActivation(name, channels, options, activation);
  }

  get parameters(): readonly Parameter[] {
    return this.norm.parameters;
  }

  forward(x: Tensor, t: Tensor): [y: Tensor, cache: unknown] {
    return forwardAt(this, { x, t }, () => this.norm.forward(addPerImage(x, t)));
  }

  backward(dy: Tensor, cache: unknown, grads: Grads): { dx: Tensor; dt: Tensor } {
    return backwardAt(this, dy, cache, grads, () => {
      const dx = this.norm.backward(dy, cache, grads);
      return { dx, dt: sumPerImage(dx) };
    });
  }
}

/** x and the statistics of its groups, and the time that it was scaled and shifted by. */
export interface AdaGroupNormSiluCache extends GroupNormCache {
  /** [N, 2C]: scale and shift. */
  t: Tensor;
}

/** y = silu(groupNorm(x) (1 + scale) + shift), x [N, H, W, C], t = [scale, shift] [N, 2C]. The backward recomputes groupNorm(x). */
export class AdaGroupNormSilu implements TimeNorm<AdaGroupNormSiluCache> {
  static readonly width = 2;
  private readonly norm: GroupNorm;

  constructor(readonly name: string, channels: number, options: GroupNormOptions) {
    this.norm = new GroupNorm(name, channels, options);
  }

  get parameters(): readonly Parameter[] {
    return this.norm.parameters;
  }

  forward(x: Tensor, t: Tensor): [y: Tensor, cache: AdaGroupNormSiluCache] {
    return forwardAt(this, { x, t }, () => {
      const { groups, eps, weight, bias } = this.norm;
      const { y, stats } = adaGroupNormSilu.forwardWithStats(x, weight.tensor, bias.tensor, t, { groups, eps });
      return [y, { x, stats, t }];
    });
  }

  backward(dy: Tensor, cache: AdaGroupNormSiluCache, grads: Grads): { dx: Tensor; dt: Tensor } {
    return backwardAt(this, dy, cache, grads, () => {
      const { x, stats, t } = cache, { groups, weight, bias } = this.norm;
      const { dx, dgamma, dbeta, dt } = adaGroupNormSilu.backward(dy, x, stats, weight.tensor, bias.tensor, t, { groups });
      grads.add(bias, dbeta);
      grads.add(weight, dgamma);
      return { dx, dt };
    });
  }
}

/** y = f(norm(x) (1 + scale) + shift), x [N, H, W, C], t = [scale, shift] [N, 2C]; norm a group normalisation or the given layer. */
export class ScaleShiftTimeNorm implements TimeNorm<ScaleShiftCache> {
  static readonly width = 2;
  private readonly norm: Layer;

  constructor(
    readonly name: string, private readonly channels: number, norm: GroupNormOptions | Layer, private readonly activation: ActivationName = "silu",
  ) {
    this.norm = "forward" in norm ? norm : new GroupNorm(name, channels, norm);
  }

  get parameters(): readonly Parameter[] {
    return this.norm.parameters;
  }

  forward(x: Tensor, t: Tensor): [y: Tensor, cache: ScaleShiftCache] {
    assertTensor(this.name, "t", t);
    return forwardAt(this, { x, t }, () => {
      const [n, c] = [t.shape[0], this.channels];
      const [norm, group] = this.norm.forward(x);
      const factor = add(reshape(slice(t, [0, 0], [n, c]), [n, 1, 1, c]), 1);
      const shifted = addPerImage(multiply(norm, factor), slice(t, [0, c], [n, 2 * c]));
      return [activations[this.activation].forward(shifted), { group, norm, factor, shifted }];
    });
  }

  backward(dy: Tensor, cache: ScaleShiftCache, grads: Grads): { dx: Tensor; dt: Tensor } {
    return backwardAt(this, dy, cache, grads, () => {
      const { group, norm, factor, shifted } = cache;
      const dshifted = activations[this.activation].backward(dy, shifted);
      const dshift = sumPerImage(dshifted);
      const dscale = sumPerImage(multiply(dshifted, norm));
      const dnorm = multiply(dshifted, factor);
      const dt = concat([dscale, dshift], 1);
      return { dx: this.norm.backward(dnorm, group, grads), dt };
    });
  }
}
