/** From a config to the blocks of the U-Net, with diffusers' names and channel rules. */
import type { AttentionOptions } from "../../layers/attention.js";
import { Downsample } from "../../layers/downsample.js";
import { ResBlock, type ResBlockOptions } from "../../layers/res-block.js";
import { Upsample } from "../../layers/upsample.js";
import type { Parameter } from "../../parameters/parameter.js";
import { DownBlock, MidBlock, UpBlock } from "./blocks.js";
import type { UNetConfig } from "./config.js";
import { Stage } from "./stage.js";
import { Untimed, type Resampler } from "./resampler.js";

/** Width of the time embedding. */
export function timeChannels({ time_embedding_dim, block_out_channels }: UNetConfig): number {
  return time_embedding_dim ?? 4 * block_out_channels[0];
}

/** Parameters in the order of diffusers' state dict: attentions, resnets, then the resampler. */
function parametersOf(stages: readonly Stage[], resampler?: Resampler): Parameter[] {
  return [
    ...stages.flatMap((stage) => stage.attention?.parameters ?? []), ...stages.flatMap((stage) => stage.resnet.parameters),
    ...(resampler?.parameters ?? []),
  ];
}

type ResNet = (inChannels: number, outChannels: number, more?: Partial<ResBlockOptions>) => ResBlockOptions;

const resnetOf = (config: UNetConfig): ResNet => (inChannels, outChannels, more = {}) => ({
  inChannels, outChannels, timeChannels: timeChannels(config), groups: config.norm_num_groups, eps: config.norm_eps,
  timeScaleShift: config.resnet_time_scale_shift, dropout: config.dropout, ...more,
});

const attentionOf = (config: UNetConfig): AttentionOptions => ({
  headDim: config.attention_head_dim, groups: config.norm_num_groups, eps: config.norm_eps, heads: config._num_heads,
});

/** One block for each level, from the full resolution down. Stage 0 changes the width from the level above. */
export function downBlocks(config: UNetConfig): DownBlock[] {
  const { block_out_channels: widths, down_block_types: types, layers_per_block: layers } = config;
  const resnet = resnetOf(config);
  return widths.map((width, i) => {
    const name = `down_blocks.${i}`;
    const attends = types[i] === "AttnDownBlock2D";
    const stages = Array.from({ length: layers }, (_, j) => {
      const inChannels = j === 0 ? widths[Math.max(i - 1, 0)] : width;
      return new Stage(name, j, resnet(inChannels, width), attends ? attentionOf(config) : undefined);
    });
    const sampler = `${name}.downsamplers.0`;
    const byResNet = attends && config.downsample_type === "resnet";
    const downsampler = i === widths.length - 1 ? undefined
      : byResNet ? new ResBlock(sampler, resnet(width, width, { resample: "down" }))
      : new Untimed(new Downsample(sampler, width, { padding: config.downsample_padding }));
    return new DownBlock(name, parametersOf(stages, downsampler), stages, downsampler);
  });
}

/** Both stages at the last width; the first one attends. */
export function midBlock(config: UNetConfig): MidBlock {
  const width = config.block_out_channels.at(-1)!;
  const outputScaleFactor = config.mid_block_scale_factor;
  const options = resnetOf(config)(width, width, { outputScaleFactor });
  const groups = config.attn_norm_num_groups ?? (config.resnet_time_scale_shift === "default" ? config.norm_num_groups : null);
  const attention = config.add_attention ? { ...attentionOf(config), groups, outputScaleFactor } : undefined;
  const stages = [new Stage("mid_block", 0, options, attention), new Stage("mid_block", 1, options, undefined)];
  return new MidBlock("mid_block", parametersOf(stages), stages);
}

/**
 * One block for each level, from the lowest resolution up, with one stage more than on the way down. Stage j reads
 * (j = 0 ? the width of the block before : its own) + (last j ? the width of the level above : its own) channels.
 */
export function upBlocks(config: UNetConfig): UpBlock[] {
  const { up_block_types: types, layers_per_block: layers } = config;
  const widths = [...config.block_out_channels].reverse();
  const resnet = resnetOf(config);
  return widths.map((width, i) => {
    const name = `up_blocks.${i}`;
    const attends = types[i] === "AttnUpBlock2D";
    const stages = Array.from({ length: layers + 1 }, (_, j) => {
      const before = j === 0 ? widths[Math.max(i - 1, 0)] : width;
      const skip = j === layers ? widths[Math.min(i + 1, widths.length - 1)] : width;
      return new Stage(name, j, resnet(before + skip, width), attends ? attentionOf(config) : undefined);
    });
    const sampler = `${name}.upsamplers.0`;
    const byResNet = attends && config.upsample_type === "resnet";
    const upsampler = i === widths.length - 1 ? undefined
      : byResNet ? new ResBlock(sampler, resnet(width, width, { resample: "up" }))
      : new Untimed(new Upsample(sampler, width));
    return new UpBlock(name, parametersOf(stages, upsampler), stages, upsampler);
  });
}
