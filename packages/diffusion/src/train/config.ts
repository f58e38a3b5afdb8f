/** Everything that determines a training run, as plain JSON: what `config.json` of a run directory and every checkpoint hold. */
import { ConfigError, parseDevice } from "@fromnoise/tensor";
import { constantLr, cosineLr, unetConfig, warmupLr, type InitScheme, type LrSchedule, type UNetOptions } from "@fromnoise/nn";
import { renamedFields } from "../config/renamed.js";
import { LOSS_WEIGHTINGS, PREDICTIONS, type LossWeighting, type Prediction } from "../predictions.js";
import { makeSchedule, SCHEDULE_NAMES, type ScheduleName, type VarianceKind } from "../schedules.js";

export interface TrainConfig {
  /** digits, faces, pixel-faces, a folder of images, or a tile sheet FILE.png:TILE. */
  data: string;
  /** Mirrors half of the images; digits have no mirror images, faces do. */
  flip: boolean;
  /** The network, in the fields of diffusers' UNet2DModel; image size and channels are its sample_size and in_channels. */
  model: UNetOptions;
  /** Initial weights: PyTorch's defaults, or the paper's (variance scaling, last layers near zero). */
  init: InitScheme;
  schedule: { name: ScheduleName; timesteps: number; betaStart: number; betaEnd: number };
  prediction: Prediction;
  weighting: LossWeighting;
  /** Optimiser steps in all. */
  steps: number;
  /** Images per micro-batch; an optimiser step sees batch * accumulate images. */
  batch: number;
  accumulate: number;
  /** Adam; with a weight decay above 0 AdamW. */
  optimizer: { lr: number; betas: [number, number]; eps: number; weightDecay: number };
  /** Largest global norm of the gradient; 0 switches clipping off. */
  gradClip: number;
  lrSchedule: { name: "constant" | "linear-warmup" | "cosine"; warmup: number };
  /** Average of the weights: its decay, and how the decay grows at the start (see Ema). */
  ema: { decay: number; warmup: "none" | "ratio" | "power" };
  /** How samples are drawn unless asked otherwise: the variance of ancestral steps, whether guesses of x0 are clipped. */
  sampling: { variance: VarianceKind; clipX0: boolean };
  seed: number;
  device: string;
  dtype: "f32" | "f64";
  /** Steps between checkpoints, between preview grids (0: none), and how many checkpoints are kept. */
  checkpointEvery: number;
  previewEvery: number;
  keep: number;
}

export const INIT_SCHEMES: readonly InitScheme[] = ["pytorch", "paper"];
export const LR_SCHEDULES: readonly TrainConfig["lrSchedule"]["name"][] = ["constant", "linear-warmup", "cosine"];
export const DTYPES: readonly TrainConfig["dtype"][] = ["f32", "f64"];

/** A small U-Net for 28x28 digits, and the settings that train it in minutes. */
export const trainDefaults: TrainConfig = {
  data: "digits",
  flip: false,
  model: {
    sample_size: 28, in_channels: 1, out_channels: 1, layers_per_block: 1, block_out_channels: [16, 32, 32], norm_num_groups: 8,
    down_block_types: ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D"],
    up_block_types: ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D"],
    attention_head_dim: null, downsample_padding: 0, flip_sin_to_cos: false, freq_shift: 1, norm_eps: 1e-6,
  },
  init: "pytorch",
  schedule: { name: "linear", timesteps: 1000, betaStart: 1e-4, betaEnd: 0.02 },
  prediction: "eps",
  weighting: "simple",
  steps: 2000,
  batch: 32,
  accumulate: 1,
  optimizer: { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 },
  gradClip: 1,
  lrSchedule: { name: "cosine", warmup: 100 },
  ema: { decay: 0.995, warmup: "ratio" },
  sampling: { variance: "fixed-small", clipX0: true },
  seed: 0,
  device: "wasm",
  dtype: "f32",
  checkpointEvery: 200,
  previewEvery: 500,
  keep: 2,
};

type Check = { allowed: string; fits: (value: unknown) => boolean };
const integer = (min: number): Check => (
  { allowed: `whole numbers from ${min}`, fits: (v) => Number.isSafeInteger(v) && (v as number) >= min }
);
const number = (allowed: string, fits: (v: number) => boolean): Check => (
  { allowed, fits: (v) => typeof v === "number" && Number.isFinite(v) && fits(v) }
);
const oneOf = (names: readonly string[]): Check => ({ allowed: names.join(", "), fits: (v) => names.includes(v as string) });
const flag: Check = { allowed: "true, false", fits: (v) => typeof v === "boolean" };
const text: Check = { allowed: "a non-empty string", fits: (v) => typeof v === "string" && v !== "" };
const fraction = number("numbers from 0 to below 1", (v) => v >= 0 && v < 1);

