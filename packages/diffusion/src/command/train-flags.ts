/** The flags of `train`, and the config they make. */
import { statSync } from "node:fs";
import { ConfigError } from "@fromnoise/tensor";
import type { UNetOptions } from "@fromnoise/nn";
import { migrateFields } from "../config/renamed.js";
import { openDataset } from "../data/index.js";
import { readJson } from "../files.js";
import { LOSS_WEIGHTINGS, PREDICTIONS } from "../predictions.js";
import { SCHEDULE_NAMES } from "../schedules.js";
import {
  DTYPES, INIT_SCHEMES, LR_SCHEDULES, trainConfig, trainDefaults, type TrainConfig, type TrainConfigInput,
} from "../train/config.js";
import type { ResumeOverrides } from "../train/run.js";
import { deviceFlag, type Arguments, type Flag } from "./options.js";

/** A flag that sets one field of the config, "lr" optimizer.lr. */
type ConfigFlag = Flag & { field: string };

const d = trainDefaults;
const baseModel = d.model as { block_out_channels: number[]; layers_per_block: number };
export const configFlags: readonly ConfigFlag[] = [
  {
    name: "data", field: "data", kind: "text", value: "NAME",
    help: "digits, faces, pixel-faces, a folder of images, or SHEET.png:TILE", default: d.data,
  },
  { name: "flip", field: "flip", kind: "boolean", help: "mirror half of the images" },
  {
    name: "steps", field: "steps", kind: "integer", min: 1, value: "N", help: "optimiser steps in all", default: String(d.steps),
  },
  {
    name: "batch", field: "batch", kind: "integer", min: 1, value: "N", help: "images per micro-batch", default: String(d.batch),
  },
  {
    name: "accumulate", field: "accumulate", kind: "integer", min: 1, value: "K", help: "micro-batches per optimiser step",
    default: String(d.accumulate),
  },
  { name: "lr", field: "optimizer.lr", kind: "number", value: "X", help: "learning rate", default: String(d.optimizer.lr) },
  {
    name: "lr-schedule", field: "lrSchedule.name", kind: "text", value: "NAME", help: "course of the learning rate",
    choices: LR_SCHEDULES, default: d.lrSchedule.name,
  },
  {
    name: "warmup", field: "lrSchedule.warmup", kind: "integer", min: 0, value: "N",
    help: "steps over which the learning rate rises", default: String(d.lrSchedule.warmup),
  },
  {
    name: "weight-decay", field: "optimizer.weightDecay", kind: "number", value: "X",
    help: "decoupled weight decay (AdamW)", default: "0",
  },
  {
    name: "grad-clip", field: "gradClip", kind: "number", value: "X", help: "largest gradient norm, 0 off",
    default: String(d.gradClip),
  },
  {
    name: "ema", field: "ema.decay", kind: "number", value: "X", help: "decay of the averaged weights",
    default: String(d.ema.decay),
  },
  {
    name: "schedule", field: "schedule.name", kind: "text", value: "NAME", help: "noise schedule",
    choices: SCHEDULE_NAMES, default: d.schedule.name,
  },
  {
    name: "timesteps", field: "schedule.timesteps", kind: "integer", min: 1, value: "T", help: "noising steps",
    default: String(d.schedule.timesteps),
  },
  {
    name: "prediction", field: "prediction", kind: "text", value: "NAME", help: "what the network predicts",
    choices: PREDICTIONS, default: d.prediction,
  },
  {
    name: "weighting", field: "weighting", kind: "text", value: "NAME", help: "loss weights",
    choices: LOSS_WEIGHTINGS, default: d.weighting,
  },
  { name: "init", field: "init", kind: "text", value: "NAME", help: "initial weights", choices: INIT_SCHEMES, default: d.init },
  {
    name: "seed", field: "seed", kind: "integer", min: 0, value: "N", help: "seed of all random numbers", default: String(d.seed),
  },
  { ...deviceFlag(d.device), field: "device" },
  { name: "dtype", field: "dtype", kind: "text", value: "NAME", help: "number type", choices: DTYPES, default: d.dtype },
  {
    name: "checkpoint-every", field: "checkpointEvery", kind: "integer", min: 1, value: "N", help: "steps between checkpoints",
    default: String(d.checkpointEvery),
  },
  {
    name: "preview-every", field: "previewEvery", kind: "integer", min: 0, value: "N",
    help: "steps between preview grids, 0 none", default: String(d.previewEvery),
  },
  { name: "keep", field: "keep", kind: "integer", min: 1, value: "N", help: "checkpoints kept", default: String(d.keep) },
];

