import {
  ConfigError, ShapeError, add, assertTensor, at, formatShape, tensor, type Indices, type Random, type Tensor,
} from "@fromnoise/tensor";
import { checkBackward } from "../../layers/check-backward.js";
import type { Grads } from "../../parameters/grads.js";
import { ClassEmbedding, type ClassEmbeddingCache } from "../../layers/class-embedding.js";
import { Conv2d, type Conv2dCache } from "../../layers/conv2d.js";
import type { GroupNormCache } from "../../layers/group-norm.js";
import { NormSilu } from "../../layers/norm-silu.js";
import { TimeMlp, type TimeMlpCache } from "../../layers/time-mlp.js";
import { timestepEmbedding } from "../../layers/timestep-embedding.js";
import { apply, type Module } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";
import { sumOf, type DownBlock, type MidBlock, type UpBlock, type UpBlockCache } from "./blocks.js";
import { downBlocks, midBlock, timeChannels, upBlocks } from "./build.js";
import { unetConfig, type UNetConfig, type UNetOptions } from "./config.js";
import type { StageCache } from "./stage.js";
import type { StepCache } from "./step.js";

interface EmbeddingCache { time: TimeMlpCache; classes: ClassEmbeddingCache | undefined }

export interface UNetCache {
  embedding: EmbeddingCache; convIn: Conv2dCache; downs: StepCache[][]; mid: StageCache[]; ups: UpBlockCache[];
  normOut: GroupNormCache; convOut: Conv2dCache;
}

/**
 * The network of Ho et al. 2020 (appendix B), in the shape and with the names of diffusers' UNet2DModel: y = epsTheta(x, t).
 * x [N, H, W, in_channels], timesteps N host numbers, y [N, H, W, out_channels]. H and W are multiples of 2^(levels - 1), as each
 * level but the last halves them. Made without values: see `initialize`. Throws ConfigError as `unetConfig`.
 */
export class UNet implements Module {
  readonly name = "";
  readonly config: UNetConfig;
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

  /**
   * epsTheta(x, t) and what backward needs. `labels` are N classes, for a network with num_class_embeds only; `dropout` draws the
   * dropout masks: give it in training, leave it out otherwise.
   * Throws ShapeError for sides that are no multiples of 2^(levels - 1), and ConfigError for missing or needless labels.
   */
  forward(x: Tensor, timesteps: ArrayLike<number>, labels?: Indices, dropout?: Random): [y: Tensor, cache: UNetCache] {
    this.check(x, timesteps, labels);
    const [temb, embedding] = this.embed(x, timesteps, labels);
    const [h0, convIn] = this.convIn.forward(x);
    const skips = [h0];
    const downs = this.downs.map((down) => {
      const [outputs, caches] = down.forward(skips.at(-1)!, temb, dropout);
      skips.push(...outputs);
      return caches;
    });
    const [bottom, mid] = this.mid.forward(skips.at(-1)!, temb, dropout);
    let h = bottom;
    const ups = this.ups.map((up) => {
      const [y, cache] = up.forward(h, takeLast(skips, up.skipCount), temb, dropout);
      h = y;
      return cache;
    });
    const [a, normOut] = this.normOut.forward(h);
    const [y, convOut] = this.convOut.forward(a);
    return [y, { embedding, convIn, downs, mid, ups, normOut, convOut }];
  }

  /** dx, and the gradients of all parameters in grads. */
  backward(dy: Tensor, cache: UNetCache, grads: Grads): Tensor {
    checkBackward(this, dy, cache, grads);
    return dy.device.scope(() => {
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
        const doutputs = dskips.splice(-cache.downs[i].length);
        const down = dy.device.scope(() => this.downs[i].backward(dh, doutputs, cache.downs[i], grads));
        dtembs.push(down.dtemb);
        dh = down.dx;
      }
      this.embedBackward(sumOf(dtembs), cache.embedding, grads);
      return this.convIn.backward(sumOf([dh, ...dskips]), cache.convIn, grads);
    });
  }

  /** epsTheta(x, t) without a cache, step by step: no more stays alive than the skips and one step's own tensors. */
  apply(x: Tensor, timesteps: ArrayLike<number>, labels?: Indices): Tensor {
    this.check(x, timesteps, labels);
    return x.device.scope(() => {
      const temb = x.device.scope(() => this.embed(x, timesteps, labels)[0]);
      const skips = [apply(this.convIn, x)];
      for (const down of this.downs) skips.push(...down.apply(skips.at(-1)!, temb));
      let h = this.mid.apply(skips.at(-1)!, temb);
      for (const up of this.ups) {
        const read = takeLast(skips, up.skipCount);
        const y = up.apply(h, read, temb);
        for (const t of [h, ...read]) t.dispose();
        h = y;
      }
      return apply(this.convOut, apply(this.normOut, h));
    });
  }

  /** temb = timeMlp(sinusoid(t)) + classEmbedding(label), [N, D]. */
  private embed(x: Tensor, timesteps: ArrayLike<number>, labels?: Indices): [temb: Tensor, cache: EmbeddingCache] {
    const { block_out_channels: [width], flip_sin_to_cos: flipSinToCos, freq_shift: freqShift } = this.config;
    const sinusoid = timestepEmbedding(timesteps, width, { flipSinToCos, freqShift });
    const features = tensor(sinusoid, { device: x.device, dtype: x.dtype, shape: [timesteps.length, width] });
    const [t, time] = this.timeMlp.forward(features);
    if (this.classEmbedding === undefined) return [t, { time, classes: undefined }];
    const [c, classes] = this.classEmbedding.forward(labels!);
    return [at("class_embedding", () => add(t, c)), { time, classes }];
  }

  private embedBackward(dtemb: Tensor, { time, classes }: EmbeddingCache, grads: Grads): void {
    if (classes !== undefined) this.classEmbedding!.backward(dtemb, classes, grads);
    this.timeMlp.backward(dtemb, time, grads);
  }

  private check(x: Tensor, timesteps: ArrayLike<number>, labels: Indices | undefined): void {
    assertTensor("U-Net", "x", x);
    const [n, h, w, c] = x.shape;
    const { in_channels: channels, block_out_channels: { length: levels }, num_class_embeds: classes } = this.config;
    const multiple = 2 ** (levels - 1);
    const shapes = `x        ${formatShape(x.shape)}   expected [N, H, W, ${channels}]`;
    const fail = (what: string, ...more: readonly string[]): never => {
      throw new ShapeError(`U-Net: ${what}`, [shapes, ...more]);
    };
    if (x.rank !== 4 || c !== channels) fail(`x is not a batch of images with ${channels} channels`);
    if (h % multiple !== 0 || w % multiple !== 0) {
      const nearest = [h, w].map((side) => Math.max(1, Math.round(side / multiple)) * multiple).join(" x ");
      const halvings = `${levels} levels halve the sides ${levels - 1} times`;
      fail(`the sides of x must be multiples of ${multiple}`, `nearest  ${nearest}`, halvings);
    }
    if (timesteps.length !== n) fail(`${timesteps.length} timesteps for ${n} images`);
    if ((classes === null) !== (labels === undefined)) {
      const what = labels === undefined ? "class labels are missing" : "class labels for a network without classes";
      throw new ConfigError(`U-Net: ${what}`, [`num_class_embeds is ${classes}`]);
    }
    if (labels !== undefined && labels.length !== n) fail(`${labels.length} class labels for ${n} images`);
  }
}

/** Removes the last `count` entries of a stack and gives them in the order of popping. */
function takeLast<T>(stack: T[], count: number): T[] {
  return stack.splice(-count).reverse();
}
