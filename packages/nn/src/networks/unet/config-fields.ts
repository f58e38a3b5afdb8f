/** Every field of diffusers' UNet2DModel: the values implemented here, and its default. */
import { field, orNull, type Field } from "../../config/fields.js";
import { channelCount, layerCount, MOST_LEVELS, rowCount, side } from "../../config/limits.js";
import { flag, list, number, oneOf, pair, type Kind } from "../../config/kinds.js";

/** A list of blocks of these names. */
const blocks = (...names: readonly string[]): Kind<readonly string[]> => {
  const kind = list(oneOf(names), undefined, MOST_LEVELS);
  return { ...kind, allowed: `${kind.allowed}; other blocks are not implemented` };
};
const sides = pair(side);
const size: Kind<number | [number, number]> = {
  allowed: "a side, [height, width]", fits: (v): v is number | [number, number] => side.fits(v) || sides.fits(v),
};
const positive = number({ above: 0 });

/** diffusers' names of activations and ours. */
export const ACTIVATIONS = ["silu", "swish", "mish", "gelu", "relu"] as const;
export const DOWN_BLOCKS = ["DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D", "SkipDownBlock2D", "AttnSkipDownBlock2D"] as const;
export const UP_BLOCKS = ["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D", "SkipUpBlock2D", "AttnSkipUpBlock2D"] as const;

export const fields: Readonly<Record<string, Field>> = {
  sample_size: field(orNull(size), null),
  in_channels: field(channelCount, 3),
  out_channels: field(channelCount, 3),
  center_input_sample: field(flag, false),
  time_embedding_type: field(oneOf(["positional", "learned", "fourier"]), "positional"),
  time_embedding_dim: field(orNull(channelCount), null),
  freq_shift: field(number(), 0),
  flip_sin_to_cos: field(flag, true),
  down_block_types: field(
    blocks(...DOWN_BLOCKS), ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
  ),
  mid_block_type: field(orNull(oneOf(["UNetMidBlock2D"])), "UNetMidBlock2D"),
  up_block_types: field(blocks(...UP_BLOCKS), ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"]),
  block_out_channels: field(list(channelCount, undefined, MOST_LEVELS), [224, 448, 672, 896]),
  layers_per_block: field(layerCount, 2),
  mid_block_scale_factor: field(positive, 1),
  downsample_padding: field(oneOf([0, 1]), 1),
  downsample_type: field(oneOf(["conv", "resnet"]), "conv"),
  upsample_type: field(oneOf(["conv", "resnet"]), "conv"),
  dropout: field(number({ from: 0, below: 1 }), 0),
  act_fn: field(oneOf(ACTIVATIONS), "silu"),
  attention_head_dim: field(orNull(channelCount), 8),
  norm_num_groups: field(orNull(channelCount), 32),
  attn_norm_num_groups: field(orNull(channelCount), null),
  norm_eps: field(positive, 1e-5),
  resnet_time_scale_shift: field(oneOf(["default", "scale_shift"]), "default"),
  add_attention: field(flag, true),
  class_embed_type: field(orNull(oneOf(["timestep", "identity"])), null),
  num_class_embeds: field(orNull(rowCount), null),
  num_train_timesteps: field(orNull(rowCount), null),
};
