/** From a config to the blocks of the U-Net, with diffusers' names and channel rules. */
import { Attention, type AttentionOptions } from "../../layers/attention.js";
import { Downsample } from "../../layers/downsample.js";
import { ResBlock, type ResBlockOptions } from "../../layers/res-block.js";
import { Upsample } from "../../layers/upsample.js";
import type { Parameter } from "../../parameters/parameter.js";
import { DownBlock, MidBlock, UpBlock, type Down, type Up } from "./blocks.js";
import { groupsOf, isAttn, isSkip, normGroups, timeChannels, type UNetConfig } from "./config.js";
import { Untimed, type Resampler } from "./resampler.js";
import { SkipDownBlock, SkipUpBlock } from "./skip-blocks.js";
import { Stage } from "./stage.js";

/** Parameters in the order of diffusers' state dict: attentions, resnets, then the resampler. */
function parametersOf(stages: readonly Stage[], resampler?: Resampler): Parameter[] {
  return [
    ...stages.flatMap((stage) => stage.attention?.parameters ?? []), ...stages.flatMap((stage) => stage.resnet.parameters),
    ...(resampler?.parameters ?? []),
  ];
}

type ResNet = (inChannels: number, outChannels: number, more?: Partial<ResBlockOptions>) => ResBlockOptions;

const resnetOf = (config: UNetConfig): ResNet => (inChannels, outChannels, more = {}) => ({
  inChannels, outChannels, timeChannels: timeChannels(config), groups: normGroups(config, inChannels), groupsOut: normGroups(config, outChannels),
  eps: config.norm_eps, activation: config.act_fn, timeScaleShift: config.resnet_time_scale_shift, dropout: config.dropout, ...more,
});

const attentionOf = (config: UNetConfig): AttentionOptions => ({
  headDim: config.attention_head_dim, groups: config.norm_num_groups, eps: config.norm_eps, heads: config._num_heads,
});

/** What Skip blocks have of their own: ResBlocks that resample by the filter, and divide their output by sqrt 2, as attention does. */
const SKIP = { outputScaleFactor: Math.SQRT2 };
const skipResnetOf = (config: UNetConfig): ResNet => (inChannels, outChannels, more = {}) => resnetOf(config)(inChannels, outChannels, {
  ...SKIP, groups: groupsOf(inChannels), groupsOut: groupsOf(outChannels), ...more,
});
const skipAttentionOf = (config: UNetConfig): AttentionOptions => ({ ...attentionOf(config), ...SKIP, groups: 32 });

/** One block for each level, from the full resolution down. Stage 0 changes the width from the level above. */
export function downBlocks(config: UNetConfig): Down[] {
  const { block_out_channels: widths, down_block_types: types, layers_per_block: layers, in_channels: image } = config;
  return widths.map((width, i) => {
    const name = `down_blocks.${i}`, type = types[i], skip = isSkip(type), last = i === widths.length - 1;
    const resnet = skip ? skipResnetOf(config) : resnetOf(config);
    const attention = !isAttn(type) ? undefined : skip ? skipAttentionOf(config) : attentionOf(config);
    const stages = Array.from({ length: layers }, (_, j) => (
      new Stage(name, j, resnet(j === 0 ? widths[Math.max(i - 1, 0)] : width, width), attention)
    ));
    if (skip) {
      const down = last ? undefined : new ResBlock(`${name}.resnet_down`, resnet(width, width, { resample: "fir-down", shortcut: true }));
      return new SkipDownBlock(name, new DownBlock(name, parametersOf(stages, down), stages, down), { channels: width, image, last });
    }
    const sampler = `${name}.downsamplers.0`;
    const byResNet = type === "ResnetDownsampleBlock2D" || (isAttn(type) && config.downsample_type === "resnet");
    const downsampler = last ? undefined
      : byResNet ? new ResBlock(sampler, resnet(width, width, { resample: "down" }))
      : new Untimed(new Downsample(sampler, width, { padding: config.downsample_padding }));
    return new DownBlock(name, parametersOf(stages, downsampler), stages, downsampler);
  });
}

/** Both stages at the last width; the first one attends. undefined where there is none. */
export function midBlock(config: UNetConfig): MidBlock | undefined {
  if (config.mid_block_type === null) return undefined;
  const width = config.block_out_channels.at(-1)!;
  const outputScaleFactor = config.mid_block_scale_factor;
  const options = resnetOf(config)(width, width, { outputScaleFactor });
  const groups = config.attn_norm_num_groups ?? (config.resnet_time_scale_shift === "default" ? normGroups(config, width) : null);
  const attention = config.add_attention ? { ...attentionOf(config), groups, outputScaleFactor } : undefined;
  const stages = [new Stage("mid_block", 0, options, attention), new Stage("mid_block", 1, options, undefined)];
  return new MidBlock("mid_block", parametersOf(stages), stages);
}

/**
 * One block for each level, from the lowest resolution up, with one stage more than on the way down. Stage j reads
 * (j = 0 ? the width of the block before : its own) + (last j ? the width of the level above : its own) channels.
 */
export function upBlocks(config: UNetConfig): Up[] {
  const { up_block_types: types, layers_per_block: layers } = config;
  const widths = [...config.block_out_channels].reverse();
  return widths.map((width, i) => {
    const name = `up_blocks.${i}`, type = types[i], skip = isSkip(type), last = i === widths.length - 1;
    const resnet = skip ? skipResnetOf(config) : resnetOf(config);
    const stages = Array.from({ length: layers + 1 }, (_, j) => {
      const before = j === 0 ? widths[Math.max(i - 1, 0)] : width;
      const beside = j === layers ? widths[Math.min(i + 1, widths.length - 1)] : width;
      const groups = skip ? { groups: skipUpGroups(type, before, beside) } : {};
      return new Stage(name, j, resnet(before + beside, width, groups), isAttn(type) && !skip ? attentionOf(config) : undefined);
    });
    if (skip) {
      return new SkipUpBlock(name, new UpBlock(name, parametersOf(stages), stages, undefined), {
        channels: width, image: config.out_channels, eps: config.norm_eps,
        attention: isAttn(type) ? new Attention(`${name}.attentions.0`, width, skipAttentionOf(config)) : undefined,
        up: last ? undefined : new ResBlock(`${name}.resnet_up`, resnet(width, width, { resample: "fir-up", shortcut: true })),
      });
    }
    const sampler = `${name}.upsamplers.0`;
    const byResNet = type === "ResnetUpsampleBlock2D" || (isAttn(type) && config.upsample_type === "resnet");
    const upsampler = last ? undefined
      : byResNet ? new ResBlock(sampler, resnet(width, width, { resample: "up" }))
      : new Untimed(new Upsample(sampler, width));
    return new UpBlock(name, parametersOf(stages, upsampler), stages, upsampler);
  });
}

/** A quarter of the channels, at most 32; in AttnSkipUpBlock2D diffusers quarters those of the skip alone, and weights are made for it. */
function skipUpGroups(type: string, before: number, beside: number): number {
  return type === "AttnSkipUpBlock2D" ? Math.min(before + Math.floor(beside / 4), 32) : groupsOf(before + beside);
}
