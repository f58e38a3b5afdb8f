/**
 * The configuration of the U-Net: the fields of diffusers' UNet2DModel, so that a published config.json builds the published
 * network. A field that is missing has diffusers' default, but for `attention_head_dim` (see there). Fields whose name starts
 * with `_` (`_class_name`, `_diffusers_version`) are accepted and, but for `_null_class`, `_num_heads` and `_patch_size`, left alone; any other
 * unknown field, and any value that is not implemented, is a ConfigError that names it.
 */
import { ConfigError } from "@fromnoise/tensor";
import { readFields } from "../../config/fields.js";
import { channelCount, patchSide, rowCount } from "../../config/limits.js";
import { checkValue, flag } from "../../config/kinds.js";
import type { ActivationName } from "../../layers/activation.js";
import { fields, type DOWN_BLOCKS, type UP_BLOCKS } from "./config-fields.js";

/** A block on the way down, by diffusers' name. */
export type DownBlockType = (typeof DOWN_BLOCKS)[number];
/** A block on the way up, by diffusers' name. */
export type UpBlockType = (typeof UP_BLOCKS)[number];

/** A U-Net in full: the fields of diffusers' UNet2DModel, and ours, which start with `_`. */
export interface UNetConfig {
  /** Side of the images, or [height, width]; the network itself takes every size, see `UNet`. */
  readonly sample_size: number | readonly [height: number, width: number] | null;
  readonly in_channels: number;
  readonly out_channels: number;
  /** Whether the network reads 2 x - 1 in place of x. */
  readonly center_input_sample: boolean;
  /** How it is told the time: by sinusoids, by rows of a table of num_train_timesteps, or by sinusoids of its logarithm: see `Embedding`. */
  readonly time_embedding_type: "positional" | "learned" | "fourier";
  /** Width of the time embedding; null is 4 block_out_channels[0]. */
  readonly time_embedding_dim: number | null;
  /** 1 in the paper, 0 in diffusers' default, any number below half the width: see `timestepEmbedding`. */
  readonly freq_shift: number;
  /** False in the paper (sines first), true in diffusers' default. */
  readonly flip_sin_to_cos: boolean;
  /**
   * One for each level, from the full resolution down. Attn blocks put self-attention after every ResBlock, Resnet blocks change the
   * sides by a ResBlock, Skip blocks too, and hand the image along (skip-blocks.ts).
   */
  readonly down_block_types: readonly DownBlockType[];
  /** One for each level, from the lowest resolution up. */
  readonly up_block_types: readonly UpBlockType[];
  /** Channels of each level. */
  readonly block_out_channels: readonly number[];
  /** ResBlocks of a down block; an up block has one more. */
  readonly layers_per_block: number;
  /** Whether there is a mid block. */
  readonly mid_block_type: "UNetMidBlock2D" | null;
  /** ResBlocks and attention of the mid block divide their output by it. */
  readonly mid_block_scale_factor: number;
  /** 1 pads the strided convolution on all sides, 0 at the right and bottom only (the paper). */
  readonly downsample_padding: 0 | 1;
  /** How Attn blocks change the resolution: by a convolution or by a ResBlock. DownBlock2D always convolves. */
  readonly downsample_type: "conv" | "resnet";
  readonly upsample_type: "conv" | "resnet";
  readonly dropout: number;
  /** Of the ResBlocks; the time's MLP and the network's last activation are SiLU whatever it is. */
  readonly act_fn: ActivationName;
  /**
   * Channels of an attention head; null is one head of all channels, as in the paper. Where a config.json has no such field the
   * checkpoint decides: today's diffusers would take 8, but the configs of the google/ddpm-* networks, written before there was a
   * choice, mean one head. Those are known by the paper's conventions (flip_sin_to_cos false, freq_shift 1, downsample_padding 0)
   * and get null; every other config gets 8.
   */
  readonly attention_head_dim: number | null;
  /** Groups of the normalisations; null is a quarter of the channels, at most 32, as Skip blocks have them anyway. */
  readonly norm_num_groups: number | null;
  /** Groups of the mid block's attention; null is norm_num_groups, or no normalisation there with scale_shift. */
  readonly attn_norm_num_groups: number | null;
  readonly norm_eps: number;
  /** How the time enters a ResBlock: "default" adds it before norm2. */
  readonly resnet_time_scale_shift: "default" | "scale_shift";
  /** Whether the mid block has self-attention. */
  readonly add_attention: boolean;
  /** The condition beside the time: a number told as the time is, a vector, or with null a class where num_class_embeds is given. */
  readonly class_embed_type: "timestep" | "identity" | null;
  /** Rows of the class embedding of a class-conditional network, else null: its classes, and one more with `_null_class`. */
  readonly num_class_embeds: number | null;
  /** Rows of the table of times, with the time_embedding_type "learned". */
  readonly num_train_timesteps: number | null;
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
  /**
   * Side of the patches that the levels see as one place of so many more channels: a field of ours, for diffusers has no such networks.
   * Not with Skip blocks, which add images to features. It is there only from 2.
   */
  readonly _patch_size?: number;
}

