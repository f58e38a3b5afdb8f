import {
  ShapeError, assertTensor, concat, formatShape, inspectSymbol, split, tensor, type Random, type Tensor,
} from "@fromnoise/tensor";
import { Activation } from "../../layers/activation.js";
import { Conv2d, type Conv2dCache } from "../../layers/conv2d.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import { FourierFeatures, type FourierFeaturesCache } from "../../layers/fourier-features.js";
import { Linear } from "../../layers/linear.js";
import { timestepEmbedding } from "../../layers/timestep-embedding.js";
import type { Grads } from "../../parameters/grads.js";
import type { Parameter } from "../../parameters/parameter.js";
import { checkGiven } from "../check-given.js";
import { formatNetwork } from "../format.js";
import type { Given, Network, NetworkSpec } from "../network.js";
import { freeSteps, keepCaches, type Policy } from "../policy.js";
import { beside } from "../self-conditioned.js";
import { Sequential } from "../sequential.js";
import { sumOf, type DownBlockCache, type MidBlockCache, type UpBlockCache } from "../unet/blocks.js";
import { lucidrainsBlocks, type LucidrainsBlocks } from "./build.js";
import { fixedSettings, lucidrainsConfig, type LucidrainsConfig, type LucidrainsOptions } from "./config.js";
import type { ResnetBlockCache } from "./resnet-block.js";

interface TimeCache {
  /** Of t, N host numbers; undefined for sinusoids. */
  features: FourierFeaturesCache | undefined;
  /** Of the features [N, width]. */
  mlp: readonly unknown[];
}

/** Level i has H_i = H / 2^i and W_i = W / 2^i. */
export interface LucidrainsUNetCache {
  time: TimeCache;
  /** Of x [N, H, W, channels], or of [x0, x]. */
  initConv: Conv2dCache;
  downs: DownBlockCache[];
  mid: MidBlockCache;
  /** From the lowest level up. */
  ups: UpBlockCache[];
  /** Of [y of the last level, y of initConv], [N, H, W, 2 width]. */
  last: ResnetBlockCache;
  /** Of [N, H, W, width]. */
  finalConv: Conv2dCache;
}

/**
 * The `Unet` of denoising-diffusion-pytorch in all its eras, with the names of its state dict: y = f(x, t), x [N, H, W, channels], t N
 * host numbers, y [N, H, W, out_dim]. H and W are multiples of 2^(levels - 1). Under `self_condition` it reads [x0, x], x0 its own guess
 * or zeros. There are no classes. Made without values: see `initialize`, whose scheme "pytorch" is the program's own.
 * Source: lucidrains/denoising-diffusion-pytorch, denoising_diffusion_pytorch.py. Throws ConfigError as `lucidrainsConfig`, and for
 * groups that do not divide the channels.
 */
export class LucidrainsUNet implements Network<LucidrainsUNetCache> {
  readonly name = "";
  readonly config: LucidrainsConfig;
  readonly spec: NetworkSpec;
  readonly parameters: readonly Parameter[];
  private readonly initConv: Conv2d;
  /** undefined for sinusoids. */
  private readonly features: FourierFeatures | undefined;
  private readonly timeMlp: Sequential;
  private readonly blocks: LucidrainsBlocks;
  private readonly finalConv: Conv2d;

  constructor(options: LucidrainsOptions) {
    const config = lucidrainsConfig(options);
    const { dim, channels, self_condition: selfCondition, random_fourier_features: random, learned_sinusoidal_dim: frequencies } = config;
    const outputs = config.out_dim ?? (config.learned_variance ? 2 : 1) * channels;
    this.config = config;
    this.blocks = lucidrainsBlocks(config);
    const { width, timeChannels, downs, mid, ups, last } = this.blocks;
    this.spec = {
      kind: "lucidrains", config: { ...config }, sample: [...sidesOf(config), channels], outputs,
      ...(selfCondition ? { selfCondition } : {}),
    };
    this.initConv = new Conv2d("init_conv", (selfCondition ? 2 : 1) * channels, width, { kernel: 7 });
    if (random || config.learned_sinusoidal_cond) this.features = new FourierFeatures("time_mlp.0", frequencies / 2, { learned: !random });
    this.timeMlp = new Sequential<unknown>("time_mlp", [
      new Linear("time_mlp.1", this.features?.width ?? dim, timeChannels), new Activation("time_mlp.2", "gelu"),
      new Linear("time_mlp.3", timeChannels, timeChannels),
    ]);
    this.finalConv = new Conv2d("final_conv", width, outputs, { kernel: 1, closesBranch: true });
    this.parameters = [                                                    // in the order of the program's state dict
      this.initConv, this.features, this.timeMlp, ...downs, ...ups, mid, last, this.finalConv,
    ].flatMap((layer) => layer?.parameters ?? []);
  }

  create(): LucidrainsUNet {
    return new LucidrainsUNet(this.config);
  }

  /**
   * y and what backward needs. Throws ShapeError for sides that are no multiples of 2^(levels - 1) and for a guess of another shape
   * than x, ConfigError as `checkGiven`.
   */
  forward(x: Tensor, t: ArrayLike<number>, given: Given = {}, dropout?: Random): [y: Tensor, cache: LucidrainsUNetCache] {
    return this.run(x, t, given, keepCaches, dropout);
  }

  /** y alone, step by step: no more stays alive than the skips and one step's own tensors. */
  apply(x: Tensor, t: ArrayLike<number>, given: Given = {}): Tensor {
    return this.run(x, t, given, freeSteps)[0];
  }

