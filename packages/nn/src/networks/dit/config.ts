/** The configuration of the DiT. */
import { ConfigError } from "@fromnoise/tensor";
import { field, orNull, readFields, required, type Field } from "../../config/fields.js";
import { channelCount, depthCount, MOST_PATCHES, multiple, rowCount, side } from "../../config/limits.js";
import { flag, pair, type Kind } from "../../config/kinds.js";

/** A DiT in full: images, patches, width, depth, heads, classes. */
export interface DitConfig {
  /** Side of the images, or [height, width]; the places of the patches are embedded for this size. */
  readonly sample_size: number | readonly [height: number, width: number];
  /** Channels of the images. */
  readonly channels: number;
  /** Side of a patch; divides those of the images. */
  readonly patch: number;
  /** Channels of a token; a multiple of 4 and of the heads. */
  readonly width: number;
  /** Number of blocks. */
  readonly depth: number;
  /** Heads of the attention. */
  readonly heads: number;
  /** Width of a block's hidden layer over that of a token. */
  readonly mlpRatio: number;
  /** Number of classes of a class-conditional network, else null. */
  readonly classes: number | null;
  /** Whether there is one more label, the number `classes`, for "no class". */
  readonly nullClass: boolean;
  /** Channels of y; null is `channels`. */
  readonly outputs: number | null;
}

/** A config; what has a default may be left out. */
export type DitOptions = (Pick<DitConfig, "sample_size" | "channels"> & Partial<DitConfig>) | Readonly<Record<string, unknown>>;

const sides = pair(side);
const size: Kind<number | [number, number]> = {
  allowed: "a side, or [height, width]", fits: (v): v is number | [number, number] => side.fits(v) || sides.fits(v),
};
const fields: Readonly<Record<keyof DitConfig, Field>> = {
  sample_size: required(size),
  channels: required(channelCount),
  patch: field(side, 2),
  width: field(channelCount, 64),
  depth: field(depthCount, 4),
  heads: field(channelCount, 4),
  mlpRatio: field(multiple, 4),
  classes: field(orNull(rowCount), null),
  nullClass: field(flag, false),
  outputs: field(orNull(channelCount), null),
};

/** Checks a config and fills in the defaults. Throws ConfigError naming the field, its value and what is allowed. */
export function ditConfig(options: DitOptions): DitConfig {
  const config = readFields("DiT config", fields, options as Readonly<Record<string, unknown>>) as unknown as DitConfig;
  const { sample_size: sample, patch, width, heads, classes, nullClass } = config;
  const refuse = (problem: string, allowed: string): ConfigError =>
    new ConfigError(`DiT config: ${problem}`, [`allowed  ${allowed}`]);
  if ([sample].flat().some((side) => side % patch !== 0)) {
    const problem = `patch ${patch} does not divide sample_size ${JSON.stringify(sample)}`;
    throw refuse(problem, "a side of patches that divides those of the images");
  }
  const [down, across] = sidesOf(config).map((length) => length / patch);
  if (down * across > MOST_PATCHES) throw refuse(`${down} x ${across} patches are too many`, `at most ${MOST_PATCHES} patches of side patch in an image`);
  if (width % heads !== 0) throw refuse(`heads ${heads} do not divide width ${width}`, "heads that divide the width");
  if (width % 4 !== 0) throw refuse(`width ${width} cannot hold the places of the patches`, "multiples of 4");
  if (!nullClass || classes !== null) return config;
  throw refuse("nullClass is for networks with classes", "nullClass false, or a number of classes");
}

/** [height, width] of the images. */
export function sidesOf({ sample_size: size }: DitConfig): readonly [height: number, width: number] {
  return typeof size === "number" ? [size, size] : size;
}
