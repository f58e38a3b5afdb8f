import { add, dropout, type Random, type Tensor } from "@fromnoise/tensor";
import { Activation } from "../../layers/activation.js";
import { Conv2d, type Conv2dCache } from "../../layers/conv2d.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import type { Layer } from "../../layers/layer.js";
import { NormSilu } from "../../layers/norm-silu.js";
import { RmsNorm } from "../../layers/rms-norm.js";
import { StandardizedConv2d } from "../../layers/standardized-conv2d.js";
import { AdaGroupNormSilu, ScaleShiftTimeNorm, type TimeNorm } from "../../layers/time-norm.js";
import { TimeProjection, type TimeProjectionCache } from "../../layers/time-projection.js";
import type { Grads } from "../../parameters/grads.js";
import { join, type Module } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";
import { Sequential } from "../sequential.js";
import type { Era } from "./eras.js";

/** Channels, time, normalisation and dropout of a block. */
export interface ResnetBlockOptions {
  /** Width of the time embedding. */
  readonly timeChannels: number;
  /** Of the group normalisation, in eras that have one. */
  readonly groups: number;
  /** Rate of the values dropped between the halves where forward gets random numbers. */
  readonly dropout: number;
}

/** Of both halves of the block, of the time and of the shortcut. */
export interface ResnetBlockCache {
  /** Of temb [N, D]. */
  time: TimeProjectionCache;
  /** Of x [N, H, W, Cin]. */
  proj1: unknown;
  /** Of [N, H, W, Cout] and the time. */
  norm1: unknown;
  /** [N, H, W, Cout]: 0 where dropped; undefined where nothing is. */
  mask: Tensor | undefined;
  /** Of [N, H, W, Cout] both. */
  proj2: unknown; norm2: unknown;
  /** Of x; undefined where the channels stay. */
  skip: Conv2dCache | undefined;
}

/**
 * The residual block of lucidrains' U-Net: y = skip(x) + silu(norm2(proj2(dropout(silu(norm1(proj1(x)) (1 + scale) + shift))))),
 * [scale, shift] = linear(silu(temb)). Unlike `ResBlock`, a convolution stands before its normalisation. x [N, H, W, Cin], temb [N, D],
 * y [N, H, W, Cout]; skip is a 1x1 convolution where the channels change.
 */
export class ResnetBlock implements Module {
  private readonly time: TimeProjection;
  private readonly proj1: Layer;
  private readonly norm1: TimeNorm;
  private readonly dropoutRate: number;
  private readonly proj2: Layer;
  /** With its SiLU. */
  private readonly norm2: Layer;
  private readonly skip: Conv2d | undefined;

  constructor(
    readonly name: string, inChannels: number, outChannels: number, { timeChannels, groups, dropout }: ResnetBlockOptions,
    { standardized, blockNorm }: Era,
  ) {
    const proj = (half: string, channels: number): Layer => {
      const full = join(name, `${half}.proj`);
      return standardized === undefined ? new Conv2d(full, channels, outChannels)
        : new StandardizedConv2d(full, channels, outChannels, { floor: standardized });
    };
    const [norm1, norm2] = [join(name, "block1.norm"), join(name, "block2.norm")];
    this.time = new TimeProjection(join(name, "mlp.1"), timeChannels, 2 * outChannels);
    this.proj1 = proj("block1", inChannels);
    this.norm1 = blockNorm === "rms" ? new ScaleShiftTimeNorm(norm1, outChannels, new RmsNorm(norm1, outChannels))
      : new AdaGroupNormSilu(norm1, outChannels, { groups });
    this.dropoutRate = dropout;
    this.proj2 = proj("block2", outChannels);
    this.norm2 = blockNorm === "group" ? new NormSilu(norm2, outChannels, { groups })
      : new Sequential<unknown>(norm2, [new RmsNorm(norm2, outChannels), new Activation(join(name, "block2.act"))]);
    if (inChannels !== outChannels) this.skip = new Conv2d(join(name, "res_conv"), inChannels, outChannels, { kernel: 1 });
  }

  get parameters(): Parameter[] {
    return [this.time, this.proj1, this.norm1, this.proj2, this.norm2, this.skip].flatMap((layer) => layer?.parameters ?? []);
  }

  /** `random` draws the dropout mask: give it in training, leave it out otherwise. */
  forward(x: Tensor, temb: Tensor, random?: Random): [y: Tensor, cache: ResnetBlockCache] {
    return forwardAt(this, { x, temb }, () => {
      const [t, time] = this.time.forward(temb);                           // [N, 2 Cout] = scale and shift
      const [a, proj1] = this.proj1.forward(x);                            // [N, H, W, Cout], as all that follow
      const [b, norm1] = this.norm1.forward(a, t);
      const mask = this.dropoutMask(b, random);
      const [c, proj2] = this.proj2.forward(mask === undefined ? b : dropout.forward(b, mask));
      const [d, norm2] = this.norm2.forward(c);
      const [s, skip] = this.skip?.forward(x) ?? [x, undefined];
      return [add(d, s), { time, proj1, norm1, mask, proj2, norm2, skip }];
    });
  }

  backward(dy: Tensor, cache: ResnetBlockCache, grads: Grads): { dx: Tensor; dtemb: Tensor } {
    return backwardAt(this, dy, cache, grads, () => {
      const dxSkip = this.skip?.backward(dy, cache.skip!, grads) ?? dy;   // the fork at the sum: dy goes both ways
      const dc = this.norm2.backward(dy, cache.norm2, grads);
      const dd = this.proj2.backward(dc, cache.proj2, grads);
      const db = cache.mask === undefined ? dd : dropout.backward(dd, cache.mask);
      const { dx: da, dt } = this.norm1.backward(db, cache.norm1, grads);
      const dtemb = this.time.backward(dt, cache.time, grads);
      return { dx: add(this.proj1.backward(da, cache.proj1, grads), dxSkip), dtemb };  // the fork at x: two gradients meet
    });
  }

  private dropoutMask(x: Tensor, random: Random | undefined): Tensor | undefined {
    if (random === undefined || this.dropoutRate === 0) return undefined;
    return dropout.mask(x.shape, this.dropoutRate, random, { device: x.device, dtype: x.dtype });
  }
}
