/**
 * scheduler_config.json of diffusers: how a network was trained, and how its samples are clipped. Which steps a scheduler visits
 * (timestep_spacing, steps_offset, solver_order, use_karras_sigmas, ...) is no part of a model here: samplers are told it when they draw.
 */
import { ConfigError } from "@fromnoise/tensor";
import { checkFields, type Fields } from "../../config/fields.js";
import { clipping, type ClipOptions } from "../../denoisers/clipped.js";
import type { PredictionName } from "../../denoisers/prediction.js";
import { processOf, type ProcessOptions } from "../../process/named.js";
import type { DiscreteProcess, Process } from "../../process/process.js";
import { VARIANCES, type ScheduleName, type VarianceKind } from "../../process/schedules.js";
import { trainFields } from "../../train/config.js";
import type { ModelInfo } from "../model-format.js";
import { betasNamed } from "./diffusers-betas.js";
import { formOf, type SchedulerForm } from "./diffusers-schedulers.js";

/** What a scheduler says of a model. */
type Scheduler = Omit<ModelInfo, "network">;

/** The fields of a scheduler. */
type SchedulerFields = Readonly<Record<string, unknown>>;
type WrittenFields = SchedulerFields & { readonly _class_name: string };

/**
 * Fields of our own, so that what diffusers has no word for comes back as it was: a schedule beside trained_betas, how guesses of x0 are
 * clipped, the variance of steps. diffusers passes over names that begin with _.
 */
const OWN = { schedule: "_fromnoise_schedule", clipX0: "_fromnoise_clip", variance: "_fromnoise_variance" } as const;

/** diffusers' beta_schedule and the schedule here. Its other ones, "sigmoid" among them, are other curves than ours: see `betasNamed`. */
const scheduleNames: Readonly<Record<string, ScheduleName>> = {
  linear: "linear", scaled_linear: "quad", squaredcos_cap_v2: "cosine",
};
const predictionNames: Readonly<Record<string, PredictionName>> = { epsilon: "eps", sample: "x0", v_prediction: "v" };
const varianceNames: Readonly<Record<string, VarianceKind>> = {
  fixed_small: "fixed-small", fixed_small_log: "fixed-small", fixed_large: "fixed-large", fixed_large_log: "fixed-large",
  learned_range: "learned-range",
};
/** diffusers computes with it in f32, where a larger number is none. */
const NO_LIMIT = 3.4028234663852886e38;

/** A scheduler's fields, read one by one: what diffusers can say and this library cannot compute is refused by name. */
class Reader {
  constructor(readonly fields: SchedulerFields, private readonly path: string) {}

  refuse(name: string, ...details: readonly string[]): never {
    // No stub: a refusal by name, docs/library/errors.md.
    throw new ConfigError(`${this.path}: ${name} ${JSON.stringify(this.fields[name])} is not implemented`, details);
  }

  named<T>(name: string, names: Readonly<Record<string, T>>, missing: string, others: readonly string[] = []): T {
    const value = this.fields[name] ?? missing;
    if (typeof value === "string" && Object.hasOwn(names, value)) return names[value];
    return this.refuse(name, `allowed  ${[...Object.keys(names), ...others].join(", ")}`);
  }

  number(name: string, missing: number): number {
    const value = this.fields[name] ?? missing;
    return typeof value === "number" && Number.isFinite(value) ? value : this.refuse(name, "allowed  a number");
  }

  flag(name: string, missing: boolean): boolean {
    const value = this.fields[name] ?? missing;
    return typeof value === "boolean" ? value : this.refuse(name, "allowed  true, false");
  }
}

/**
 * Reads the fields; `path` is what messages call them. A scheduler without a class is a DDPMScheduler.
 * Throws ConfigError for a scheduler, a field or a value that is not implemented.
 */
