/** The configuration of the multilayer perceptron. */
import { ConfigError } from "@fromnoise/tensor";
import { activations, type ActivationName } from "../../layers/activation.js";
import { field, orNull, readFields, required, type Field } from "../../config/fields.js";
import { channelCount, MOST_LAYERS, rowCount } from "../../config/limits.js";
import { flag, integer, list, oneOf } from "../../config/kinds.js";

/** An MLP in full: values of a sample, hidden layers, how it is told the time, classes. */
export interface MlpConfig {
  /** Numbers of a point. */
  readonly size: number;
  /** Widths of the hidden layers. */
  readonly hidden: readonly number[];
  /** Width of the sinusoidal embedding of the time; default 32. */
  readonly time: number;
  /** Number of classes of a class-conditional network, else null, the default. */
  readonly classes: number | null;
  /** Whether there is one more label, the number `classes`, for "no class"; default false. */
  readonly nullClass: boolean;
  /** Default "silu". */
  readonly activation: ActivationName;
  /** Numbers of y; null, the default, is `size`. */
  readonly outputs: number | null;
}

/** A config; what has a default may be left out. */
export type MlpOptions = (Pick<MlpConfig, "size" | "hidden"> & Partial<MlpConfig>) | Readonly<Record<string, unknown>>;

const names = Object.keys(activations);
const fields: Readonly<Record<keyof MlpConfig, Field>> = {
  size: required(channelCount),
  hidden: required(list(channelCount, undefined, MOST_LAYERS)),
  time: field(integer({ from: 2, to: 65536 }), 32),
  classes: field(orNull(rowCount), null),
  nullClass: field(flag, false),
  activation: field(oneOf(names), "silu"),
  outputs: field(orNull(channelCount), null),
};

/** Checks a config and fills in the defaults. Throws ConfigError naming the field, its value and what is allowed. */
export function mlpConfig(options: MlpOptions): MlpConfig {
  const config = readFields("MLP config", fields, options as Readonly<Record<string, unknown>>) as unknown as MlpConfig;
  if (!config.nullClass || config.classes !== null) return config;
  throw new ConfigError("MLP config: nullClass is for networks with classes", ["allowed  nullClass false, or a number of classes"]);
}
