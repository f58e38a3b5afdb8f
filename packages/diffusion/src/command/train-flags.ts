/** The flags of `train` beside the configuration's own, and the configuration that all of them make. */
import { statSync } from "node:fs";
import { ConfigError } from "@fromnoise/tensor";
import { MOST_LEVELS, channelCount, eraNames, depthCount, networkOf, side, type LucidrainsConfig } from "@fromnoise/nn";
import { field, migrateFields, optional } from "../config/fields.js";
import { flagsOf, givenFields, optionsOf, type FlagValues } from "../config/flags.js";
import { flag, isObject, list, number, oneOf, text } from "@fromnoise/nn/kinds";
import { openDataset } from "../data/node/index.js";
import { readJson } from "../models/node/files.js";
import { isLearned, type VarianceKind } from "../process/schedules.js";
import {
  smallUNet, trainConfig, trainDefaults, trainFields, type ResumeOverrides, type TrainConfig, type TrainConfigInput,
} from "../train/config.js";
import { networkSpec, type ModelFields } from "../train/model-fields.js";
import { recipeNames, recipes, type Recipe } from "../train/recipes.js";
import { revectorizeField } from "./command.js";

/** Where a run is, and what it starts from. */
export const runFields = {
  out: optional(text, "folder of the run", { value: "DIR", shown: "runs/<data>" }),
  resume: field(flag, false, "continue the run in --out"),
  recipe: optional(
    oneOf(recipeNames), `${recipes.map(({ name, summary }) => `${name}, ${summary}`).join("; ")}. What else is given goes on top. One of`,
  ),
  preset: optional(oneOf(recipeNames), "the same by the name that it had"),
  minutes: optional(
    number({ above: 0 }), "as many steps as end within this time: some are run and thrown away, then the number is fixed, as if --steps had said it", { shown: "--steps" },
  ),
  config: optional(text, "JSON with any of the fields of a run's config.json; flags go on top", { value: "FILE" }),
  revectorize: revectorizeField,
};

/** What makes the field `model` of the configuration, together with the data. */
export const modelFields = {
  network: optional(
    oneOf(["unet", "dit", "lucidrains"]), "a U-Net, a transformer over patches, or lucidrains' U-Net", { shown: "unet" },
  ),
  size: optional(side, "side of the images in pixels", { shown: "the data's own, 32 for folders" }),
  channels: optional(oneOf([1, 3]), "gray or RGB", { shown: "the data's own, 3 for folders" }),
  width: optional(
    list(channelCount, "32,64,128", MOST_LEVELS), "channels of the U-Net's levels; of a DiT one number, and lucidrains' dim",
    { shown: `${String(smallUNet.block_out_channels)}; 64; 64` },
  ),
  layers: optional(
    depthCount, "residual blocks per level; blocks of a DiT", { shown: `${String(smallUNet.layers_per_block)}; 4` },
  ),
  patch: optional(side, "side of the patches that a DiT or U-Net sees as one place, in pixels", { shown: "2 of a DiT, 1 of a U-Net" }),
  heads: optional(channelCount, "attention heads of a DiT", { shown: "4" }),
  era: optional(oneOf(eraNames), "version of denoising-diffusion-pytorch from which on lucidrains' U-Net was as it is meant", { shown: "1.8" }),
  classes: optional(flag, "class-conditional, where the data has labels; with a null class under --label-drop"),
  selfCondition: optional(flag, "tell the network its own guess of the step before"),
  model: optional(text, "the network as diffusers' config.json, or {kind, config}; the flags above go on top", { value: "FILE" }),
};

/** Flags of what may change when a run is resumed. */
const resumable = flagsOf(trainFields).filter(({ field: { resume } }) => resume === true);
export const RESUMABLE = resumable.map(({ name }) => `--${name}`);

/**
 * The config that flags and the files they name describe. Unless they say otherwise the variance of a run with the loss hybrid is
 * learned-range. Throws ConfigError, and ImageError for data that cannot be read.
 */
