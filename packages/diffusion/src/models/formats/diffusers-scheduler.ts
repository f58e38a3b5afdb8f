/** scheduler_config.json of diffusers: how a network was trained, and how its samples are drawn, in its DDPMScheduler's fields. */
import { ConfigError } from "@fromnoise/tensor";
import type { PredictionName } from "../../denoisers/prediction.js";
import { isSchedule } from "../../process/named.js";
import { makeSchedule, type ScheduleName, type ScheduleOptions, type VarianceKind } from "../../process/schedules.js";
import type { ModelInfo } from "../model-format.js";

/** What a scheduler says of a model. */
type Scheduler = Omit<ModelInfo, "network">;

/** Field of our own beside trained_betas, so that a schedule diffusers has no name for comes back as it was. */
const OWN_SCHEDULE = "_fromnoise_schedule";

/** diffusers' beta_schedule and the schedule here. Its "sigmoid" is another curve than ours, its cosine is squaredcos_cap_v2. */
const scheduleNames: Readonly<Record<string, ScheduleName>> = {
  linear: "linear", scaled_linear: "quad", squaredcos_cap_v2: "cosine",
};
const predictionNames: Readonly<Record<string, PredictionName>> = { epsilon: "eps", sample: "x0", v_prediction: "v" };
const varianceNames: Readonly<Record<string, VarianceKind>> = {
  fixed_small: "fixed-small", fixed_small_log: "fixed-small", fixed_large: "fixed-large", fixed_large_log: "fixed-large",
  learned_range: "learned-range",
};
/**
 * Fields that change the samples, of which only these values can be read: a model here says whether x0 is clipped to [-1, 1] and no
 * more. Dynamic thresholding is asked for where samples are drawn (`clipped`), so a folder that has it as its own is refused, because
 * its samples would silently be others.
 */
const onlyValues: Readonly<Record<string, unknown>> = { thresholding: false, clip_sample_range: 1 };

/** Reads the fields; `path` is what messages call them. Throws ConfigError for a field or value that is not implemented. */
export function readScheduler(fields: Readonly<Record<string, unknown>>, path: string): Scheduler {
  // What diffusers can say and this library cannot compute is refused by name: read as something else it would give other images.
  const refuse = (name: string, allowed: string): never => {
    throw new ConfigError(`${path}: ${name} ${JSON.stringify(fields[name])} is not implemented`, [`allowed  ${allowed}`]);
  };
  const named = <T>(name: string, names: Readonly<Record<string, T>>, missing: string): T => {
    const value = fields[name] ?? missing;
    return typeof value === "string" && Object.hasOwn(names, value) ? names[value] : refuse(name, Object.keys(names).join(", "));
  };
  const number = (name: string, missing: number): number => {
    const value = fields[name] ?? missing;
    return typeof value === "number" ? value : refuse(name, "a number");
  };
  const flag = (name: string): boolean => {
    const value = fields[name] ?? false;
    return typeof value === "boolean" ? value : refuse(name, "true, false");
  };
  for (const [name, only] of Object.entries(onlyValues)) if ((fields[name] ?? only) !== only) refuse(name, JSON.stringify(only));
  const own = fields[OWN_SCHEDULE] as ScheduleOptions | undefined;
  if (own === undefined && (fields["trained_betas"] ?? null) !== null) {
    refuse("trained_betas", `null, with beta_schedule among ${Object.keys(scheduleNames).join(", ")}`);
  }
  const schedule = own ?? {
    name: named("beta_schedule", scheduleNames, "linear"), timesteps: number("num_train_timesteps", 1000),
    betaStart: number("beta_start", 1e-4), betaEnd: number("beta_end", 0.02),
    zeroTerminalSnr: flag("rescale_betas_zero_snr"),
  };
  const prediction = named("prediction_type", predictionNames, "epsilon");
  makeSchedule(schedule);
  if (schedule.zeroTerminalSnr === true && prediction === "eps") {
    refuse("prediction_type", "sample, v_prediction with rescale_betas_zero_snr: the noise says nothing where no image is left");
  }
  return {
    process: schedule, prediction,
    variance: named("variance_type", varianceNames, "fixed_small"), clipX0: fields["clip_sample"] !== false,
  };
}

/**
 * The fields of a scheduler. A schedule that diffusers has no name for becomes trained_betas.
 * Throws ConfigError for a prediction, a process or a variance that diffusers' scheduler does not have: its "learned" is no logarithm.
 */
export function schedulerFields({ process, prediction, variance, clipX0 }: Scheduler): object {
  if (nameOf(predictionNames, prediction) === undefined) {
    throw new ConfigError(`diffusers' DDPMScheduler has no prediction ${prediction}`, [`allowed  ${Object.values(predictionNames).join(", ")}`]);
  }
  if (!isSchedule(process)) {
    throw new ConfigError(`diffusers' DDPMScheduler has no process ${process.name}`, ["allowed  schedules of steps"]);
  }
  if (nameOf(varianceNames, variance) === undefined) {
    throw new ConfigError(`diffusers' DDPMScheduler has no variance ${variance}`, [
      `allowed  ${[...new Set(Object.values(varianceNames))].join(", ")}`,
    ]);
  }
  const betaSchedule = nameOf(scheduleNames, process.name);
  return {
    _class_name: "DDPMScheduler", num_train_timesteps: process.timesteps,
    beta_start: process.betaStart, beta_end: process.betaEnd,
    rescale_betas_zero_snr: betaSchedule !== undefined && process.zeroTerminalSnr === true,
    beta_schedule: betaSchedule ?? "linear",
    trained_betas: betaSchedule === undefined ? Array.from(makeSchedule(process).betas) : null,
    ...(betaSchedule === undefined ? { [OWN_SCHEDULE]: process } : {}),
    prediction_type: nameOf(predictionNames, prediction), variance_type: nameOf(varianceNames, variance), clip_sample: clipX0,
  };
}

/** The first of diffusers' names for a value of ours. */
function nameOf<T>(names: Readonly<Record<string, T>>, value: T): string | undefined {
  return Object.keys(names).find((key) => names[key] === value);
}