/** Side of the patches, 1 where places are pixels. */
export function patchOf({ _patch_size: patch = 1 }: UNetConfig): number {
  return patch;
}

/** Width of the time embedding. */
export function timeChannels({ time_embedding_dim: width, block_out_channels: channels }: UNetConfig): number {
  return width ?? 4 * channels[0];
}

/** Groups of a normalisation outside of Skip blocks. */
export function normGroups({ norm_num_groups: groups }: UNetConfig, channels: number): number {
  return groups ?? groupsOf(channels);
}

/** Groups in Skip blocks: a quarter of the channels, at most 32. */
export function groupsOf(channels: number): number {
  return Math.max(1, Math.min(Math.floor(channels / 4), 32));
}

/** Whether a block hands the image along, and whether it attends. */
export const isSkip = (type: string): boolean => type.includes("Skip");
export const isAttn = (type: string): boolean => type.startsWith("Attn");

/** Any part of a config; the rest takes defaults. */
export type UNetOptions = Partial<UNetConfig> | Readonly<Record<string, unknown>>;

/**
 * Checks a config, such as a parsed config.json, and fills in the defaults.
 * Throws ConfigError naming the field, its value and what is allowed.
 */
export function unetConfig(options: UNetOptions): UNetConfig {
  const given = withCurrentNames(options as Readonly<Record<string, unknown>>);
  const config = readFields("U-Net config", fields, given);
  const paper = config["flip_sin_to_cos"] === false && config["freq_shift"] === 1 && config["downsample_padding"] === 0;
  if (given["attention_head_dim"] === undefined && paper) config["attention_head_dim"] = null;
  if (hasNullClass(given["_null_class"], config["num_class_embeds"])) config["_null_class"] = true;
  if (given["_num_heads"] !== undefined) {
    checkValue(channelCount, "U-Net config: _num_heads", given["_num_heads"]);
    config["_num_heads"] = given["_num_heads"];
  }
  if (given["_patch_size"] !== undefined) {
    checkValue(patchSide, "U-Net config: _patch_size", given["_patch_size"]);
    if (given["_patch_size"] !== 1) config["_patch_size"] = given["_patch_size"];
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

/** Blocks once had the prefix UNetRes, which diffusers still passes over; "swish" is SiLU. */
function withCurrentNames(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const current = { ...given };
  for (const name of ["down_block_types", "up_block_types"]) {
    const types = given[name];
    if (Array.isArray(types)) current[name] = types.map((type: unknown) => (typeof type === "string" ? type.replace(/^UNetRes/, "") : type));
  }
  if (given["act_fn"] === "swish") current["act_fn"] = "silu";
  return current;
}

/** What no field can say alone: equal lengths, channels that groups and heads divide, and what goes with some blocks. */
function checkTogether(config: UNetConfig): void {
  const { block_out_channels: channels, down_block_types: downs, up_block_types: ups } = config;
  for (const name of ["down_block_types", "up_block_types"] as const) {
    if (config[name].length !== channels.length) {
      throw new ConfigError(`U-Net config: ${name} has ${config[name].length} entries, block_out_channels ${channels.length}`, [
        `${name} ${JSON.stringify(config[name])}`, `block_out_channels ${JSON.stringify(channels)}`,
      ]);
    }
    if (config[name].some(isSkip) !== config[name].every(isSkip)) {
      throw new ConfigError(`U-Net config: ${name}: only some of the blocks hand the image along`, [
        `got      ${config[name].join(", ")}`, "allowed  Skip blocks at all levels, or at none",
      ]);
    }
  }
  if (patchOf(config) > 1 && [...downs, ...ups].some(isSkip)) {
    throw new ConfigError(`U-Net config: _patch_size ${patchOf(config)} with Skip blocks`, ["allowed  1 with blocks that hand the image along"]);
  }
  checkGroups(config);
  const levels = channels.length - 1;
  const plain = (type: string): boolean => !isSkip(type);
  if (config.norm_num_groups === null && (downs.some(plain) || ups.some(plain))) {
    throw new ConfigError("U-Net config: norm_num_groups: null is not allowed", [`allowed  ${channelCount.allowed}; null with Skip blocks at all levels`]);
  }
  // diffusers' Skip blocks are written for three channels.
  if (levels > 0 && downs.some(isSkip)) checkEqual("in_channels", config.in_channels, 3, "SkipDownBlock2D");
  if (levels > 0 && ups.some(isSkip)) checkEqual("out_channels", config.out_channels, 3, "SkipUpBlock2D");
  if (config.time_embedding_type === "learned" && config.num_train_timesteps === null) {
    throw new ConfigError("U-Net config: num_train_timesteps: null is not allowed", [`allowed  ${rowCount.allowed} with time_embedding_type "learned"`]);
  }
  if (config.time_embedding_type !== "positional" || Math.floor(channels[0] / 2) > config.freq_shift) return;
  throw new ConfigError(`U-Net config: block_out_channels[0] is ${channels[0]}, too few for freq_shift ${config.freq_shift}`, [
    `allowed  from ${2 * Math.floor(config.freq_shift) + 2}`,
  ]);
}

/** Skip blocks choose their groups themselves, but for those of attention, which are 32 there. */
function checkGroups(config: UNetConfig): void {
  const { block_out_channels: channels, norm_num_groups: groups, attention_head_dim: headDim } = config;
  const levels = channels.length - 1;
  const mid = config.mid_block_type !== null;
  channels.forEach((c, i) => {
    const field = `block_out_channels[${i}]`;
    const types = [config.down_block_types[i], config.up_block_types[levels - i]];
    const used = types.some((type) => !isSkip(type)) || i === 0 || (i === levels && mid);
    if (groups !== null && used) checkDivisible(field, c, "norm_num_groups", groups);
    if (types.some((type) => isSkip(type) && isAttn(type)) && c % 32 !== 0) {
      throw new ConfigError(`U-Net config: ${field} is ${c}, too few for attention in Skip blocks`, ["allowed  multiples of 32, the groups it has there"]);
    }
    if (!types.some(isAttn) && !(i === levels && mid && config.add_attention)) return;
    if (config._num_heads !== undefined) checkDivisible(field, c, "_num_heads", config._num_heads);
    else if (headDim !== null) checkDivisible(field, c, "attention_head_dim", headDim);
  });
  if (config.attn_norm_num_groups !== null) {
    checkDivisible(`block_out_channels[${levels}]`, channels[levels], "attn_norm_num_groups", config.attn_norm_num_groups);
  }
}

function checkEqual(field: string, value: number, only: number, block: string): void {
  if (value === only) return;
  throw new ConfigError(`U-Net config: ${field}: ${value} is not allowed`, [`allowed  ${only} with ${block}`]);
}

function checkDivisible(field: string, channels: number, divisor: string, by: number): void {
  if (channels % by === 0) return;
  const divisors = Array.from({ length: channels }, (_, i) => i + 1).filter((d) => channels % d === 0);
  throw new ConfigError(`U-Net config: ${field} is ${channels}, which ${divisor} ${by} does not divide`, [
    `allowed  channels that are multiples of ${by}, or ${divisor} among ${divisors.join(", ")}`,
  ]);
}
