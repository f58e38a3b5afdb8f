import { readFileSync } from "node:fs";
import { ConfigError } from "@fromnoise/tensor";
import type { UNetOptions } from "@fromnoise/nn";
import { openDataset } from "../data/index.js";
import { trainConfig, trainDefaults, type TrainConfig, type TrainConfigInput } from "../train/config.js";
import { trainRun, type ResumeOverrides } from "../train/run.js";
import type { Arguments, Command, Flag } from "./options.js";
import { expectPositionals } from "./options.js";
import { openProgress } from "./progress.js";

/** A flag that sets one field of the config, "lr" optimizer.lr. */
type ConfigFlag = Flag & { field: string };

const d = trainDefaults;
const configFlags: readonly ConfigFlag[] = [
  { name: "data", field: "data", kind: "text", value: "NAME", help: "digits, faces, pixel-faces, a folder of images, or SHEET.png:TILE", default: d.data },
  { name: "flip", field: "flip", kind: "boolean", help: "mirror half of the images" },
  { name: "steps", field: "steps", kind: "integer", value: "N", help: "optimiser steps in all", default: String(d.steps) },
  { name: "batch", field: "batch", kind: "integer", value: "N", help: "images per micro-batch", default: String(d.batch) },
  { name: "accumulate", field: "accumulate", kind: "integer", value: "K", help: "micro-batches per optimiser step", default: String(d.accumulate) },
  { name: "lr", field: "optimizer.lr", kind: "number", value: "X", help: "learning rate", default: String(d.optimizer.lr) },
  { name: "lr-schedule", field: "lrSchedule.name", kind: "text", value: "NAME", help: "constant, linear-warmup, cosine", default: d.lrSchedule.name },
  { name: "warmup", field: "lrSchedule.warmup", kind: "integer", value: "N", help: "steps over which the learning rate rises", default: String(d.lrSchedule.warmup) },
  { name: "weight-decay", field: "optimizer.weightDecay", kind: "number", value: "X", help: "decoupled weight decay (AdamW)", default: "0" },
  { name: "clip", field: "clip", kind: "number", value: "X", help: "largest gradient norm, 0 off", default: String(d.clip) },
  { name: "ema", field: "ema.decay", kind: "number", value: "X", help: "decay of the averaged weights", default: String(d.ema.decay) },
  { name: "schedule", field: "schedule.name", kind: "text", value: "NAME", help: "linear, scaled-linear, cosine, sigmoid, quad, const", default: d.schedule.name },
  { name: "timesteps", field: "schedule.timesteps", kind: "integer", value: "T", help: "noising steps", default: String(d.schedule.timesteps) },
  { name: "objective", field: "objective", kind: "text", value: "NAME", help: "what the network predicts: eps, x0, v", default: d.objective },
  { name: "weighting", field: "weighting", kind: "text", value: "NAME", help: "loss weights: simple, snr, min-snr", default: d.weighting },
  { name: "init", field: "init", kind: "text", value: "NAME", help: "initial weights: pytorch, paper", default: d.init },
  { name: "seed", field: "seed", kind: "integer", value: "N", help: "seed of all random numbers", default: String(d.seed) },
  { name: "device", field: "device", kind: "text", value: "NAME", help: "where to compute", default: d.device },
  { name: "dtype", field: "dtype", kind: "text", value: "NAME", help: "f32, f64", default: d.dtype },
  { name: "checkpoint-every", field: "checkpointEvery", kind: "integer", value: "N", help: "steps between checkpoints", default: String(d.checkpointEvery) },
  { name: "preview-every", field: "previewEvery", kind: "integer", value: "N", help: "steps between preview grids, 0 none", default: String(d.previewEvery) },
  { name: "keep", field: "keep", kind: "integer", value: "N", help: "checkpoints kept", default: String(d.keep) },
];

const modelFlags: readonly Flag[] = [
  { name: "size", kind: "integer", value: "N", help: "side of the images in pixels", default: "the data's own, 32 for folders" },
  { name: "channels", kind: "integer", value: "N", help: "1 gray, 3 RGB", default: "the data's own" },
  { name: "width", kind: "list", value: "A,B,...", help: "channels of the U-Net's levels", default: (d.model as { block_out_channels: number[] }).block_out_channels.join(",") },
  { name: "layers", kind: "integer", value: "N", help: "residual blocks per level", default: "1" },
  { name: "classes", kind: "boolean", help: "class-conditional, where the data has labels" },
  { name: "model", kind: "text", value: "FILE", help: "the network as diffusers' config.json, instead of the four above" },
];

const RESUMABLE = ["data", "steps", "device", "checkpoint-every", "preview-every", "keep"];

export const train: Command = {
  name: "train",
  summary: "train a denoiser on images",
  usage: "fromnoise train --out DIR [--data NAME] [flags]   or   fromnoise train --out DIR --resume",
  flags: [
    { name: "out", kind: "text", value: "DIR", help: "folder of the run", default: "runs/<data>" },
    { name: "resume", kind: "boolean", help: `continue the run in --out; only ${RESUMABLE.map((name) => `--${name}`).join(", ")} may change` },
    { name: "config", kind: "text", value: "FILE", help: "JSON with any of the fields of a run's config.json; flags go on top" },
    ...modelFlags, ...configFlags,
  ],
  notes: "Ctrl-C finishes the step, saves and says how to resume.",
  run: runTrain,
};

async function runTrain(args: Arguments): Promise<number> {
  expectPositionals(train, args, 0, 0);
  const { flags } = args;
  const resume = flags["resume"] === true;
  const start = resume ? { resume: resumeOverrides(flags) } : { config: configOf(flags) };
  const out = (flags["out"] as string | undefined) ?? `runs/${runName(resume ? "digits" : (start as { config: TrainConfig }).config.data)}`;
  return trainWithProgress(start, out);
}

