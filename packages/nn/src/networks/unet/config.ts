/**
 * The configuration of the U-Net: the fields of diffusers' UNet2DModel, so that a published config.json builds the published
 * network. A field that is missing has diffusers' default, but for `attention_head_dim` (see there). Fields whose name starts
 * with `_` (`_class_name`, `_diffusers_version`) are accepted and, but for `_null_class` and `_num_heads`, left alone; any other unknown field, and
 * any value that is not implemented, is a ConfigError that names it.
 */
import { ConfigError } from "@fromnoise/tensor";
import { count, readFields } from "../../config/fields.js";
import { checkValue, flag } from "../../config/kinds.js";
import { fields } from "./config-fields.js";

export type DownBlockType = "DownBlock2D" | "AttnDownBlock2D";
export type UpBlockType = "UpBlock2D" | "AttnUpBlock2D";

export interface UNetConfig {
  /** Side of the images, or [height, width]; the network itself takes every size, see `UNet`. */
  readonly sample_size: number | readonly [height: number, width: number] | null;
  readonly in_channels: number;
  readonly out_channels: number;
  /** Width of the time embedding; null is 4 block_out_channels[0]. */
  readonly time_embedding_dim: number | null;
  /** 1 in the paper, 0 in diffusers' default: see `timestepEmbedding`. */
  readonly freq_shift: number;
  /** False in the paper (sines first), true in diffusers' default. */
  readonly flip_sin_to_cos: boolean;
  /** One for each level, from the full resolution down. Attn blocks put self-attention after every ResBlock. */
  readonly down_block_types: readonly DownBlockType[];
  /** One for each level, from the lowest resolution up. */
  readonly up_block_types: readonly UpBlockType[];
  /** Channels of each level. */
  readonly block_out_channels: readonly number[];
  /** ResBlocks of a down block; an up block has one more. */
  readonly layers_per_block: number;
  /** ResBlocks and attention of the mid block divide their output by it. */
  readonly mid_block_scale_factor: number;
  /** 1 pads the strided convolution on all sides, 0 at the right and bottom only (the paper). */
  readonly downsample_padding: 0 | 1;
  /** How Attn blocks change the resolution: by a convolution or by a ResBlock. DownBlock2D always convolves. */
  readonly downsample_type: "conv" | "resnet";
  readonly upsample_type: "conv" | "resnet";
  readonly dropout: number;
  /**
   * Channels of an attention head; null is one head of all channels, as in the paper. Where a config.json has no such field the
   * checkpoint decides: today's diffusers would take 8, but the configs of the google/ddpm-* networks, written before there was a
   * choice, mean one head. Those are known by the paper's conventions (flip_sin_to_cos false, freq_shift 1, downsample_padding 0)
   * and get null; every other config gets 8.
   */
  readonly attention_head_dim: number | null;
  readonly norm_num_groups: number;
  /** Groups of the mid block's attention; null is norm_num_groups, or no normalisation there with scale_shift. */
  readonly attn_norm_num_groups: number | null;
  readonly norm_eps: number;
  /** How the time enters a ResBlock: "default" adds it before norm2. */
  readonly resnet_time_scale_shift: "default" | "scale_shift";
  /** Whether the mid block has self-attention. */
  readonly add_attention: boolean;
  /** Rows of the class embedding of a class-conditional network, else null: its classes, and one more with `_null_class`. */
  readonly num_class_embeds: number | null;
  /**
   * Whether the last row of the class embedding stands for "no class": a field of ours. Its name starts with `_`, so that diffusers
   * passes over it; it is there only where it is true.
   */
  readonly _null_class?: true;
  /**
   * Heads of every attention whatever its channels, in place of attention_head_dim (improved-diffusion's num_heads): a field of ours, for
   * diffusers has no such networks unless all attentions have equally many channels.
   */
  readonly _num_heads?: number;
}

/** Any part of a config; the rest takes defaults. */
export type UNetOptions = Partial<UNetConfig> | Readonly<Record<string, unknown>>;

/**
 * Checks a config, such as a parsed config.json, and fills in the defaults.
 * Throws ConfigError naming the field, its value and what is allowed.
 */
export function unetConfig(options: UNetOptions): UNetConfig {
  const given = options as Readonly<Record<string, unknown>>;
  const config = readFields("U-Net config", fields, given);
  const paper = config["flip_sin_to_cos"] === false && config["freq_shift"] === 1 && config["downsample_padding"] === 0;
  if (given["attention_head_dim"] === undefined && paper) config["attention_head_dim"] = null;
  if (hasNullClass(given["_null_class"], config["num_class_embeds"])) config["_null_class"] = true;
  if (given["_num_heads"] !== undefined) {
    checkValue(count, "U-Net config: _num_heads", given["_num_heads"]);
    config["_num_heads"] = given["_num_heads"];
  }
  checkTogether(config as unknown as UNetConfig);
  return config as unknown as UNetConfig;
}

/** Throws ConfigError for a null class beside which there is no other. */
function hasNullClass(given: unknown, rows: unknown): boolean {
  if (given === undefined) return false;
  checkValue(flag, "U-Net config: _null_class", given);
  if (!given || Number(rows) > 1) return given;
  throw new ConfigError(`U-Net config: _null_class with num_class_embeds ${String(rows)}`, [
    "allowed  num_class_embeds from 2, one row of them for no class",
  ]);
}

/** What no field can say alone: equal lengths, and channels that groups and heads divide. */
function checkTogether(config: UNetConfig): void {
  const { block_out_channels: channels, norm_num_groups: groups, attention_head_dim: headDim } = config;
  for (const name of ["down_block_types", "up_block_types"] as const) {
    if (config[name].length === channels.length) continue;
    throw new ConfigError(`U-Net config: ${name} has ${config[name].length} entries, block_out_channels ${channels.length}`, [
      `${name} ${JSON.stringify(config[name])}`, `block_out_channels ${JSON.stringify(channels)}`,
    ]);
  }
  const levels = channels.length - 1;
  const attends = (i: number): boolean => (i === levels && config.add_attention)
    || config.down_block_types[i] === "AttnDownBlock2D" || config.up_block_types[levels - i] === "AttnUpBlock2D";
  channels.forEach((c, i) => {
    const field = `block_out_channels[${i}]`;
    checkDivisible(field, c, "norm_num_groups", groups);
    if (!attends(i)) return;
    if (config._num_heads !== undefined) checkDivisible(field, c, "_num_heads", config._num_heads);
    else if (headDim !== null) checkDivisible(field, c, "attention_head_dim", headDim);
  });
  if (config.attn_norm_num_groups !== null) {
    checkDivisible(`block_out_channels[${levels}]`, channels[levels], "attn_norm_num_groups", config.attn_norm_num_groups);
  }
  if (Math.floor(channels[0] / 2) > config.freq_shift) return;
  throw new ConfigError(`U-Net config: block_out_channels[0] is ${channels[0]}, too few for freq_shift ${config.freq_shift}`, [
    `allowed  from ${2 * config.freq_shift + 2}`,
  ]);
}

function checkDivisible(field: string, channels: number, divisor: string, by: number): void {
  if (channels % by === 0) return;
  const divisors = Array.from({ length: channels }, (_, i) => i + 1).filter((d) => channels % d === 0);
  throw new ConfigError(`U-Net config: ${field} is ${channels}, which ${divisor} ${by} does not divide`, [
    `allowed  channels that are multiples of ${by}, or ${divisor} among ${divisors.join(", ")}`,
  ]);
}