  private run(
    x: Tensor, t: ArrayLike<number>, given: Given, policy: Policy, dropout?: Random,
  ): [y: Tensor, cache: LucidrainsUNetCache] {
    this.check(x, t, given);
    const { device } = x;
    return policy.step(device, () => forwardAt(this, { x }, () => {
      const { downs, mid, ups, last } = this.blocks;
      const [temb, time] = policy.step(device, () => this.embed(x, t));
      const [r, initConv] = policy.step(device, () =>
        this.initConv.forward(this.config.self_condition ? beside("lucidrains' U-Net", x, given) : x));
      const skips: Tensor[] = [];
      let h = r;
      const downCaches = downs.map((down) => {
        const [outputs, cache] = down.forward(h, temb, policy, dropout);
        if (h !== r) policy.done(h);
        h = outputs.pop()!;
        skips.push(...outputs);
        return cache;
      });
      const [bottom, midCache] = mid.forward(h, temb, policy, dropout);
      policy.done(h);
      h = bottom;
      const upCaches = ups.map((up) => {
        const read = skips.splice(-up.skipCount).reverse();
        const [[y], cache] = up.forward(h, read, temb, policy, dropout);
        policy.done(h, ...read);
        h = y;
        return cache;
      });
      const [a, lastCache] = policy.step(device, () => last.forward(concat.forward([h, r], 3), temb, dropout));
      const [y, finalConv] = this.finalConv.forward(a);
      return [y, { time, initConv, downs: downCaches, mid: midCache, ups: upCaches, last: lastCache, finalConv }];
    }));
  }

  /** dx, and the gradients of all parameters in grads; nothing flows back into the guess of x0. */
  backward(dy: Tensor, cache: LucidrainsUNetCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => dy.device.scope(() => {
      const { downs, mid, ups, last, width } = this.blocks;
      const dskips: Tensor[] = [];
      const da = this.finalConv.backward(dy, cache.finalConv, grads);
      const end = dy.device.scope(() => last.backward(da, cache.last, grads));
      const dtembs = [end.dtemb];
      let [dh, dr] = concat.backward(end.dx, [width, width], 3);
      for (let i = ups.length - 1; i >= 0; i--) {
        const up = dy.device.scope(() => ups[i].backward(dh, cache.ups[i], grads));
        dskips.push(...up.dskips.reverse());                               // gradients of the skips in the order they were made
        dtembs.push(up.dtemb);
        dh = up.dx;
      }
      const middle = dy.device.scope(() => mid.backward(dh, cache.mid, grads));
      dtembs.push(middle.dtemb);
      dh = middle.dx;
      for (let i = downs.length - 1; i >= 0; i--) {
        const doutputs = dskips.splice(1 - downs[i].outputCount);          // of the two blocks: the step's output is no skip
        const down = dy.device.scope(() => downs[i].backward(dh, doutputs, cache.downs[i], grads));
        dtembs.push(down.dtemb);
        dh = down.dx;
      }
      dr = sumOf([dr, dh]);                                                // the fork at r: the first level, and the last block
      this.embedBackward(sumOf(dtembs), cache.time, grads);
      const dx = this.initConv.backward(dr, cache.initConv, grads);
      return this.config.self_condition ? split(dx, 2, 3)[1] : dx;
    }));
  }

  /** temb = time_mlp(features of t), [N, 4 dim]. */
  private embed({ device, dtype }: Tensor, t: ArrayLike<number>): [temb: Tensor, cache: TimeCache] {
    if (this.features !== undefined) {
      const [y, features] = this.features.forward(t);
      const [temb, mlp] = this.timeMlp.forward(y);
      return [temb, { features, mlp }];
    }
    const { dim, sinusoidal_pos_emb_theta: maxPeriod = fixedSettings.sinusoidal_pos_emb_theta } = this.config;
    const sinusoid = timestepEmbedding(t, dim, { flipSinToCos: false, freqShift: 1, maxPeriod });
    const [temb, mlp] = this.timeMlp.forward(tensor(sinusoid, { device, dtype, shape: [t.length, dim] }));
    return [temb, { features: undefined, mlp }];
  }

  private embedBackward(dtemb: Tensor, { features, mlp }: TimeCache, grads: Grads): void {
    const dfeatures = this.timeMlp.backward(dtemb, mlp, grads);
    if (features !== undefined) this.features!.backward(dfeatures, features, grads);
  }

  private check(x: Tensor, t: ArrayLike<number>, given: Given): void {
    const what = "lucidrains' U-Net";
    assertTensor(what, "x", x);
    const { channels, dim_mults: { length: levels } } = this.config;
    const multiple = 2 ** (levels - 1);
    const [, h, w, c] = x.shape;
    const shapes = `x        ${formatShape(x.shape)}   expected [N, H, W, ${channels}]`;
    if (x.rank !== 4 || c !== channels) throw new ShapeError(`${what}: x is not a batch of images with ${channels} channels`, [shapes]);
    if (h % multiple !== 0 || w % multiple !== 0) {
      const nearest = [h, w].map((side) => Math.max(1, Math.round(side / multiple)) * multiple).join(" x ");
      throw new ShapeError(`${what}: the sides of x must be multiples of ${multiple}`, [
        shapes, `nearest  ${nearest}`, `${levels} levels halve the sides ${levels - 1} times`,
      ]);
    }
    checkGiven(what, this.spec, x.shape, t, given);
  }

  /** What console.log shows. */
  [inspectSymbol](): string {
    return formatNetwork(this);
  }
}

function sidesOf({ image_size: size }: LucidrainsConfig): readonly (number | null)[] {
  return typeof size === "number" ? [size, size] : size ?? [null, null];
}
