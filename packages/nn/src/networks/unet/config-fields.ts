/** Every field of diffusers' UNet2DModel: its default, and the values implemented here. */

interface Field {
  /** diffusers' default. */
  readonly value: unknown;
  /** The valid values, for people. */
  readonly allowed: string;
  readonly valid: (v: unknown) => boolean;
  /** False for fields of which only the default is implemented: they are checked and left out of the config. */
  readonly kept?: boolean;
}

const integer = (from: number) => (v: unknown): boolean => Number.isInteger(v) && (v as number) >= from;
const nullOr = (valid: (v: unknown) => boolean) => (v: unknown): boolean => v === null || valid(v);
const listOf = (valid: (v: unknown) => boolean) => (v: unknown): boolean => Array.isArray(v) && v.length > 0 && v.every(valid);

const count = (value: unknown): Field => ({ value, allowed: "integers from 1", valid: integer(1) });
const countOrNull = (value: unknown): Field => ({ value, allowed: "integers from 1, or null", valid: nullOr(integer(1)) });
const flag = (value: boolean): Field => ({ value, allowed: "true, false", valid: (v) => typeof v === "boolean" });
const oneOf = (value: unknown, ...values: readonly unknown[]): Field => ({
  value, allowed: values.map((v) => JSON.stringify(v)).join(", "), valid: (v) => values.includes(v),
});
const blocks = (value: unknown, ...names: readonly string[]): Field => ({
  value, allowed: `lists of ${names.join(", ")}; other blocks are not implemented`,
  valid: listOf((v) => names.includes(v as string)),
});
/** Implemented for these values only, all of which mean the same. */
const only = (...values: readonly unknown[]): Field => ({
  value: values[0], allowed: `${values.map((v) => JSON.stringify(v)).join(", ")}; nothing else is implemented`,
  valid: (v) => values.includes(v), kept: false,
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
  block_out_channels: { value: [224, 448, 672, 896], allowed: "lists of integers from 1", valid: listOf(integer(1)) },
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
