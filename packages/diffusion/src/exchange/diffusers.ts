/**
 * Folders as diffusers writes them: config.json (or unet/config.json) of a UNet2DModel, diffusion_pytorch_model.safetensors, and
 * scheduler_config.json (DDPMScheduler). Names, shapes and fields are diffusers' own on both sides.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError, ConfigError } from "@fromnoise/tensor";
import { loadSafetensors, replaceFile, saveSafetensors, unetConfig, type StateDict, type StateEntry, type UNetConfig } from "@fromnoise/nn";
import type { Prediction } from "../predictions.js";
import { makeSchedule, type ScheduleName, type ScheduleOptions, type VarianceKind } from "../schedules.js";

/** Field of our own beside trained_betas, so that a schedule diffusers has no name for comes back as it was. */
const OWN_SCHEDULE = "_fromnoise_schedule";
const WEIGHTS = "diffusion_pytorch_model.safetensors";

/** A network and how it was trained, as a folder holds them. */
export interface DiffusersModel {
  config: UNetConfig;
  tensors: ReadonlyMap<string, StateEntry>;
  schedule: Required<ScheduleOptions>;
  objective: Prediction;
  variance: VarianceKind;
  clip: boolean;
}

/** beta_schedule of diffusers and the schedule here. Its "sigmoid" is another curve than ours, and its cosine is squaredcos_cap_v2. */
const scheduleNames: Readonly<Record<string, ScheduleName>> = { linear: "linear", scaled_linear: "quad", squaredcos_cap_v2: "cosine" };
const predictionNames: Readonly<Record<string, Prediction>> = { epsilon: "eps", sample: "x0", v_prediction: "v" };
const varianceNames: Readonly<Record<string, VarianceKind>> = { fixed_small: "fixed-small", fixed_small_log: "fixed-small", fixed_large: "fixed-large", fixed_large_log: "fixed-large" };

/** Reads such a folder. Throws CheckpointError for a missing file, ConfigError for a field or value that is not implemented. */
export async function readDiffusersFolder(folder: string): Promise<DiffusersModel> {
  const config = unetConfig(readJsonFile(join(folder, "config.json")));
  const schedulerPath = [join(folder, "scheduler_config.json"), join(folder, "scheduler", "scheduler_config.json")].find((path) => existsSync(path));
  const scheduler = schedulerPath === undefined ? {} : readJsonFile(schedulerPath);
  const field = <T>(name: string, names: Readonly<Record<string, T>>, missing: string): T => {
    const value = (scheduler[name] as string | undefined) ?? missing;
    if (!Object.hasOwn(names, value)) throw new ConfigError(`${schedulerPath}: ${name} is ${JSON.stringify(value)}`, [`allowed  ${Object.keys(names).join(", ")}`]);
    return names[value];
  };
  const numberField = (name: string, missing: number): number => (typeof scheduler[name] === "number" ? scheduler[name] : missing);
  const own = scheduler[OWN_SCHEDULE] as Required<ScheduleOptions> | undefined;
  if (own === undefined && (scheduler["trained_betas"] ?? null) !== null) {
    throw new ConfigError(`${schedulerPath}: trained_betas is not implemented`, [`allowed  null, with beta_schedule among ${Object.keys(scheduleNames).join(", ")}`]);
  }
  const { tensors } = await loadSafetensors(join(folder, WEIGHTS));
  return {
    config, tensors: currentNames(tensors),
    schedule: own ?? {
      name: field("beta_schedule", scheduleNames, "linear"), timesteps: numberField("num_train_timesteps", 1000),
      betaStart: numberField("beta_start", 1e-4), betaEnd: numberField("beta_end", 0.02),
    },
    objective: field("prediction_type", predictionNames, "epsilon"), variance: field("variance_type", varianceNames, "fixed_small"),
    clip: scheduler["clip_sample"] !== false,
  };
}

/** Attention of older checkpoints: query, key, value, proj_attn; and duplicates that were once saved are dropped. */
function currentNames(tensors: ReadonlyMap<string, StateEntry>): StateDict {
  const renamed: StateDict = new Map();
  const pairs: [RegExp, string][] = [[/\.query\./, ".to_q."], [/\.key\./, ".to_k."], [/\.value\./, ".to_v."], [/\.proj_attn\./, ".to_out.0."]];
  for (const [name, entry] of tensors) {
    const current = pairs.reduce((text, [old, now]) => text.replace(old, now), name);
    if (/\.downsamplers\.\d+\.op\./.test(current)) continue;
    renamed.set(current, entry);
  }
  return renamed;
}

/**
 * Writes the folder: three files, each replaced as a whole. A schedule that diffusers has no name for is written as trained_betas.
 * Throws CheckpointError when a file cannot be written.
 */
export async function writeDiffusersFolder(folder: string, model: Omit<DiffusersModel, "tensors"> & { tensors: StateDict }): Promise<void> {
  const { schedule, config, objective, variance, clip, tensors } = model;
  const betaSchedule = nameOf(scheduleNames, schedule.name);
  const scheduler = {
    _class_name: "DDPMScheduler", _diffusers_version: "0.20.0", num_train_timesteps: schedule.timesteps, beta_start: schedule.betaStart, beta_end: schedule.betaEnd,
    beta_schedule: betaSchedule ?? "linear", trained_betas: betaSchedule === undefined ? Array.from(makeSchedule(schedule).betas) : null,
    ...(betaSchedule === undefined ? { [OWN_SCHEDULE]: schedule } : {}),
    prediction_type: nameOf(predictionNames, objective), variance_type: nameOf(varianceNames, variance), clip_sample: clip,
  };
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new CheckpointError(`cannot make the folder ${folder}`, [`reason   ${(error as NodeJS.ErrnoException).code ?? String(error)}`]);
  }
  await saveSafetensors(join(folder, WEIGHTS), tensors, { format: "pt" });
  await writeJson(join(folder, "config.json"), { _class_name: "UNet2DModel", _diffusers_version: "0.20.0", act_fn: "silu", ...config });
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

function readJsonFile(path: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CheckpointError(`cannot read ${path}`, [`reason   ${code === "ENOENT" ? "no such file" : message}`]);
  }
}
