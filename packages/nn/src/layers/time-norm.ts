/**
 * The two ways in which a ResBlock's second normalisation takes in the time, t = time_emb_proj(silu(temb)):
 *  - AddTimeNorm (Ho et al. 2020): silu(norm(x + t)), t [N, C];
 *  - ScaleShiftTimeNorm (Nichol, Dhariwal 2021): silu(norm(x) (1 + scale) + shift), t = [scale, shift] [N, 2C].
 * norm is a group normalisation; of the second any layer that keeps the shape may take its place.
 */
import {
  add, addPerImage, assertTensor, concat, multiply, reshape, silu, slice, sumPerImage, type Tensor,
} from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import type { Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";
import { GroupNorm, type GroupNormCache, type GroupNormOptions } from "./group-norm.js";
import type { Layer } from "./layer.js";
import { NormSilu } from "./norm-silu.js";

export interface ScaleShiftCache {
  /** The normalisation's, of x [N, H, W, C]. */
  group: unknown;
  /** [N, H, W, C]: the normalised x. */
  norm: Tensor;
  /** [N, 1, 1, C]: 1 + scale. */
  factor: Tensor;
  /** [N, H, W, C]: input of the SiLU. */
  shifted: Tensor;
}

/** The cache of AddTimeNorm is that of its normalisation, of x + t. */
export type TimeNormCache = GroupNormCache | ScaleShiftCache;

export interface TimeNorm extends Module {
  forward(x: Tensor, t: Tensor): [y: Tensor, cache: TimeNormCache];
  backward(dy: Tensor, cache: TimeNormCache, grads: Grads): { dx: Tensor; dt: Tensor };
}

/** y = silu(groupNorm(x + t)), x [N, H, W, C], t [N, C] the same at every pixel. */
export class AddTimeNorm implements TimeNorm {
  /** Values of t for each channel. */
  static readonly width = 1;
  private readonly norm: NormSilu;

  constructor(readonly name: string, channels: number, options: GroupNormOptions) {
    this.norm = new NormSilu(name, channels, options);
  }

  get parameters(): Parameter[] {
    return this.norm.parameters;
  }

  forward(x: Tensor, t: Tensor): [y: Tensor, cache: GroupNormCache] {
    return forwardAt(this, { x, t }, () => this.norm.forward(addPerImage(x, t)));
  }

  backward(dy: Tensor, cache: GroupNormCache, grads: Grads): { dx: Tensor; dt: Tensor } {
    return backwardAt(this, dy, cache, grads, () => {
      const dx = this.norm.backward(dy, cache, grads);
      return { dx, dt: sumPerImage(dx) };
    });
  }
}

/** y = silu(norm(x) (1 + scale) + shift), x [N, H, W, C], t = [scale, shift] [N, 2C]; norm a group normalisation or the given layer. */
export class ScaleShiftTimeNorm implements TimeNorm {
  static readonly width = 2;
  private readonly norm: Layer;

  constructor(readonly name: string, private readonly channels: number, norm: GroupNormOptions | Layer) {
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
      return [silu.forward(shifted), { group, norm, factor, shifted }];
    });
  }

  backward(dy: Tensor, cache: ScaleShiftCache, grads: Grads): { dx: Tensor; dt: Tensor } {
    return backwardAt(this, dy, cache, grads, () => {
      const { group, norm, factor, shifted } = cache;
      const dshifted = silu.backward(dy, shifted);
      const dshift = sumPerImage(dshifted);
      const dscale = sumPerImage(multiply(dshifted, norm));
      const dnorm = multiply(dshifted, factor);
      const dt = concat([dscale, dshift], 1);
      return { dx: this.norm.backward(dnorm, group, grads), dt };
    });
  }
}
