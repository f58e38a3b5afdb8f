/** The flags of `train` beside the configuration's own, and the configuration that all of them make. */
import { statSync } from "node:fs";
import { ConfigError } from "@fromnoise/tensor";
import { field, migrateFields, optional } from "../config/fields.js";
import { flagsOf, givenFields, optionsOf, type FlagValues } from "../config/flags.js";
import { flag, integer, isObject, numbers, oneOf, text } from "@fromnoise/nn/kinds";
import { openDataset } from "../data/node/index.js";
import { readJson } from "../models/node/files.js";
import { isLearned, type VarianceKind } from "../process/schedules.js";
import {
  smallUNet, trainConfig, trainDefaults, trainFields, type ResumeOverrides, type TrainConfig, type TrainConfigInput,
} from "../train/config.js";

/** Where a run is, and what it starts from. */
export const runFields = {
  out: optional(text, "folder of the run", { value: "DIR", shown: "runs/<data>" }),
  resume: field(flag, false, "continue the run in --out"),
  config: optional(text, "JSON with any of the fields of a run's config.json; flags go on top", { value: "FILE" }),
};

/** What makes the field `model` of the configuration, together with the data. */
export const modelFields = {
  size: optional(integer({ from: 1 }), "side of the images in pixels", { shown: "the data's own, 32 for folders" }),
  channels: optional(oneOf([1, 3]), "gray or RGB", { shown: "the data's own, 3 for folders" }),
  width: optional(numbers("32,64,128"), "channels of the U-Net's levels", { shown: String(smallUNet.block_out_channels) }),
  layers: optional(integer({ from: 1 }), "residual blocks per level", { shown: String(smallUNet.layers_per_block) }),
  classes: optional(flag, "class-conditional, where the data has labels"),
  model: optional(text, "the network as diffusers' config.json; the five flags above go on top", { value: "FILE" }),
};

/** Flags of what may change when a run is resumed. */
const resumable = flagsOf(trainFields).filter(({ field: { resume } }) => resume === true);
export const RESUMABLE = resumable.map(({ name }) => `--${name}`);

/**
 * The config that flags and the files they name describe. Unless they say otherwise the variance of a run with the loss hybrid is
 * learned-range. Throws ConfigError, and ImageError for data that cannot be read.
 */
export function configOf(flags: FlagValues): TrainConfig {
  const { config: file } = optionsOf(runFields, flags);
  const input = merged(file === undefined ? {} : migrateFields(trainFields, readJson(file)), givenFields(trainFields, flags));
  const { model: modelFile } = optionsOf(modelFields, flags);
  const base = modelFile === undefined ? input["model"] : readJson(modelFile);
  const data = input["data"] ?? trainDefaults.data;
  const learned = input["loss"] === "hybrid" ? { variance: "learned-range" } : {};
  const sampling = { ...learned, ...input["sampling"] as object | undefined };
  if (Object.keys(sampling).length > 0) input["sampling"] = sampling;
  if (typeof data === "string" && data !== "" && (base === undefined || isObject(base))) {
    input["model"] = modelOf(base, flags, data, "variance" in sampling && isLearned(sampling.variance as VarianceKind) ? 2 : 1);
  }
  return trainConfig(input as TrainConfigInput);
}

/** Fields of a file with those of flags on top, group by group. */
function merged(file: Readonly<Record<string, unknown>>, flags: TrainConfigInput): Record<string, unknown> {
  const onTop = Object.entries(flags).map(([name, value]) => {
    const group = "fields" in trainFields[name as keyof TrainConfig];
    return [name, group && typeof file[name] === "object" ? { ...file[name], ...value as object } : value] as const;
  });
  return { ...file, ...Object.fromEntries(onTop) };
}

/**
 * The given network with the flags on top; without one, the small U-Net of the defaults in the data's size and channels, with so
 * many outputs for each of them.
 */
function modelOf(base: object | undefined, flags: FlagValues, data: string, heads: number): Record<string, unknown> {
  const { size, channels, width, layers, classes } = optionsOf(modelFields, flags);
  const given = flagsOf(modelFields).find(({ name }) => flags.has(name) && name !== "model");
  if (base !== undefined && "kind" in base && given !== undefined) {
    throw new ConfigError(`--${given.name} is for U-Nets`, [`model    of kind ${JSON.stringify(base.kind)}`]);
  }
  const model: Record<string, unknown> = { ...(base ?? smallUNet) };
  if (base === undefined) {
    const [side, , own] = isFolder(data) ? [32, 32, 3] : openDataset(data, size === undefined ? {} : { size }).shape;
    Object.assign(model, { sample_size: side, in_channels: own, out_channels: heads * own });
  }
  if (size !== undefined) model["sample_size"] = size;
  if (channels !== undefined) Object.assign(model, { in_channels: channels, out_channels: heads * channels });
  if (layers !== undefined) model["layers_per_block"] = layers;
  if (width !== undefined) Object.assign(model, levels(width));
  if (classes !== undefined) model["num_class_embeds"] = classes ? classesOf(data) : null;
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
export function resumeOverrides(flags: FlagValues): ResumeOverrides {
  const names = resumable.map(({ name }) => name);
  const fixed = [...flags.keys()].find((name) => name !== "out" && name !== "resume" && !names.includes(name));
  if (fixed === undefined) return givenFields(trainFields, flags) as ResumeOverrides;
  throw new ConfigError(`--${fixed} cannot change when a run is resumed`, [`allowed  ${RESUMABLE.join(", ")}`]);
}