export const modelFlags: readonly Flag[] = [
  {
    name: "size", kind: "integer", min: 1, value: "N", help: "side of the images in pixels",
    default: "the data's own, 32 for folders",
  },
  {
    name: "channels", kind: "text", value: "N", help: "gray or RGB", choices: ["1", "3"],
    default: "the data's own, 3 for folders",
  },
  {
    name: "width", kind: "list", value: "A,B,...", help: "channels of the U-Net's levels",
    default: baseModel.block_out_channels.join(","),
  },
  {
    name: "layers", kind: "integer", min: 1, value: "N", help: "residual blocks per level",
    default: String(baseModel.layers_per_block),
  },
  { name: "classes", kind: "boolean", help: "class-conditional, where the data has labels" },
  { name: "model", kind: "text", value: "FILE", help: "the network as diffusers' config.json; the five flags above go on top" },
];

/** Flags of what may change when a run is resumed. */
export const RESUMABLE = ["data", "steps", "device", "checkpoint-every", "preview-every", "keep"];

/** The config that flags and the files they name describe. Throws ConfigError, and ImageError for data that cannot be read. */
export function configOf(flags: Arguments["flags"]): TrainConfig {
  const input: Record<string, unknown> = flags["config"] === undefined ? {} : migrateFields(readJson(flags["config"] as string));
  for (const { name, field } of configFlags) {
    if (flags[name] === undefined) continue;
    const [outer, inner] = field.split(".");
    input[outer] = inner === undefined ? flags[name] : { ...(input[outer] as object | undefined), [inner]: flags[name] };
  }
  const base = flags["model"] === undefined ? input["model"] as object | undefined : readJson(flags["model"] as string);
  const data = input["data"] ?? d.data;
  if (typeof data === "string" && data !== "" && typeof (base ?? {}) === "object") input["model"] = modelOf(base, flags, data);
  return trainConfig(input as TrainConfigInput);
}

/** The given network with the flags on top; without one, the small U-Net of the defaults in the data's size and channels. */
function modelOf(base: object | undefined, flags: Arguments["flags"], data: string): UNetOptions {
  const model: Record<string, unknown> = { ...(base ?? baseModel) };
  const size = flags["size"] as number | undefined;
  const channels = flags["channels"] === undefined ? undefined : Number(flags["channels"]) as 1 | 3;
  if (base === undefined) {
    const found = isFolder(data) ? { size: 32, channels: 3 } : openDataset(data, size === undefined ? {} : { size });
    Object.assign(model, { sample_size: found.size, in_channels: found.channels, out_channels: found.channels });
  }
  if (size !== undefined) model["sample_size"] = size;
  if (channels !== undefined) Object.assign(model, { in_channels: channels, out_channels: channels });
  if (flags["layers"] !== undefined) model["layers_per_block"] = flags["layers"];
  if (flags["width"] !== undefined) Object.assign(model, levels(flags["width"] as number[]));
  if (flags["classes"] !== undefined) model["num_class_embeds"] = flags["classes"] === true ? classesOf(data) : null;
  return model;
}

/** Levels of these widths, attention at the last one, the largest number of groups up to 8 that divides all widths. */
function levels(widths: readonly number[]): Record<string, unknown> {
  return {
    block_out_channels: widths, norm_num_groups: [8, 4, 2].find((groups) => widths.every((w) => w % groups === 0)) ?? 1,
    down_block_types: widths.map((_, i) => (i === widths.length - 1 ? "AttnDownBlock2D" : "DownBlock2D")),
    up_block_types: widths.map((_, i) => (i === 0 ? "AttnUpBlock2D" : "UpBlock2D")),
  };
}

function isFolder(data: string): boolean {
  return statSync(data, { throwIfNoEntry: false })?.isDirectory() === true;
}

function classesOf(data: string): number {
  const classes = isFolder(data) ? undefined : openDataset(data).classes;
  if (classes === undefined) throw new ConfigError(`--classes: ${data} has no labels`, ["allowed  data with labels: digits"]);
  return classes;
}

/** What the flags change of a run that is resumed. Throws ConfigError for a flag of anything else. */
export function resumeOverrides(flags: Arguments["flags"]): ResumeOverrides {
  const overrides: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(flags)) {
    if (name === "out" || name === "resume") continue;
    const flag = configFlags.find((f) => f.name === name);
    if (flag === undefined || !RESUMABLE.includes(name)) {
      throw new ConfigError(
        `--${name} cannot change when a run is resumed`, [`allowed  ${RESUMABLE.map((n) => `--${n}`).join(", ")}`],
      );
    }
    overrides[flag.field] = value;
  }
  return overrides as ResumeOverrides;
}
