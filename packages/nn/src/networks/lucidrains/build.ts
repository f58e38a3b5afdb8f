/** From a config to the blocks of lucidrains' U-Net, with its names and channel rules. */
import { pixelUnshuffle, type Random, type Tensor } from "@fromnoise/tensor";
import { Conv2d, type Conv2dCache } from "../../layers/conv2d.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import type { Layer } from "../../layers/layer.js";
import { double } from "../../layers/resample.js";
import type { Grads } from "../../parameters/grads.js";
import { join } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";
import type { Policy } from "../policy.js";
import { DownBlock, MidBlock, UpBlock, type BlockGradients, type BlockStage } from "../unet/blocks.js";
import { Untimed } from "../unet/resampler.js";
import { fixedSettings, type LucidrainsConfig } from "./config.js";
import { eras } from "./eras.js";
import { PixelAttention, type PixelAttentionCache } from "./pixel-attention.js";
import { ResnetBlock, type ResnetBlockCache } from "./resnet-block.js";

/** Halves the sides: the pixels of each 2x2 square become channels, then a 1x1 convolution, [N, H, W, C] -> [N, H/2, W/2, D]. */
export class UnshuffleDown implements Layer<Conv2dCache> {
  private readonly conv: Conv2d;

  constructor(readonly name: string, inChannels: number, outChannels: number) {
    this.conv = new Conv2d(join(name, "1"), 4 * inChannels, outChannels, { kernel: 1 });
  }

  get parameters(): Parameter[] {
    return this.conv.parameters;
  }

  forward(x: Tensor): [y: Tensor, cache: Conv2dCache] {
    return forwardAt(this, { x }, () => this.conv.forward(pixelUnshuffle.forward(x, { scale: 2 })));
  }

  backward(dy: Tensor, cache: Conv2dCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => pixelUnshuffle.backward(this.conv.backward(dy, cache, grads), { scale: 2 }));
  }
}

/** Doubles the sides: every pixel twice in each direction, then a 3x3 convolution, [N, H, W, C] -> [N, 2H, 2W, D]. */
export class NearestUp implements Layer<Conv2dCache> {
  private readonly conv: Conv2d;

  constructor(readonly name: string, inChannels: number, outChannels: number) {
    this.conv = new Conv2d(join(name, "1"), inChannels, outChannels);
  }

  get parameters(): Parameter[] {
    return this.conv.parameters;
  }

  forward(x: Tensor): [y: Tensor, cache: Conv2dCache] {
    return forwardAt(this, { x }, () => this.conv.forward(double.forward(x)));
  }

  backward(dy: Tensor, cache: Conv2dCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => double.backward(this.conv.backward(dy, cache, grads)));
  }
}

interface StageCache {
  /** Of x [N, H, W, Cin] and temb [N, D]. */
  block: ResnetBlockCache;
  /** Of the block's output [N, H, W, Cout]; undefined without attention. */
  attention: PixelAttentionCache | undefined;
}

/** A residual block and, where there is one, the attention after it. */
class Stage implements BlockStage<StageCache> {
  constructor(private readonly block: ResnetBlock, private readonly attention?: PixelAttention) {}

  get parameters(): readonly Parameter[] {
    return [...this.block.parameters, ...(this.attention?.parameters ?? [])];
  }

  forward(x: Tensor, temb: Tensor, policy: Policy, random?: Random): [y: Tensor, cache: StageCache] {
    return policy.step(x.device, (): [Tensor, StageCache] => {
      const [h, block] = policy.step(x.device, () => this.block.forward(x, temb, random));
      if (this.attention === undefined) return [h, { block, attention: undefined }];
      const [y, attention] = this.attention.forward(h);
      return [y, { block, attention }];
    });
  }

  backward(dy: Tensor, cache: StageCache, grads: Grads): BlockGradients {
    return dy.device.scope(() => {                                         // frees what the backward leaves behind
      const dh = this.attention?.backward(dy, cache.attention!, grads) ?? dy;
      return this.block.backward(dh, cache.block, grads);
    });
  }
}

export interface LucidrainsBlocks {
  /** Channels of the first convolution. */
  readonly width: number;
  /** Width of the time embedding. */
  readonly timeChannels: number;
  readonly downs: readonly DownBlock[];
  readonly mid: MidBlock;
  readonly ups: readonly UpBlock[];
  readonly last: ResnetBlock;
}

/**
 * The blocks. Level i of the way down keeps the channels of the level above, and the step that ends it goes to dim dim_mults[i]; the way
 * up goes back in the same steps, each of its two blocks reading one skip. The last level's step halves nothing: it is a convolution.
 */
export function lucidrainsBlocks(config: LucidrainsConfig): LucidrainsBlocks {
  const { dim, dim_mults: mults } = config;
  const era = eras[config.era];
  const { attn_heads: heads, attn_dim_head: headDim, full_attn: fullAttn, ...settings } = { ...fixedSettings, ...config };
  const width = config.init_dim ?? dim;
  const widths = [width, ...mults.map((mult) => mult * dim)];
  const timeChannels = 4 * dim;
  const lowest = mults.length - 1;
  const options = { timeChannels, groups: settings.resnet_block_groups, dropout: settings.dropout };
  const block = (name: string, inChannels: number, outChannels: number): ResnetBlock =>
    new ResnetBlock(name, inChannels, outChannels, options, era);
  const attention = (name: string, channels: number, level: number, full: boolean): PixelAttention =>
    new PixelAttention(name, channels, { full, heads: atLevel(heads, level), headDim: atLevel(headDim, level) }, era);
  const isFull = (level: number): boolean => fullAttn?.[level] ?? (era.fullLevels && level === lowest);

  const downs = mults.map((_, i) => {
    const name = `downs.${i}`;
    const [from, to] = [widths[i], widths[i + 1]];
    const stages = [
      new Stage(block(`${name}.0`, from, from)),
      new Stage(block(`${name}.1`, from, from), attention(`${name}.2`, from, i, isFull(i))),
    ];
    const step = i === lowest ? new Conv2d(`${name}.3`, from, to) : new UnshuffleDown(`${name}.3`, from, to);
    return new DownBlock(name, parametersOf(stages, step), stages, new Untimed<Conv2dCache>(step));
  });
  const bottom = widths[lowest + 1];
  const middle = [
    new Stage(block("mid_block1", bottom, bottom), attention("mid_attn", bottom, lowest, true)),
    new Stage(block("mid_block2", bottom, bottom)),
  ];
  const ups = mults.map((_, j) => {
    const name = `ups.${j}`;
    const i = lowest - j;
    const [from, to] = [widths[i + 1], widths[i]];
    const stages = [
      new Stage(block(`${name}.0`, from + to, from)),
      new Stage(block(`${name}.1`, from + to, from), attention(`${name}.2`, from, i, isFull(i))),
    ];
    const step = i === 0 ? new Conv2d(`${name}.3`, from, to) : new NearestUp(`${name}.3`, from, to);
    return new UpBlock(name, parametersOf(stages, step), stages, new Untimed<Conv2dCache>(step));
  });
  return {
    width, timeChannels, downs, mid: new MidBlock("mid", parametersOf(middle), middle), ups,
    last: block("final_res_block", 2 * width, width),
  };
}

function parametersOf(stages: readonly Stage[], step?: Layer<Conv2dCache>): Parameter[] {
  return [...stages.flatMap((stage) => stage.parameters), ...(step?.parameters ?? [])];
}

function atLevel(value: number | readonly number[], level: number): number {
  return typeof value === "number" ? value : value[level];
}
