/**
 * Everything that determines a training run, as plain JSON: what `config.json` of a run directory and every checkpoint hold. This
 * table is all that there is of a field but its use: its type, checks and errors, its flag and help, whether a resumed run may
 * change it, and its row in docs/configuration.md come from here.
 */
import { ConfigError } from "@fromnoise/tensor";
import { AVERAGE_LENGTHS, EMA_WARMUPS, constantLr, cosineLr, warmupLr, type LrSchedule } from "@fromnoise/nn";
import { deviceField } from "../config/device.js";
import {
  checkFields, field, group, migrateFields, namedFields, optional, type InputOf, type OptionsOf, type ResumableOf,
} from "../config/fields.js";
import { checkValue, flag, integer, list, number, object, oneOf, pair, text } from "@fromnoise/nn/kinds";
import { holdOutKind } from "../data/split.js";
import { BAD_IMAGES } from "../data/bad-images.js";
import { MAX_PIXELS } from "../image/limits.js";
import { clipping } from "../denoisers/clipped.js";
import { checkPrediction, predictionFor, PREDICTIONS } from "../denoisers/prediction.js";
import { LOSSES } from "../losses/index.js";
import { LOSS_WEIGHTINGS } from "../losses/weighting.js";
import { PROCESS_NAMES, processOf } from "../process/named.js";
import { MAX_TIMESTEPS, VARIANCES } from "../process/schedules.js";
import { lossOf } from "./loss-of.js";
import { TIME_SAMPLINGS, checkTimeSampling } from "./time-sampling.js";
import { checkModel, type ModelFields, type UNetFields } from "./model-fields.js";

/** A small U-Net for 28x28 digits. */
export const smallUNet: UNetFields = {
  sample_size: 28, in_channels: 1, out_channels: 1, layers_per_block: 1, block_out_channels: [16, 32, 32], norm_num_groups: 8,
  down_block_types: ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D"],
  up_block_types: ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D"],
  attention_head_dim: null, downsample_padding: 0, flip_sin_to_cos: false, freq_shift: 1, norm_eps: 1e-6,
};

const LR_SCHEDULES = ["constant", "linear-warmup", "cosine"] as const;
const count = integer({ from: 1 });
const positive = number({ above: 0 });
const fraction = number({ from: 0, below: 1 });
const beta = number({ above: 0, below: 1 });

/** The fields, with settings that train the small U-Net on digits in minutes. */
export const trainFields = {
  data: field(text, "digits", "digits, faces, pixel-faces, a folder of images, or SHEET.png:TILE", { resume: true }),
  badImages: field(
    oneOf(BAD_IMAGES), "stop", "a folder's image that cannot be used: found before the first step, or left out and counted", { resume: true },
  ),
  maxMegapixels: field(positive, MAX_PIXELS / 1e6, "most pixels of an image, in millions", { resume: true }),
  holdOut: field(holdOutKind, 10, "one of so many images is held out, and training never sees it; 0 none"),
  flip: field(flag, false, "mirror half of the images; digits have no mirror images, faces do"),
  model: field(
    object<ModelFields>(checkModel), smallUNet, "the network: the fields of a U-Net as diffusers has them, or {kind, config} of another",
  ),
  init: field(oneOf(["pytorch", "paper"]), "pytorch", "initial weights: PyTorch's, or the paper's with last layers near zero"),
  schedule: group({
    name: field(oneOf(PROCESS_NAMES), "linear", "noise schedule, the last four without steps", { flag: "schedule" }),
    timesteps: field(integer({ from: 1, to: MAX_TIMESTEPS }), 1000, "noising steps", { flag: "timesteps", value: "T" }),
    betaStart: field(beta, 1e-4, "first beta of linear, scaled-linear and quad", { flag: "beta-start" }),
    betaEnd: field(beta, 0.02, "last beta of linear, scaled-linear and quad, the only one of const", { flag: "beta-end" }),
    betas: optional(list(number({ above: 0, to: 1 })), "those of the schedule betas, one for each step; a file holds them", { shown: "none" }),
    zeroTerminalSnr: field(flag, false, "rescale the betas so that the last step is pure noise; not for eps", { flag: "zero-terminal-snr" }),
    timeScale: field(positive, 1, "the network is told the step times this, improved-diffusion 1000 / T", { flag: "time-scale" }),
    logSnrShift: field(number(), 0, "added to the log-SNR of the continuous ones: 2 ln(64 / d) for images of side d", { flag: "log-snr-shift" }),
    sigmaData: field(positive, 0.5, "standard deviation of the data, by which the prediction edm scales", { flag: "sigma-data" }),
  }),
  prediction: field(oneOf(PREDICTIONS), "eps", "what the network predicts", { was: "objective" }),
  loss: field(oneOf(LOSSES), "mse", "what is minimised"),
  weighting: field(oneOf(LOSS_WEIGHTINGS), "simple", "loss weights"),
  minSnrGamma: field(positive, 5, "bound of the weights min-snr"),
  labelDrop: field(
    number({ from: 0, to: 1, note: "0 is off" }), 0,
    "probability that training hides a label, for guidance; needs a network with a null class",
  ),
  timeSampling: field(oneOf(TIME_SAMPLINGS), "own", "how levels of noise are drawn: as the process does by itself, or otherwise"),
  offsetNoise: field(number({ from: 0 }), 0, "noise added to all pixels of a channel alike, for darker and brighter images: 0.1"),
  steps: field(integer({ from: 1, to: 1_000_000_000 }), 2000, "optimiser steps in all", { resume: true }),
  batch: field(integer({ from: 1, to: 1_048_576 }), 32, "images per micro-batch"),
  accumulate: field(integer({ from: 1, to: 65536 }), 1, "micro-batches per optimiser step", { value: "K" }),
  optimizer: group({
    lr: field(positive, 1e-3, "learning rate", { flag: "lr" }),
    betas: field(pair(fraction), [0.9, 0.999], "decays of Adam's two moments", { flag: "adam-betas", value: "A,B" }),
    eps: field(positive, 1e-8, "what Adam adds to the root of the second moment", { flag: "adam-eps" }),
    weightDecay: field(number({ from: 0 }), 0, "decoupled weight decay (AdamW)", { flag: "weight-decay" }),
  }),
  gradClip: field(number({ from: 0, note: "0 is off" }), 1, "largest gradient norm, 0 off", { was: "clip" }),
  lrSchedule: group({
    name: field(oneOf(LR_SCHEDULES), "cosine", "course of the learning rate", { flag: "lr-schedule" }),
    warmup: field(integer(), 100, "steps over which the learning rate rises", { flag: "warmup" }),
  }),
  ema: group({
    decay: field(fraction, 0.995, "decay of the averaged weights", { flag: "ema" }),
    warmup: field(oneOf(EMA_WARMUPS), "ratio", "how that decay grows at the start"),
    power: field(positive, 0.75, "exponent of the warm-ups power and ema-pytorch (lucidrains: 2/3)"),
    invGamma: field(positive, 1, "steps that they count as one"),
    every: field(count, 1, "steps from one move of the averaged weights to the next (lucidrains: 10)"),
    start: field(integer(), 0, "first steps, in which the averaged weights are a copy (lucidrains: 100)"),
  }),
  profiles: group({
    every: field(integer(), 0, "steps between averages kept for `fromnoise ema`, which rebuilds any length from them, 0 none", { value: "N" }),
    lengths: field(
      list(number(AVERAGE_LENGTHS), "0.05,0.1", 4), [0.05, 0.1], "their relative lengths: standard deviations of their profiles over the steps done",
    ),
  }),
  sampling: group({
    variance: field(oneOf(VARIANCES), "fixed-small", "of ancestral steps of samples, unless asked otherwise"),
    clipX0: field(clipping, true, "clip guesses of x0 to [-1, 1] in samples, or how, unless asked otherwise", { was: "clip" }),
  }),
  seed: field(integer(), 0, "seed of all random numbers"),
  device: deviceField("wasm", { resume: true }),
  dtype: field(oneOf(["f32", "f64"]), "f32", "number type"),
  checkpointEvery: field(count, 200, "steps between checkpoints", { resume: true }),
  previewEvery: field(integer(), 500, "steps between preview grids, 0 none", { resume: true }),
  boundEvery: field(integer(), 0, "steps between variational bounds of a few held-out images, 0 none", { resume: true }),
  previewImages: field(integer({ from: 1, to: 4096 }), 16, "images in a preview grid", { resume: true }),
  keep: field(count, 2, "checkpoints kept", { resume: true }),
};