export function configOf(flags: FlagValues): TrainConfig {
  const { config: file, minutes } = optionsOf(runFields, flags), recipe = recipeIn(flags);
  if (minutes !== undefined && flags.has("steps")) throw new ConfigError("--minutes and --steps contradict each other", ["allowed  one of them"]);
  const settings = recipe?.config ?? {};
  const saved = file === undefined ? {} : migrateFields(trainFields, readJson(file));
  const input = merged(merged(settings, saved), givenFields(trainFields, flags));
  const { model: modelFile, network } = optionsOf(modelFields, flags);
  const { model: ofRecipe } = settings;
  if (ofRecipe !== undefined && input["model"] === ofRecipe && network !== undefined && network !== networkSpec(ofRecipe).kind) {
    delete input["model"];                                                   // the flag wins over the recipe
  }
  if (recipe?.ownData === true && input["data"] === undefined) {
    throw new ConfigError(`--data is missing: the recipe ${recipe.name} is for images of one's own`, ["pass     --data FOLDER, or SHEET.png:TILE"]);
  }
  const base = modelFile === undefined ? input["model"] : readJson(modelFile);
  const data = input["data"] ?? trainDefaults.data;
  const learned = input["loss"] === "hybrid" ? { variance: "learned-range" } : {};
  const sampling = { ...learned, ...input["sampling"] as object | undefined };
  if (Object.keys(sampling).length > 0) input["sampling"] = sampling;
  if (typeof data === "string" && data !== "" && (base === undefined || isObject(base))) {
    const heads = "variance" in sampling && isLearned(sampling.variance as VarianceKind) ? 2 : 1;
    input["model"] = modelOf(base, flags, data, { heads, nullClass: Number(input["labelDrop"] ?? 0) > 0 });
  }
  return trainConfig(input as TrainConfigInput);
}

/** The recipe that flags ask for. Throws ConfigError where they ask for two. */
export function recipeIn(flags: FlagValues): Recipe | undefined {
  const { recipe, preset } = optionsOf(runFields, flags);
  if (recipe !== undefined && preset !== undefined) throw new ConfigError("--recipe and --preset are the same", ["allowed  one of them"]);
  return recipes.find(({ name }) => name === (recipe ?? preset));
}

/** Fields with others on top, group by group. */
function merged(below: Readonly<Record<string, unknown>>, above: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const onTop = Object.entries(above).map(([name, value]) => {
    const group = Object.hasOwn(trainFields, name) && "fields" in trainFields[name as keyof TrainConfig];
    return [name, group && isObject(below[name]) && isObject(value) ? { ...below[name], ...value } : value] as const;
  });
  return { ...below, ...Object.fromEntries(onTop) };
}

/** What the rest of the configuration asks of a network: values for each value of a sample, and a class that means none. */
interface Asked { readonly heads: number; readonly nullClass: boolean }

/** The given network with the flags on top; without one, a small one of the defaults in the data's size and channels. */
function modelOf(
  base: Readonly<Record<string, unknown>> | undefined, flags: FlagValues, data: string, asked: Asked,
): Record<string, unknown> {
  const { network = "unet" } = optionsOf(modelFields, flags);
  const kind = base === undefined ? network : base["kind"] ?? "unet";
  const others: Readonly<Record<string, readonly string[]>> = {
    unet: ["heads", "era"], dit: ["era"], lucidrains: ["layers", "patch", "heads", "classes"],
  };
  const given = flagsOf(modelFields).map(({ name }) => name).filter((name) => flags.has(name) && name !== "model");
  const wrong = given.find((name) => !Object.hasOwn(others, kind as string) || others[kind as string].includes(name)
    || (name === "network" && network !== kind));
  if (wrong !== undefined) {
    throw new ConfigError(`--${wrong} is not for this network`, [`model    of kind ${JSON.stringify(kind)}`]);
  }
  const config = base !== undefined && "kind" in base ? base["config"] as object : base;
  const model = kind === "dit" ? ditOf(config, flags, data, asked)
    : kind === "lucidrains" ? lucidrainsOf(config, flags, data, asked)
    : kind === "unet" ? unetOf(config, flags, data, asked) : { ...base };
  const wrap = kind !== "lucidrains" && optionsOf(modelFields, flags).selfCondition === true;
  return wrap ? selfConditioned(model) : model;
}

