import { add, dropout, multiply, type Random, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join, type Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { Conv2d, type Conv2dCache } from "./conv2d.js";
import type { ActivationName } from "./activation.js";
import { backwardAt, forwardAt } from "./enter.js";
import { firDouble, firHalve } from "./fir.js";
import type { Layer } from "./layer.js";
import { normActivation } from "./norm-activation.js";
import { double, halve, identity, type Resample } from "./resample.js";
import { AdaGroupNormSilu, AddTimeNorm, ScaleShiftTimeNorm, type TimeNorm } from "./time-norm.js";
import { TimeProjection, type TimeProjectionCache } from "./time-projection.js";

/** Channels, time, normalisation, resampling, dropout and scaling of a block. */
export interface ResBlockOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Width of the time embedding. */
  readonly timeChannels: number;
  /** Of norm1, and of norm2 unless that has its own. */
  readonly groups: number;
  readonly groupsOut?: number;
  readonly eps?: number;
  /** After both normalisations and before the time's projection; default "silu". */
  readonly activation?: ActivationName;
  /** How the time enters; default "default": added before norm2. */
  readonly timeScaleShift?: "default" | "scale_shift";
  /** The skip and the branch are halved or doubled after norm1, plainly or by a filter (fir.ts); default "none". */
  readonly resample?: "none" | "down" | "up" | "fir-down" | "fir-up";
  /** Whether the skip has a 1x1 convolution; default where the channels change. */
  readonly shortcut?: boolean;
  /** Rate of the values dropped before conv2 where forward gets random numbers; default 0. */
  readonly dropout?: number;
  /** y = (skip + branch) / outputScaleFactor; default 1. */
  readonly outputScaleFactor?: number;
}

/** Of both halves of the block, of the time and of the shortcut. */
export interface ResBlockCache {
  /** Of x [N, H, W, Cin]. */
  norm1: unknown;
  /** Of norm1(x), resampled: [N, H', W', Cin]. */
  conv1: Conv2dCache;
  /** Of temb [N, D]. */
  time: TimeProjectionCache;
  /** Of conv1's output [N, H', W', Cout] and the time. */
  norm2: unknown;
  /** [N, H', W', Cout]: 0 where dropped; undefined where nothing is. */
  mask: Tensor | undefined;
  /** Of [N, H', W', Cout]. */
  conv2: Conv2dCache;
  /** Of x, resampled: [N, H', W', Cin]; undefined without a convolution there. */
  skip: Conv2dCache | undefined;
}

const resamples = { "none": identity, "down": halve, "up": double, "fir-down": firHalve, "fir-up": firDouble } as const;

/**
 * Residual block (Ho et al. 2020): y = (skip(x) + conv2(dropout(norm2(conv1(norm1(x)), time(temb))))) / outputScaleFactor.
 * norm1 is GroupNorm then SiLU, or another activation; norm2 takes in the time as well (time-norm.ts); skip is a 1x1 convolution where
 * the channels change. A block that resamples does so to x and to norm1(x) (Song et al. 2021, from BigGAN).
 * x [N, H, W, Cin], temb [N, D], y [N, H', W', Cout].
 */
export class ResBlock implements Module {
  private readonly norm1: Layer;
  private readonly resample: Resample;
  private readonly conv1: Conv2d;
  private readonly time: TimeProjection;
  private readonly norm2: TimeNorm;
  private readonly dropoutRate: number;
  private readonly conv2: Conv2d;
  private readonly skip: Conv2d | undefined;
  private readonly outputScaleFactor: number;

  constructor(readonly name: string, options: ResBlockOptions) {
    const { inChannels, outChannels, timeChannels, groups, groupsOut = groups, eps = 1e-5, activation = "silu", resample = "none" } = options;
    const Scaled = activation === "silu" ? AdaGroupNormSilu : ScaleShiftTimeNorm;
    const TimeNormClass = options.timeScaleShift === "scale_shift" ? Scaled : AddTimeNorm;
    this.norm1 = normActivation(join(name, "norm1"), inChannels, { groups, eps }, activation);
    this.resample = resamples[resample];
    this.conv1 = new Conv2d(join(name, "conv1"), inChannels, outChannels);
    this.time = new TimeProjection(join(name, "time_emb_proj"), timeChannels, outChannels * TimeNormClass.width, {}, activation);
    this.norm2 = new TimeNormClass(join(name, "norm2"), outChannels, { groups: groupsOut, eps }, activation);
    this.dropoutRate = options.dropout ?? 0;
    this.conv2 = new Conv2d(join(name, "conv2"), outChannels, outChannels, { closesBranch: true });
    if (options.shortcut ?? inChannels !== outChannels) this.skip = new Conv2d(join(name, "conv_shortcut"), inChannels, outChannels, { kernel: 1 });
    this.outputScaleFactor = options.outputScaleFactor ?? 1;
  }

  get parameters(): Parameter[] {
    return [this.norm1, this.conv1, this.time, this.norm2, this.conv2, this.skip].flatMap((layer) => layer?.parameters ?? []);
  }

  /** `random` draws the dropout mask: give it in training, leave it out otherwise. */
  forward(x: Tensor, temb: Tensor, random?: Random): [y: Tensor, cache: ResBlockCache] {
    return forwardAt(this, { x, temb }, () => {
      const [a, norm1] = this.norm1.forward(x);                            // [N, H, W, Cin]
      const [b, conv1] = this.conv1.forward(this.resample.forward(a));     // [N, H', W', Cout]
      const [t, time] = this.time.forward(temb);                           // [N, Cout], or [N, 2 Cout] = scale and shift
      const [c, norm2] = this.norm2.forward(b, t);
      const mask = this.dropoutMask(c, random);
      const [d, conv2] = this.conv2.forward(mask === undefined ? c : dropout.forward(c, mask));
      const xr = this.resample.forward(x);
      const [s, skip] = this.skip?.forward(xr) ?? [xr, undefined];
      return [this.rescale(add(d, s)), { norm1, conv1, time, norm2, mask, conv2, skip }];
    });
  }

  backward(dy: Tensor, cache: ResBlockCache, grads: Grads): { dx: Tensor; dtemb: Tensor } {
    return backwardAt(this, dy, cache, grads, () => {
      const dsum = this.rescale(dy);                                       // the fork at the sum: dsum goes both ways
      const dxr = this.skip?.backward(dsum, cache.skip!, grads) ?? dsum;
      const dxSkip = this.resample.backward(dxr);
      const dd = this.conv2.backward(dsum, cache.conv2, grads);
      const dc = cache.mask === undefined ? dd : dropout.backward(dd, cache.mask);
      const { dx: db, dt } = this.norm2.backward(dc, cache.norm2, grads);
      const dtemb = this.time.backward(dt, cache.time, grads);
      const da = this.resample.backward(this.conv1.backward(db, cache.conv1, grads));
      const dx = this.norm1.backward(da, cache.norm1, grads);
      return { dx: add(dx, dxSkip), dtemb };                               // the fork at x: two gradients meet
    });
  }

  private dropoutMask(x: Tensor, random: Random | undefined): Tensor | undefined {
    if (random === undefined || this.dropoutRate === 0) return undefined;
    return dropout.mask(x.shape, this.dropoutRate, random, { device: x.device, dtype: x.dtype });
  }

  private rescale(x: Tensor): Tensor {
    return this.outputScaleFactor === 1 ? x : multiply(x, 1 / this.outputScaleFactor);
  }
}
