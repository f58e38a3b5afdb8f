/** Every field of diffusers' UNet2DModel: its default, and the values implemented here. */
import { count, countOrNull, counts, flag, integer, listOf, nullOr, oneOf, only, type Field } from "../fields.js";

const blocks = (value: unknown, ...names: readonly string[]): Field => ({
  value, allowed: `lists of ${names.join(", ")}; other blocks are not implemented`,
  valid: listOf((v) => names.includes(v as string)),
});

export const fields: Readonly<Record<string, Field>> = {
  sample_size: {
    value: null, allowed: "a side, [height, width], or null",
    valid: nullOr((v) => integer(1)(v) || (listOf(integer(1))(v) && (v as unknown[]).length === 2)),
  },
  in_channels: count(3),
  out_channels: count(3),
  center_input_sample: only(false),
  time_embedding_type: only("positional"),
  time_embedding_dim: countOrNull(null),
  freq_shift: oneOf(0, 0, 1),
  flip_sin_to_cos: flag(true),
  down_block_types: blocks(
    ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"], "DownBlock2D", "AttnDownBlock2D",
  ),
  mid_block_type: only("UNetMidBlock2D"),
  up_block_types: blocks(["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"], "UpBlock2D", "AttnUpBlock2D"),
  block_out_channels: counts([224, 448, 672, 896]),
  layers_per_block: count(2),
  mid_block_scale_factor: { value: 1, allowed: "numbers above 0", valid: (v) => typeof v === "number" && v > 0 && v < Infinity },
  downsample_padding: oneOf(1, 0, 1),
  downsample_type: oneOf("conv", "conv", "resnet"),
  upsample_type: oneOf("conv", "conv", "resnet"),
  dropout: { value: 0, allowed: "rates from 0 to below 1", valid: (v) => typeof v === "number" && v >= 0 && v < 1 },
  act_fn: only("silu", "swish"),
  attention_head_dim: countOrNull(8),
  norm_num_groups: count(32),
  attn_norm_num_groups: countOrNull(null),
  norm_eps: { value: 1e-5, allowed: "numbers above 0", valid: (v) => typeof v === "number" && v > 0 && v < Infinity },
  resnet_time_scale_shift: oneOf("default", "default", "scale_shift"),
  add_attention: flag(true),
  class_embed_type: only(null),
  num_class_embeds: countOrNull(null),
  num_train_timesteps: only(null),
};
