/**
 * Folders as diffusers writes them: config.json of a UNet2DModel, diffusion_pytorch_model.safetensors, and scheduler_config.json
 * (DDPMScheduler); or a pipeline's, with the first two in unet/ and the third in scheduler/. Names, shapes and fields are
 * diffusers' own on both sides.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import {
  loadSafetensors, replaceFile, saveSafetensors, unetConfig, type StateDict, type StateEntry, type UNetConfig,
} from "@fromnoise/nn";
import { makeFolder, readJson } from "./files.js";
import type { PredictionName } from "../../denoisers/prediction.js";
import { makeSchedule, type ScheduleName, type ScheduleOptions, type VarianceKind } from "../../process/schedules.js";

/** Field of our own beside trained_betas, so that a schedule diffusers has no name for comes back as it was. */
const OWN_SCHEDULE = "_fromnoise_schedule";
const WEIGHTS = "diffusion_pytorch_model.safetensors";

/** How a network was trained, and is sampled. */
export interface DiffusersScheduler {
  schedule: Required<ScheduleOptions>;
  prediction: PredictionName;
  sampling: { variance: VarianceKind; clipX0: boolean };
}

/** A network and its scheduler, as a folder holds them. */
export interface DiffusersModel extends DiffusersScheduler {
  config: UNetConfig;
  tensors: ReadonlyMap<string, StateEntry>;
}

/** diffusers' beta_schedule and the schedule here. Its "sigmoid" is another curve than ours, its cosine is squaredcos_cap_v2. */
const scheduleNames: Readonly<Record<string, ScheduleName>> = {
  linear: "linear", scaled_linear: "quad", squaredcos_cap_v2: "cosine",
};
const predictionNames: Readonly<Record<string, PredictionName>> = { epsilon: "eps", sample: "x0", v_prediction: "v" };
const varianceNames: Readonly<Record<string, VarianceKind>> = {
  fixed_small: "fixed-small", fixed_small_log: "fixed-small", fixed_large: "fixed-large", fixed_large_log: "fixed-large",
};
/**
 * Fields that change the schedule or the samples, of which only these values are implemented: zero-SNR rescaling and dynamic
 * thresholding belong to no sampler here, and a folder that has them is refused, because its samples would silently be others.
 */
const onlyValues: Readonly<Record<string, unknown>> = {
  rescale_betas_zero_snr: false, thresholding: false, clip_sample_range: 1,
};

/** Where the weights are: in the folder itself, or in a pipeline's unet/; undefined where there are none. */
function modelFolder(folder: string): string | undefined {
  return [folder, join(folder, "unet")].find((path) => existsSync(join(path, WEIGHTS)));
}

/** Whether a path is a folder as diffusers writes it. */
export function isDiffusersFolder(path: string): boolean {
  return modelFolder(path) !== undefined;
}

/** The network of such a folder. Throws CheckpointError for a missing file, ConfigError for a field that is not implemented. */
export function readDiffusersConfig(folder: string): UNetConfig {
  return unetConfig(readJson(join(modelFolder(folder) ?? folder, "config.json"), CheckpointError));
}

/** Reads such a folder. Throws CheckpointError for a missing file, ConfigError for a field or value that is not implemented. */
export async function readDiffusersFolder(folder: string): Promise<DiffusersModel> {
  const inside = modelFolder(folder);
  if (inside === undefined) {
    const pickled = existsSync(join(folder, "diffusion_pytorch_model.bin")) ? [
      "found    diffusion_pytorch_model.bin, a pickle; diffusers saves it anew with safe_serialization=True",
    ] : [];
    throw new CheckpointError(
      `${folder} holds no ${WEIGHTS}`, ["expected it beside a config.json, or both in unet/", ...pickled],
    );
  }
  const config = readDiffusersConfig(folder);
  const path = [folder, join(folder, "scheduler")].map((place) => join(place, "scheduler_config.json")).find(
    (place) => existsSync(place),
  );
  const scheduler = readScheduler(path === undefined ? {} : readJson(path, CheckpointError), path ?? "the default scheduler");
  const { tensors } = await loadSafetensors(join(inside, WEIGHTS));
  return { config, tensors: currentNames(tensors), ...scheduler };
}

function readScheduler(fields: Readonly<Record<string, unknown>>, path: string): DiffusersScheduler {
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
  for (const [name, only] of Object.entries(onlyValues)) if ((fields[name] ?? only) !== only) refuse(name, JSON.stringify(only));
  const own = fields[OWN_SCHEDULE] as Required<ScheduleOptions> | undefined;
  if (own === undefined && (fields["trained_betas"] ?? null) !== null) {
    refuse("trained_betas", `null, with beta_schedule among ${Object.keys(scheduleNames).join(", ")}`);
  }
  const schedule = own ?? {
    name: named("beta_schedule", scheduleNames, "linear"), timesteps: number("num_train_timesteps", 1000),
    betaStart: number("beta_start", 1e-4), betaEnd: number("beta_end", 0.02),
  };
  makeSchedule(schedule);
  return {
    schedule, prediction: named("prediction_type", predictionNames, "epsilon"),
    sampling: { variance: named("variance_type", varianceNames, "fixed_small"), clipX0: fields["clip_sample"] !== false },
  };
}

/** Attention of older checkpoints: query, key, value, proj_attn; and duplicates that were once saved are dropped. */
function currentNames(tensors: ReadonlyMap<string, StateEntry>): StateDict {
  const renamed: StateDict = new Map();
  const pairs: [RegExp, string][] = [
    [/\.query\./, ".to_q."], [/\.key\./, ".to_k."], [/\.value\./, ".to_v."], [/\.proj_attn\./, ".to_out.0."],
  ];
  for (const [name, entry] of tensors) {
    const current = pairs.reduce((text, [old, now]) => text.replace(old, now), name);
    if (/\.downsamplers\.\d+\.op\./.test(current)) continue;
    renamed.set(current, entry);
  }
  return renamed;
}

/**
 * Writes the folder: three files, each replaced as a whole. A schedule that diffusers has no name for becomes trained_betas.
 * Throws ConfigError when the folder cannot be made, CheckpointError when a file cannot be written.
 */
export async function writeDiffusersFolder(folder: string, model: DiffusersModel): Promise<void> {
  const { schedule, config, prediction, sampling, tensors } = model;
  const betaSchedule = nameOf(scheduleNames, schedule.name);
  const scheduler = {
    _class_name: "DDPMScheduler", num_train_timesteps: schedule.timesteps,
    beta_start: schedule.betaStart, beta_end: schedule.betaEnd,
    beta_schedule: betaSchedule ?? "linear",
    trained_betas: betaSchedule === undefined ? Array.from(makeSchedule(schedule).betas) : null,
    ...(betaSchedule === undefined ? { [OWN_SCHEDULE]: schedule } : {}),
    prediction_type: nameOf(predictionNames, prediction),
    variance_type: nameOf(varianceNames, sampling.variance), clip_sample: sampling.clipX0,
  };
  makeFolder(folder);
  await saveSafetensors(join(folder, WEIGHTS), tensors, { format: "pt" });
  await writeJson(join(folder, "config.json"), { _class_name: "UNet2DModel", act_fn: "silu", ...config });
  await writeJson(join(folder, "scheduler_config.json"), scheduler);
}

/** The first of diffusers' names for a value of ours. */
function nameOf<T>(names: Readonly<Record<string, T>>, value: T): string | undefined {
  return Object.keys(names).find((key) => names[key] === value);
}

async function writeJson(path: string, value: unknown): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  await replaceFile(path, [bytes], bytes.length);
}
