/** The configuration of lucidrains' U-Net: the arguments of its constructor by their names, and the era. */
import { ConfigError } from "@fromnoise/tensor";
import { field, orNull, readFields, required, type Field } from "../../config/fields.js";
import { channelCount, MOST_LEVELS, multiple, side } from "../../config/limits.js";
import { flag, list, number, oneOf, pair, type Kind } from "../../config/kinds.js";
import { eraNames, type LucidrainsEra } from "./eras.js";

/** lucidrains' Unet in full: the arguments of its constructor, and the era of its source. */
export interface LucidrainsConfig {
  /** Which of the program's networks: see `eras`. */
  readonly era: LucidrainsEra;
  /** Channels of the first level; the time embedding has four times as many. */
  readonly dim: number;
  /** Channels of the first convolution; null is `dim`, the only one that runs before 2.0.12. */
  readonly init_dim: number | null;
  /** Channels of y; null is `channels`, twice as many with `learned_variance`. */
  readonly out_dim: number | null;
  /** Channels of each level over `dim`. */
  readonly dim_mults: readonly number[];
  /** Channels of the images. */
  readonly channels: number;
  /** Whether the network reads its own guess of x0, in front of x. */
  readonly self_condition: boolean;
  readonly learned_variance: boolean;
  /** Features of the time under learned frequencies in place of sinusoids. */
  readonly learned_sinusoidal_cond: boolean;
  /** Under random ones, which stay as drawn. */
  readonly random_fourier_features: boolean;
  /** Twice the number of those frequencies. */
  readonly learned_sinusoidal_dim: number;
  /** Longest period of the sinusoids over 2 pi. Since 1.8.9. */
  readonly sinusoidal_pos_emb_theta?: number;
  /** Rate of the values that a block's first half drops in training. Since 2.0.7. */
  readonly dropout?: number;
  /** Channels of a head of the attention, one number or one a level. Since 1.8.6. */
  readonly attn_dim_head?: number | readonly number[];
  /** Heads of the attention, likewise. */
  readonly attn_heads?: number | readonly number[];
  /** For each level whether its attention is full in place of linear; null: the innermost one's alone. Since 1.8.0. */
  readonly full_attn?: readonly boolean[] | null;
  /** Groups of the blocks' normalisation. Before 2.0. */
  readonly resnet_block_groups?: number;
  /** GaussianDiffusion's: side of the images, or [height, width]; null, the default: any that the levels can halve. */
  readonly image_size: number | readonly [height: number, width: number] | null;
}

/** A config; what has a default may be left out. */
export type LucidrainsOptions = (Pick<LucidrainsConfig, "era" | "dim"> & Partial<LucidrainsConfig>) | Readonly<Record<string, unknown>>;

/** What an era without a field does: the field's default. */
export const fixedSettings = {
  sinusoidal_pos_emb_theta: 10000, dropout: 0, attn_dim_head: 32, attn_heads: 4, full_attn: null, resnet_block_groups: 8,
};

const sides = pair(side);
const size: Kind<number | [number, number]> = {
  allowed: "a side, [height, width]", fits: (v): v is number | [number, number] => side.fits(v) || sides.fits(v),
};
const aLevel = list(channelCount, undefined, MOST_LEVELS);
const perLevel: Kind<number | readonly number[]> = {
  allowed: `${channelCount.allowed}, or a list of them`, fits: (v): v is number | readonly number[] => channelCount.fits(v) || aLevel.fits(v),
};
const even = (from: number): Kind<number> => ({
  allowed: `even numbers from ${from} to 65536`, fits: (v): v is number => channelCount.fits(v) && v >= from && v % 2 === 0,
});

const everywhere: Readonly<Record<string, Field>> = {
  era: required(oneOf(eraNames)),
  dim: required(even(4)),
  init_dim: field(orNull(channelCount), null),
  out_dim: field(orNull(channelCount), null),
  dim_mults: field(list(multiple, undefined, MOST_LEVELS), [1, 2, 4, 8]),
  channels: field(channelCount, 3),
  self_condition: field(flag, false),
  learned_variance: field(flag, false),
  learned_sinusoidal_cond: field(flag, false),
  random_fourier_features: field(flag, false),
  learned_sinusoidal_dim: field(even(2), 16),
  image_size: field(orNull(size), null),
};
const groups = { resnet_block_groups: field(channelCount, fixedSettings.resnet_block_groups) };
const since18 = {
  sinusoidal_pos_emb_theta: field(number({ above: 1 }), fixedSettings.sinusoidal_pos_emb_theta),
  attn_dim_head: field(perLevel, fixedSettings.attn_dim_head),
  attn_heads: field(perLevel, fixedSettings.attn_heads),
  full_attn: field(orNull(list(flag, undefined, MOST_LEVELS)), fixedSettings.full_attn),
};
const since20 = { dropout: field(number({ from: 0, below: 1 }), fixedSettings.dropout) };
const sometimes: Readonly<Record<string, Field>> = { ...groups, ...since18, ...since20 };

function fieldsOf(era: LucidrainsEra): Readonly<Record<string, Field>> {
  if (era === "2.0") return { ...everywhere, ...since18, ...since20 };
  return era === "1.8" || era === "1.9" ? { ...everywhere, ...groups, ...since18 } : { ...everywhere, ...groups };
}

/**
 * Checks a config and fills in the defaults of its era, whose fields alone it has. Throws ConfigError naming the field, its value and
 * what is allowed: for a field the era does not have, too, and for lists of another length than the levels.
 */
export function lucidrainsConfig(options: LucidrainsOptions): LucidrainsConfig {
  const given = options as Readonly<Record<string, unknown>>;
  const { era } = readFields("lucidrains config", { era: everywhere["era"] }, { era: given["era"] }) as { era: LucidrainsEra };
  const fields = fieldsOf(era);
  const refuse = (problem: string, allowed: string): ConfigError =>
    new ConfigError(`lucidrains config: ${problem}`, [`allowed  ${allowed}`]);
  const alien = Object.keys(given).find((name) => !Object.hasOwn(fields, name) && Object.hasOwn(sometimes, name));
  if (alien !== undefined) {
    throw refuse(`the network of era ${era} has no ${alien}`, eraNames.filter((name) => Object.hasOwn(fieldsOf(name), alien)).join(", "));
  }
  const config = readFields("lucidrains config", fields, given) as unknown as LucidrainsConfig;
  const { dim, init_dim: initDim, dim_mults: { length: levels } } = config;
  for (const name of ["full_attn", "attn_heads", "attn_dim_head"] as const) {
    const value = config[name];
    if (!Array.isArray(value) || value.length === levels) continue;
    throw refuse(`${name} ${JSON.stringify(value)} is not for ${levels} levels`, "as many values as dim_mults has");
  }
  if (era !== "2.0" && initDim !== null && initDim !== dim) {
    throw refuse(`init_dim ${initDim} with dim ${dim}: the last block of era ${era} reads 2 dim channels`, "null, or the dim");
  }
  return config;
}

/** Whether a config is of lucidrains' U-Net rather than of diffusers'. */
export function isLucidrainsConfig(config: Readonly<Record<string, unknown>>): boolean {
  return "dim" in config && !("block_out_channels" in config);
}