export function readScheduler(fields: SchedulerFields, path: string): Scheduler {
  const reader = new Reader(fields, path);
  const form = formOf(fields["_class_name"] ?? "DDPMScheduler", path);
  for (const [name, only] of Object.entries(form.only ?? {})) {
    if ((fields[name] ?? only) !== only) reader.refuse(name, `allowed  ${JSON.stringify(only)}`);
  }
  try {
    const how = { process: processIn(reader, form), prediction: predictionIn(reader, form) };
    if (how.process.zeroTerminalSnr === true && how.prediction === "eps") {
      reader.refuse("prediction_type", "allowed  sample, v_prediction with rescale_betas_zero_snr: the noise says nothing where no image is left");
    }
    processOf(how.process);
    return { ...how, variance: varianceIn(reader, form), clipX0: clippingIn(reader, form) };
  } catch (error) {
    if (!(error instanceof ConfigError) || error.message.startsWith(path)) throw error;
    throw new ConfigError(`${path}: ${error.summary}`, error.details);
  }
}

function processIn(reader: Reader, { process, rescales, betas: [start, end] = [1e-4, 0.02] }: SchedulerForm): ProcessOptions {
  const { fields } = reader;
  const own = fields[OWN.schedule] as ProcessOptions | undefined;
  if (own !== undefined) {
    checkFields(trainFields.schedule.fields as Fields<ProcessOptions>, own, OWN.schedule);
    return own;
  }
  if (process === "flow") return { name: "flow", timesteps: 1000 };
  if (process === "edm") return { name: "edm", timesteps: 1000, sigmaData: reader.number("sigma_data", 0.5) };
  const options = {
    timesteps: reader.number("num_train_timesteps", 1000), betaStart: reader.number("beta_start", start), betaEnd: reader.number("beta_end", end),
    zeroTerminalSnr: rescales === true && reader.flag("rescale_betas_zero_snr", false),
  };
  const { trained_betas: trained, beta_schedule: name } = fields;
  if (Array.isArray(trained)) return { name: "betas", ...options, betas: trained as number[] };
  if ((trained ?? null) !== null) reader.refuse("trained_betas", "allowed  a list of numbers, or null");
  const betas = typeof name === "string" ? betasNamed(name, options) : undefined;
  if (betas !== undefined) return { name: "betas", ...options, betas };
  return { name: reader.named("beta_schedule", scheduleNames, "linear", ["sigmoid", "laplace", "exp"]), ...options };
}

function predictionIn(reader: Reader, { process }: SchedulerForm): PredictionName {
  if (process !== "steps") return process;
  // Written before prediction_type was.
  if (reader.fields["prediction_type"] === undefined && !reader.flag("predict_epsilon", true)) return "x0";
  return reader.named("prediction_type", predictionNames, "epsilon");
}

function varianceIn(reader: Reader, { variance }: SchedulerForm): VarianceKind {
  const ours = Object.fromEntries(VARIANCES.map((kind) => [kind, kind]));
  if (reader.fields[OWN.variance] !== undefined) return reader.named(OWN.variance, ours, "");
  return variance === true ? reader.named("variance_type", varianceNames, "fixed_small") : "fixed-small";
}

/** Thresholding goes before clipping, as in diffusers. */
function clippingIn(reader: Reader, { clips, thresholds, eps }: SchedulerForm): boolean | ClipOptions {
  const own = reader.fields[OWN.clipX0];
  if (own !== undefined) return clipping.fits(own) ? own : reader.refuse(OWN.clipX0, `allowed  ${clipping.allowed}`);
  const convention = eps === undefined ? {} : { eps };
  if (thresholds === true && reader.flag("thresholding", false)) {
    const most = reader.number("sample_max_value", 1);
    const options = { to: "dynamic", quantile: reader.number("dynamic_thresholding_ratio", 0.995), ...convention } as const;
    return checkedClip(reader, most < NO_LIMIT ? { ...options, most } : options, "dynamic_thresholding_ratio");
  }
  if (clips === undefined || !reader.flag("clip_sample", clips)) return false;
  const to = reader.number("clip_sample_range", 1);
  return to === 1 && eps === undefined ? true : checkedClip(reader, { to, ...convention }, "clip_sample_range");
}

function checkedClip(reader: Reader, options: ClipOptions, name: string): ClipOptions {
  return clipping.fits(options) ? options : reader.refuse(name, `allowed  ${clipping.allowed}`);
}

