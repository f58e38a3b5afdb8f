/** The configuration of a feature network. */
import { channelCount, side } from "@fromnoise/nn";
import { checkValue, integer, isObject, list, oneOf, type Kind } from "@fromnoise/nn/kinds";
import { checkFields, field, type Fields } from "../../config/fields.js";

/** What a network answers: for each question the number of answers to choose from. */
export type Heads = Readonly<Record<string, number>>;

/** A feature network: images of size x size x channels, widths of its levels, features, and what it answers. */
export interface FeatureConfig {
  /** Side of the square images it sees; others are resampled to it. */
  readonly size: number;
  readonly channels: 1 | 3;
  /** Channels of the convolutions: the first keeps the sides, each further one halves them. */
  readonly widths: readonly number[];
  /** Number of features. */
  readonly features: number;
  readonly heads: Heads;
  /** Side of images of the same kind with a black border, which is cut off; 0 none. The digits have 28 pixels, or 32 with border. */
  readonly bordered: number;
}

const answerCount = integer({ from: 2, to: 65536 });
const headsKind: Kind<Heads> = {
  allowed: `an object of up to 64 names, each with its number of answers, ${answerCount.allowed}`,
  fits: (v): v is Heads => isObject(v) && Object.keys(v).length > 0 && Object.keys(v).length <= 64
    && Object.entries(v).every(([name, count]) => /^[A-Za-z]\w{0,30}$/.test(name) && answerCount.fits(count)),
};

const fields: Fields<Omit<FeatureConfig, "heads">> = {
  size: field(side, 28, "side of the images"),
  channels: field(oneOf([1, 3]), 1, "1 gray, 3 RGB"),
  widths: field(list(channelCount, undefined, 12), [16, 32, 48, 64], "channels of the convolutions"),
  features: field(channelCount, 64, "number of features"),
  bordered: field(integer({ to: 65536 }), 0, "side with a border"),
};

/** A config; what has a default may be left out, all but the heads. */
export type FeatureOptions = (Partial<FeatureConfig> & Pick<FeatureConfig, "heads">) | Readonly<Record<string, unknown>>;

/** Checks a config and fills in the defaults. Throws ConfigError naming the field, its value and what is allowed. */
export function featureConfig(options: FeatureOptions): FeatureConfig {
  const { heads, ...others } = options;
  checkValue(headsKind, "features: heads", heads);
  return { ...checkFields(fields, others, "features"), heads };
}