/** A network with room for its own guess, in front of its images. */
function selfConditioned(model: ModelFields): Record<string, unknown> {
  const { kind, config } = networkSpec(model);
  const { sample, outputs } = networkOf({ kind, config }).spec;
  const room = kind === "dit" ? { channels: 2 * sample.at(-1)!, outputs } : { in_channels: 2 * sample.at(-1)! };
  return { kind: "self-conditioned", config: { network: { kind, config: { ...config, ...room } } } };
}

/** The DiT of a config, or of its defaults in the data's size and channels, with the flags on top. */
function ditOf(base: object | undefined, flags: FlagValues, data: string, asked: Asked): Record<string, unknown> {
  const { size, channels, width, layers, patch, heads, classes } = optionsOf(modelFields, flags);
  if (width !== undefined && width.length !== 1) {
    throw new ConfigError(`--width: ${String(width)} is not allowed`, ["allowed  one number for a DiT"]);
  }
  const [dataSide, , own] = base === undefined ? dataShape(data, size) : [];
  const wanted = channels ?? own;
  const given = Object.entries({
    sample_size: size ?? dataSide, channels: wanted, patch, width: width?.[0], depth: layers, heads,
    outputs: wanted === undefined || asked.heads === 1 ? undefined : asked.heads * wanted,
    ...(classes === undefined ? {} : classes ? { classes: classesOf(data), nullClass: asked.nullClass } : { classes: null, nullClass: false }),
  }).filter(([, value]) => value !== undefined);
  return { kind: "dit", config: { ...base, ...Object.fromEntries(given) } };
}

/** lucidrains' U-Net of a config, or of era 1.8 with dim 64, in the data's size and channels unless the config says them. */
function lucidrainsOf(base: object = { era: "1.8", dim: 64 }, flags: FlagValues, data: string, asked: Asked): Record<string, unknown> {
  const { size, channels, width, era, selfCondition } = optionsOf(modelFields, flags);
  if (width !== undefined && width.length !== 1) {
    throw new ConfigError(`--width: ${String(width)} is not allowed`, ["allowed  one number for lucidrains' U-Net, its dim"]);
  }
  const { image_size: held = null, channels: heldChannels } = base as Partial<LucidrainsConfig>;
  const [dataSide, , own] = held === null || heldChannels === undefined ? dataShape(data, size) : [];
  const given = Object.entries({
    image_size: size ?? held ?? dataSide, channels: channels ?? heldChannels ?? own, dim: width?.[0], era, self_condition: selfCondition,
    learned_variance: asked.heads === 2 ? true : undefined,
  }).filter(([, value]) => value !== undefined);
  return { kind: "lucidrains", config: { ...base, ...Object.fromEntries(given) } };
}

/** The U-Net of a config, or the small one of the defaults, likewise. */
function unetOf(base: object | undefined, flags: FlagValues, data: string, { heads, nullClass }: Asked): Record<string, unknown> {
  const { size, channels, width, layers, patch, classes } = optionsOf(modelFields, flags);
  const model: Record<string, unknown> = { ...(base ?? smallUNet) };
  if (base === undefined) {
    const [dataSide, , own] = dataShape(data, size);
    Object.assign(model, { sample_size: dataSide, in_channels: own, out_channels: heads * own });
  }
  if (size !== undefined) model["sample_size"] = size;
  if (channels !== undefined) Object.assign(model, { in_channels: channels, out_channels: heads * channels });
  if (layers !== undefined) model["layers_per_block"] = layers;
  if (patch !== undefined) model["_patch_size"] = patch;
  if (width !== undefined) Object.assign(model, levels(width));
  if (classes !== undefined) {
    delete model["_null_class"];
    model["num_class_embeds"] = classes ? classesOf(data) + Number(nullClass) : null;
    if (classes && nullClass) model["_null_class"] = true;
  }
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

/** [H, W, C] of the data in this size; 32 and RGB for folders. */
function dataShape(data: string, size: number | undefined): readonly number[] {
  return isFolder(data) ? [32, 32, 3] : openDataset(data, size === undefined ? {} : { size }).shape;
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
  const fixed = [...flags.keys()].find((name) => !["out", "resume", "revectorize"].includes(name) && !names.includes(name));
  if (fixed === undefined) return givenFields(trainFields, flags) as ResumeOverrides;
  throw new ConfigError(`--${fixed} cannot change when a run is resumed`, [`allowed  ${RESUMABLE.join(", ")}`]);
}
