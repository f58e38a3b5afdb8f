import {
  ShapeError, add, assertTensor, at, formatShape, inspectSymbol, tensor, type Random, type Tensor,
} from "@fromnoise/tensor";
import { ClassEmbedding, type ClassEmbeddingCache } from "../../layers/class-embedding.js";
import { Conv2d, type Conv2dCache } from "../../layers/conv2d.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import type { GroupNormCache } from "../../layers/group-norm.js";
import { NormSilu } from "../../layers/norm-silu.js";
import { TimeMlp, type TimeMlpCache } from "../../layers/time-mlp.js";
import { timestepEmbedding } from "../../layers/timestep-embedding.js";
import type { Grads } from "../../parameters/grads.js";
import type { Parameter } from "../../parameters/parameter.js";
import { checkGiven } from "../check-given.js";
import { formatNetwork } from "../format.js";
import type { Given, Network, NetworkSpec } from "../network.js";
import { freeSteps, keepCaches, type Policy } from "../policy.js";
import {
  sumOf, type DownBlock, type DownBlockCache, type MidBlock, type MidBlockCache, type UpBlock, type UpBlockCache,
} from "./blocks.js";
import { downBlocks, midBlock, timeChannels, upBlocks } from "./build.js";
import { unetConfig, type UNetConfig, type UNetOptions } from "./config.js";

interface EmbeddingCache {
  /** Of the sinusoids [N, width]. */
  time: TimeMlpCache;
  /** Of N labels; undefined without classes. */
  classes: ClassEmbeddingCache | undefined;
}

/** Level i has H_i = H / 2^i, W_i = W / 2^i and C_i channels. */
export interface UNetCache {
  embedding: EmbeddingCache;
  /** Of x [N, H, W, in_channels]. */
  convIn: Conv2dCache;
  /** Level i of [N, H_i, W_i, C_(i-1)]. */
  downs: DownBlockCache[];
  /** Of [N, H_i, W_i, C_i], i the lowest level. */
  mid: MidBlockCache;
  /** From the lowest level up. */
  ups: UpBlockCache[];
  /** Of [N, H, W, C_0] both. */
  normOut: GroupNormCache; convOut: Conv2dCache;
}

/**
 * The network of Ho et al. 2020 (appendix B), in the shape and with the names of diffusers' UNet2DModel: y = epsTheta(x, t).
 * x [N, H, W, in_channels], t N host numbers, y [N, H, W, out_channels]. H and W are multiples of 2^(levels - 1), as each level but
 * the last halves them. Made without values: see `initialize`. Throws ConfigError as `unetConfig`.
 */
export class UNet implements Network<UNetCache> {
  readonly name = "";
  readonly config: UNetConfig;
  readonly spec: NetworkSpec;
  readonly parameters: readonly Parameter[];
  private readonly convIn: Conv2d;
  private readonly timeMlp: TimeMlp;
  private readonly classEmbedding: ClassEmbedding | undefined;
  private readonly downs: readonly DownBlock[];
  private readonly mid: MidBlock;
  private readonly ups: readonly UpBlock[];
  private readonly normOut: NormSilu;
  private readonly convOut: Conv2d;

  constructor(options: UNetOptions) {
    const config = unetConfig(options);
    const { block_out_channels: [width], num_class_embeds: classes } = config;
    this.config = config;
    this.spec = specOf(config);
    this.convIn = new Conv2d("conv_in", config.in_channels, width);
    this.timeMlp = new TimeMlp("time_embedding", width, timeChannels(config));
    this.classEmbedding = classes === null ? undefined : new ClassEmbedding("class_embedding", classes, timeChannels(config));
    this.downs = downBlocks(config);
    this.mid = midBlock(config);
    this.ups = upBlocks(config);
    this.normOut = new NormSilu("conv_norm_out", width, { groups: config.norm_num_groups, eps: config.norm_eps });
    this.convOut = new Conv2d("conv_out", width, config.out_channels, { closesBranch: true });
    this.parameters = [                                                    // in the order of diffusers' state dict
      this.convIn, this.timeMlp, this.classEmbedding, ...this.downs, ...this.ups, this.mid, this.normOut, this.convOut,
    ].flatMap((layer) => layer?.parameters ?? []);
  }

  create(): UNet {
    return new UNet(this.config);
  }

  /**
   * epsTheta(x, t) and what backward needs. `given.labels` are N classes, for a network with num_class_embeds only.
   * Throws ShapeError for sides that are no multiples of 2^(levels - 1), and ConfigError for missing or needless labels.
   */
  forward(x: Tensor, t: ArrayLike<number>, given: Given = {}, dropout?: Random): [y: Tensor, cache: UNetCache] {
    return this.run(x, t, given, keepCaches, dropout);
  }

  /** epsTheta(x, t) without a cache, step by step: no more stays alive than the skips and one step's own tensors. */
  apply(x: Tensor, t: ArrayLike<number>, given: Given = {}): Tensor {
    return this.run(x, t, given, freeSteps)[0];
  }