/** A whole configuration of a run: every field of `trainFields`. */
export type TrainConfig = OptionsOf<typeof trainFields>;

/** A partial configuration, as a file or flags give it: groups may be partial too; a given `model` replaces the default one. */
export type TrainConfigInput = InputOf<typeof trainFields>;

/** What may change when a run is resumed; all else is as its checkpoint says. */
export type ResumeOverrides = ResumableOf<typeof trainFields>;

/**
 * The defaults with the given fields on top, checked.
 * Throws ConfigError for an unknown field or a value out of range: names the field, the value and what is allowed.
 */
export function trainConfig(input: TrainConfigInput): TrainConfig {
  const config = checkFields<TrainConfig>(trainFields, input, "config");
  const process = processOf(config.schedule);
  checkPrediction(process, predictionFor(config.prediction, config.schedule));
  checkTimeSampling(process, config.timeSampling);
  lossOf(config, process);
  checkLengths(config.profiles.lengths);
  return config;
}

function checkLengths(lengths: readonly number[]): void {
  const twice = lengths.find((length, i) => lengths.indexOf(length) !== i);
  if (twice !== undefined) throw new ConfigError(`profiles.lengths: ${twice} stands twice`, [`got      ${lengths.join(", ")}`]);
}

/** The defaults of every field. */
export const trainDefaults: TrainConfig = trainConfig({});

/**
 * A configuration that a run wrote down whole, be its fields under today's names or earlier ones. Runs from before `holdOut` trained
 * on all images, and go on so. Throws ConfigError as trainConfig does.
 */
export function savedConfig(held: Readonly<Record<string, unknown>>): TrainConfig {
  return trainConfig({ holdOut: 0, ...migrateFields(trainFields, held) } as TrainConfigInput);
}

/** The configuration of a run that is resumed with some fields changed. Throws ConfigError for a field that may not change. */
export function resumedConfig(saved: TrainConfig, changes: ResumeOverrides): TrainConfig {
  const resumable = namedFields(trainFields).filter(({ field: { resume } }) => resume === true).map(({ name }) => name);
  const fixed = Object.keys(changes).find((name) => !resumable.includes(name));
  if (fixed === undefined) return trainConfig({ ...saved, ...changes });
  throw new ConfigError(`${fixed} cannot change when a run is resumed`, [`allowed  ${resumable.join(", ")}`]);
}

/** The learning rate as a function of the steps done. */
export function lrSchedule({ steps, optimizer: { lr }, lrSchedule: { name, warmup } }: TrainConfig): LrSchedule {
  checkValue(trainFields.lrSchedule.fields.name.kind, "lrSchedule.name", name);
  if (name === "constant") return constantLr(lr);
  if (name === "linear-warmup") return warmupLr(lr, { warmupSteps: warmup });
  return cosineLr(lr, { warmupSteps: warmup, totalSteps: steps });
}