/** What each field may hold; `model` has its own rules in @fromnoise/nn. */
const checks: Record<string, Check> = {
  data: text, flip: flag, init: oneOf(INIT_SCHEMES),
  "schedule.name": oneOf(SCHEDULE_NAMES), "schedule.timesteps": integer(1),
  "schedule.betaStart": number("numbers between 0 and 1", (v) => v > 0 && v < 1),
  "schedule.betaEnd": number("numbers between 0 and 1", (v) => v > 0 && v < 1),
  prediction: oneOf(PREDICTIONS), weighting: oneOf(LOSS_WEIGHTINGS),
  steps: integer(1), batch: integer(1), accumulate: integer(1),
  "optimizer.lr": number("numbers > 0", (v) => v > 0),
  "optimizer.betas": {
    allowed: "two numbers from 0 to below 1", fits: (v) => Array.isArray(v) && v.length === 2 && v.every(fraction.fits),
  },
  "optimizer.eps": number("numbers > 0", (v) => v > 0), "optimizer.weightDecay": number("numbers >= 0", (v) => v >= 0),
  gradClip: number("numbers >= 0; 0 is off", (v) => v >= 0),
  "lrSchedule.name": oneOf(LR_SCHEDULES), "lrSchedule.warmup": integer(0),
  "ema.decay": fraction, "ema.warmup": oneOf(["none", "ratio", "power"]),
  "sampling.variance": oneOf(["fixed-small", "fixed-large"]), "sampling.clipX0": flag,
  seed: integer(0), device: text, dtype: oneOf(DTYPES),
  checkpointEvery: integer(1), previewEvery: integer(0), keep: integer(1),
};
const groups = new Set(Object.keys(checks).filter((key) => key.includes(".")).map((key) => key.split(".")[0]));

type Group = "schedule" | "optimizer" | "lrSchedule" | "ema" | "sampling";

/** A partial configuration, as a file or flags give it: groups may be partial too; a given `model` replaces the default one. */
export type TrainConfigInput = { [K in keyof TrainConfig]?: K extends Group ? Partial<TrainConfig[K]> : TrainConfig[K] };

/**
 * The defaults with the given fields on top, checked.
 * Throws ConfigError for an unknown field or a value out of range: names the field, the value and what is allowed.
 */
export function trainConfig(input: TrainConfigInput): TrainConfig {
  const merged: Record<string, unknown> = structuredClone({ ...trainDefaults });
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(trainDefaults, key)) unknownField(key, Object.keys(trainDefaults));
    if ((groups.has(key) || key === "model") && (typeof value !== "object" || value === null || Array.isArray(value))) {
      throw new ConfigError(`${key}: ${JSON.stringify(value)} is not allowed`, ["allowed  an object"]);
    }
    if (!groups.has(key)) merged[key] = value;
    else {
      const group = merged[key] as Record<string, unknown>;
      const unknown = Object.keys(value).find((inner) => !Object.hasOwn(group, inner));
      if (unknown !== undefined) unknownField(`${key}.${unknown}`, Object.keys(group).map((name) => `${key}.${name}`));
      merged[key] = { ...group, ...(value as object) };
    }
  }
  const config = merged as unknown as TrainConfig;
  for (const [field, { allowed, fits }] of Object.entries(checks)) {
    const [outer, inner] = field.split(".");
    const value = inner === undefined ? merged[outer] : (merged[outer] as Record<string, unknown>)[inner];
    if (!fits(value)) throw new ConfigError(`${field}: ${JSON.stringify(value)} is not allowed`, [`allowed  ${allowed}`]);
  }
  parseDevice(config.device);
  unetConfig(config.model);
  makeSchedule(config.schedule);
  return config;
}

/** The learning rate as a function of the steps done. */
export function lrSchedule({ steps, optimizer: { lr }, lrSchedule: { name, warmup } }: TrainConfig): LrSchedule {
  if (name === "constant") return constantLr(lr);
  if (name === "linear-warmup") return warmupLr(lr, { warmupSteps: warmup });
  return cosineLr(lr, { warmupSteps: warmup, totalSteps: steps });
}

function unknownField(name: string, known: readonly string[]): never {
  const now = Object.hasOwn(renamedFields, name) ? [`now      ${renamedFields[name]}`] : [];
  throw new ConfigError(`config: there is no field ${name}`, [...now, `allowed  ${known.join(", ")}`]);
}