  private run(x: Tensor, t: ArrayLike<number>, given: Given, policy: Policy, dropout?: Random): [y: Tensor, cache: UNetCache] {
    this.check(x, t, given);
    const { device } = x;
    return policy.step(device, () => forwardAt(this, { x }, () => {
      const [temb, embedding] = policy.step(device, () => this.embed(x, t, given));
      const [h0, convIn] = policy.step(device, () => this.convIn.forward(x));
      const skips = [h0];
      const downs = this.downs.map((down) => {
        const [outputs, cache] = down.forward(skips.at(-1)!, temb, policy, dropout);
        skips.push(...outputs);
        return cache;
      });
      const [bottom, mid] = this.mid.forward(skips.at(-1)!, temb, policy, dropout);
      let h = bottom;
      const ups = this.ups.map((up) => {
        const read = takeLast(skips, up.skipCount);
        const [y, cache] = up.forward(h, read, temb, policy, dropout);
        policy.done(h, ...read);
        h = y;
        return cache;
      });
      const [a, normOut] = policy.step(device, () => this.normOut.forward(h));
      const [y, convOut] = this.convOut.forward(a);
      return [y, { embedding, convIn, downs, mid, ups, normOut, convOut }];
    }));
  }

  /** dx, and the gradients of all parameters in grads. */
  backward(dy: Tensor, cache: UNetCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => dy.device.scope(() => {
      const dtembs: Tensor[] = [];
      const dskips: Tensor[] = [];
      const da = this.convOut.backward(dy, cache.convOut, grads);
      let dh = this.normOut.backward(da, cache.normOut, grads);
      for (let i = this.ups.length - 1; i >= 0; i--) {
        const up = dy.device.scope(() => this.ups[i].backward(dh, cache.ups[i], grads));
        dskips.push(...up.dskips.reverse());                               // gradients of the skips in the order they were made
        dtembs.push(up.dtemb);
        dh = up.dx;
      }
      const mid = dy.device.scope(() => this.mid.backward(dh, cache.mid, grads));
      dtembs.push(mid.dtemb);
      dh = mid.dx;
      for (let i = this.downs.length - 1; i >= 0; i--) {
        const doutputs = dskips.splice(-this.downs[i].outputCount);
        const down = dy.device.scope(() => this.downs[i].backward(dh, doutputs, cache.downs[i], grads));
        dtembs.push(down.dtemb);
        dh = down.dx;
      }
      this.embedBackward(sumOf(dtembs), cache.embedding, grads);
      return this.convIn.backward(sumOf([dh, ...dskips]), cache.convIn, grads);
    }));
  }

  /** temb = timeMlp(sinusoid(t)) + classEmbedding(label), [N, D]. */
  private embed(x: Tensor, t: ArrayLike<number>, { labels }: Given): [temb: Tensor, cache: EmbeddingCache] {
    const { block_out_channels: [width], flip_sin_to_cos: flipSinToCos, freq_shift: freqShift } = this.config;
    const sinusoid = timestepEmbedding(t, width, { flipSinToCos, freqShift });
    const features = tensor(sinusoid, { device: x.device, dtype: x.dtype, shape: [t.length, width] });
    const [a, time] = this.timeMlp.forward(features);
    if (this.classEmbedding === undefined) return [a, { time, classes: undefined }];
    const [c, classes] = this.classEmbedding.forward(Array.from(labels!));
    return [at("class_embedding", () => add(a, c)), { time, classes }];
  }

  private embedBackward(dtemb: Tensor, { time, classes }: EmbeddingCache, grads: Grads): void {
    if (classes !== undefined) this.classEmbedding!.backward(dtemb, classes, grads);
    this.timeMlp.backward(dtemb, time, grads);
  }

  private check(x: Tensor, t: ArrayLike<number>, given: Given): void {
    assertTensor("U-Net", "x", x);
    const [, h, w, c] = x.shape;
    const { in_channels: channels, block_out_channels: { length: levels } } = this.config;
    const multiple = 2 ** (levels - 1);
    const shapes = `x        ${formatShape(x.shape)}   expected [N, H, W, ${channels}]`;
    if (x.rank !== 4 || c !== channels) {
      throw new ShapeError(`U-Net: x is not a batch of images with ${channels} channels`, [shapes]);
    }
    if (h % multiple !== 0 || w % multiple !== 0) {
      const nearest = [h, w].map((side) => Math.max(1, Math.round(side / multiple)) * multiple).join(" x ");
      const halvings = `${levels} levels halve the sides ${levels - 1} times`;
      throw new ShapeError(`U-Net: the sides of x must be multiples of ${multiple}`, [shapes, `nearest  ${nearest}`, halvings]);
    }
    checkGiven("U-Net", this.spec, x.shape, t, given);
  }

  /** What console.log shows. */
  [inspectSymbol](): string {
    return formatNetwork(this);
  }
}

function specOf(config: UNetConfig): NetworkSpec {
  const { sample_size: size, in_channels: channels, out_channels: outputs, num_class_embeds: rows } = config;
  const sides = typeof size === "number" ? [size, size] : size ?? [null, null];
  const labels = rows === null ? {} : config._null_class === true ? { classes: rows - 1, nullClass: rows - 1 } : { classes: rows };
  return { kind: "unet", config: { ...config }, sample: [...sides, channels], outputs, ...labels };
}

/** Removes the last `count` entries of a stack and gives them in the order of popping. */
function takeLast<T>(stack: T[], count: number): T[] {
  return stack.splice(-count).reverse();
}