/**
 * The fields of a scheduler of diffusers': FlowMatchEulerDiscreteScheduler and EDMEulerScheduler for the processes flow and edm, else
 * DDPMScheduler, where a schedule that diffusers has no name for becomes trained_betas.
 * Throws ConfigError for a prediction, a process or a variance that its scheduler does not have: diffusers' "learned" is no logarithm.
 */
export function schedulerFields(model: Scheduler): WrittenFields {
  const { process, prediction, variance, clipX0 } = model;
  const unlessWritten = {
    ...(clipX0 === false ? {} : { [OWN.clipX0]: clipX0 }), ...(variance === "fixed-small" ? {} : { [OWN.variance]: variance }),
  };
  if (process.name === "flow" && prediction === "flow") {
    return { _class_name: "FlowMatchEulerDiscreteScheduler", num_train_timesteps: 1000, shift: 1, ...unlessWritten };
  }
  if (process.name === "edm" && prediction === "edm") {
    const { range: [{ sigma: largest }, { sigma: least }] } = processOf(process);
    return {
      _class_name: "EDMEulerScheduler", num_train_timesteps: 1000, prediction_type: "epsilon", sigma_data: process.sigmaData ?? 0.5,
      sigma_min: Number(least.toPrecision(12)), sigma_max: Number(largest.toPrecision(12)), ...unlessWritten,
    };
  }
  return ddpmFields(model);
}

function ddpmFields({ process, prediction, variance, clipX0 }: Scheduler): WrittenFields {
  const refuse = (what: string, allowed: string): never => {
    throw new ConfigError(`diffusers' DDPMScheduler has no ${what}`, [`allowed  ${allowed}`]);
  };
  const made = processOf(process);
  const { timeScale = 1 } = process;
  if (timeScale !== 1) refuse(`steps that the network is told times ${timeScale}`, "timeScale 1");
  if (!isDiscrete(made)) {
    return refuse(`process ${process.name}`, "schedules of steps; flow with the prediction flow, edm with the prediction edm");
  }
  if (nameOf(predictionNames, prediction) === undefined) refuse(`prediction ${prediction}`, Object.values(predictionNames).join(", "));
  if (nameOf(varianceNames, variance) === undefined) refuse(`variance ${variance}`, [...new Set(Object.values(varianceNames))].join(", "));
  const betaSchedule = nameOf(scheduleNames, process.name);
  return {
    _class_name: "DDPMScheduler", num_train_timesteps: process.timesteps,
    beta_start: process.betaStart, beta_end: process.betaEnd,
    rescale_betas_zero_snr: betaSchedule !== undefined && process.zeroTerminalSnr === true,
    beta_schedule: betaSchedule ?? "linear",
    trained_betas: betaSchedule === undefined ? Array.from(made.schedule.betas) : null,
    ...(betaSchedule === undefined && !(process.name === "betas" && process.zeroTerminalSnr !== true) ? { [OWN.schedule]: process } : {}),
    prediction_type: nameOf(predictionNames, prediction), variance_type: nameOf(varianceNames, variance), ...clipFields(clipX0),
  };
}

function isDiscrete(process: Process): process is DiscreteProcess {
  return "schedule" in process;
}

/** DDPMScheduler takes no eps from its steps, so that which one goes with a clipped x0 is a field of our own. */
function clipFields(clipX0: boolean | ClipOptions): object {
  if (typeof clipX0 === "boolean") return { clip_sample: clipX0 };
  const { to, quantile = 0.995, most = NO_LIMIT, eps } = clipX0;
  const own = eps === undefined ? {} : { [OWN.clipX0]: clipX0 };
  return to === "dynamic" ? { thresholding: true, dynamic_thresholding_ratio: quantile, sample_max_value: most, clip_sample: false, ...own }
    : { clip_sample: true, clip_sample_range: to, ...own };
}

/** The first of diffusers' names for a value of ours. */
function nameOf<T>(names: Readonly<Record<string, T>>, value: T): string | undefined {
  return Object.keys(names).find((key) => names[key] === value);
}