/** Trains with a progress bar and Ctrl-C handling, and prints what was written. Returns the exit code. */
export async function trainWithProgress(start: { config: TrainConfig } | { resume: ResumeOverrides }, out: string): Promise<number> {
  const stop = new AbortController();
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
    console.error("\nfinishing this step, then saving; Ctrl-C again stops at once and keeps the last checkpoint");
  };
  process.on("SIGINT", interrupt);
  let progress: ReturnType<typeof openProgress> | undefined;
  try {
    const { trainer, finished } = await trainRun({
      start, out, signal: stop.signal,
      onLine: (line) => console.error(line),
      onStep: ({ step, loss, imagesPerSecond }, { steps }) => {
        progress ??= openProgress("step", steps, step - 1);
        progress.update(step, { loss: loss.toFixed(4), "images/s": imagesPerSecond.toFixed(0) });
      },
    });
    progress?.stop();
    const { step } = trainer;
    await trainer.device.dispose();
    if (finished) {
      console.log(`trained ${step} steps; the run is in ${out}`);
      console.log(`sample with: fromnoise sample ${out}`);
      return 0;
    }
    console.log(`stopped after step ${step}; everything is saved in ${out}`);
    console.log(`resume with: fromnoise train --out ${out} --resume`);
    return 130;
  } finally {
    progress?.stop();
    process.off("SIGINT", interrupt);
  }
}

function configOf(flags: Arguments["flags"]): TrainConfig {
  const input: Record<string, unknown> = flags["config"] === undefined ? {} : readJson("config", flags["config"] as string);
  for (const { name, field } of configFlags) {
    if (flags[name] === undefined) continue;
    const [outer, inner] = field.split(".");
    input[outer] = inner === undefined ? flags[name] : { ...(input[outer] as object | undefined), [inner]: flags[name] };
  }
  const changesModel = modelFlags.some(({ name }) => flags[name] !== undefined);
  if (input["model"] === undefined || changesModel) input["model"] = modelOf(flags, (input["data"] as string | undefined) ?? d.data);
  return trainConfig(input as TrainConfigInput);
}

/** The small U-Net of the defaults, in the size and channels of the data, with the widths that the flags ask for. */
function modelOf(flags: Arguments["flags"], data: string): UNetOptions {
  if (flags["model"] !== undefined) {
    const clash = ["size", "channels", "width", "layers", "classes"].find((name) => flags[name] !== undefined);
    if (clash !== undefined) throw new ConfigError(`--${clash} and --model exclude each other`, ["--model    names a file that describes the whole network"]);
    return readJson("model", flags["model"] as string);
  }
  const size = flags["size"] as number | undefined;
  const channels = flags["channels"] as 1 | 3 | undefined;
  if (channels !== undefined && channels !== 1 && channels !== 3) throw new ConfigError(`--channels: ${String(channels)} is not allowed`, ["allowed  1, 3"]);
  const isFolderLike = !["digits", "faces", "pixel-faces"].includes(data) && size === undefined && !/:\d+$/.test(data);
  const dataset = openDataset(data, { ...(isFolderLike ? { size: 32 } : size === undefined ? {} : { size }), ...(channels === undefined ? {} : { channels }) });
  const base = d.model as Record<string, unknown>;
  const width = (flags["width"] as number[] | undefined) ?? (base["block_out_channels"] as number[]);
  const levels = width.length;
  const groups = [8, 4, 2, 1].find((g) => width.every((w) => w % g === 0))!;
  return {
    ...base, sample_size: dataset.size, in_channels: dataset.channels, out_channels: dataset.channels,
    layers_per_block: (flags["layers"] as number | undefined) ?? base["layers_per_block"], block_out_channels: width, norm_num_groups: groups,
    down_block_types: Array.from({ length: levels }, (_, i) => (i === levels - 1 ? "AttnDownBlock2D" : "DownBlock2D")),
    up_block_types: Array.from({ length: levels }, (_, i) => (i === 0 ? "AttnUpBlock2D" : "UpBlock2D")),
    num_class_embeds: flags["classes"] === true ? dataset.classes ?? noClasses(data) : null,
  };
}

function noClasses(data: string): never {
  throw new ConfigError(`--classes: ${data} has no labels`, ["allowed  data with labels: digits"]);
}

function resumeOverrides(flags: Arguments["flags"]): ResumeOverrides {
  const overrides: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(flags)) {
    if (name === "out" || name === "resume") continue;
    const flag = configFlags.find((f) => f.name === name);
    if (flag === undefined || !RESUMABLE.includes(name)) {
      throw new ConfigError(`--${name} cannot change when a run is resumed`, [`allowed  ${RESUMABLE.map((n) => `--${n}`).join(", ")}`]);
    }
    overrides[flag.field] = value;
  }
  return overrides as ResumeOverrides;
}

/** Reads a JSON object. Throws ConfigError naming the flag and the file. */
export function readJson(flag: string, path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`--${flag}: cannot read ${path}`, [`reason   ${(error as NodeJS.ErrnoException).code ?? String(error)}`]);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw new ConfigError(`--${flag}: ${path} is not JSON`, [`reason   ${(error as Error).message}`]);
  }
  throw new ConfigError(`--${flag}: ${path} does not hold a JSON object`);
}

/** A folder name for a run on this data. */
function runName(data: string): string {
  return data.split(/[/\\]/).filter((part) => part !== "").at(-1)!.replace(/[^\w.-]/g, "-");
}
