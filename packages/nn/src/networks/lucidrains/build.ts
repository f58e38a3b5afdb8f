/** From a config to the blocks of lucidrains' U-Net, with its names and channel rules. */
import { Conv2d, type Conv2dCache } from "../../layers/conv2d.js";
import type { Layer } from "../../layers/layer.js";
import type { Parameter } from "../../parameters/parameter.js";
import { DownBlock, MidBlock, UpBlock } from "../unet/blocks.js";
import { Untimed } from "../unet/resampler.js";
import { fixedSettings, type LucidrainsConfig } from "./config.js";
import { eras } from "./eras.js";
import { PixelAttention } from "./pixel-attention.js";
import { NearestUp, UnshuffleDown } from "./resample.js";
import { ResnetBlock } from "./resnet-block.js";
import { Stage } from "./stage.js";

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
