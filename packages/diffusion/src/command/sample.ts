import { join } from "node:path";
import { ConfigError, type Device } from "@fromnoise/tensor";
import { replaceFile, side } from "@fromnoise/nn";
import { guidanceFields } from "../denoisers/guided.js";
import { deviceField } from "../config/device.js";
import { field, optional, type OptionsOf } from "../config/fields.js";
import { flagsOf, optionsOf } from "../config/flags.js";
import { flag, integer, number, oneOf, text } from "@fromnoise/nn/kinds";
import type { ClipOptions } from "../denoisers/clipped.js";
import type { DiffusionModel } from "../denoisers/denoiser.js";
import { makeFolder, readJson } from "../models/node/files.js";
import { encodePng, grid, imageBitmap, strip, type Bitmap } from "../image/node/index.js";
import type { LoadModelOptions } from "../models/load-model.js";
import { WEIGHTS, type Weights } from "../models/model-format.js";
import { loadModel } from "../models/node/load.js";
import { sampleImages, samplingSteps, type SamplingOptions, type SamplingResult } from "../models/sample-images.js";
import { trainDefaults } from "../train/config.js";
import { samplers } from "../samplers/index.js";
import { revectorizeField, withDevice, type Arguments, type Command } from "./command.js";
import { modelPath, recipeField } from "./model-operand.js";
import { openProgress, type Progress } from "./progress.js";
import { samplingIn, type Sampling } from "./sampling-flags.js";

/** Averaged or raw weights: of `sample` and `export`. */
export const weightsField = optional(oneOf(WEIGHTS), "averaged or raw weights", { shown: "ema, where the model has it" });

/** Of a folder that diffusers wrote: of `sample`, `import` and `likelihood`. */
export const variantField = optional(text, "which weights of a folder that diffusers wrote, such as fp16", { shown: "those without a variant" });

/** Of a file of PyTorch: of all that read models. */
export const networkField = optional(text, "JSON of what a file of PyTorch does not say itself, see docs/pytorch-files.md", { value: "FILE" });

/** What a model's reader is asked for by them. Throws ConfigError where the file of --network cannot be read. */
export function askedFor({ weights, variant, network }: {
  weights?: Weights | undefined; variant?: string | undefined; network?: string | undefined;
}): Omit<LoadModelOptions, "networks"> {
  return {
    ...(weights === undefined ? {} : { weights }), ...(variant === undefined ? {} : { variant }), ...(network === undefined ? {} : { network: readJson(network) }),
  };
}

/** More are drawn in parts, by --first. */
const count = integer({ from: 1, to: 1_000_000 });
export const sampleFields = {
  out: field(text, "samples", "folder for samples.png, denoising.png and x0.png", { value: "DIR" }),
  count: field(count, 64, "number of images"),
  first: field(integer({ to: 2 ** 32 }), 0, "number of the first image: --count 50 --first 50 are the second half of --count 100", { value: "N" }),
  batch: field(count, 64, "images per batch"),
  recipe: recipeField,
  sampler: optional(oneOf(samplers.map(({ name }) => name)), "how to get from noise to images", { shown: samplers[0].name }),
  clipX0: optional(flag, "clip the guess of x0 to [-1, 1]; --no-clip-x0 does not", { shown: "the model's", was: "clip" }),
  dynamicThreshold: optional(
    number({ above: 0, to: 1 }), "clip every image to this quantile of its own guess of x0 and divide by it, 0.995 for instance", { value: "Q" },
  ),
  keepEps: field(flag, false, "where x0 is clipped, keep the network's eps, as diffusers' DDIM does"),
  class: optional(integer(), "class of all images, for class-conditional models", { shown: "all in turn" }),
  weights: weightsField,
  variant: variantField,
  network: networkField,
  separate: field(flag, false, "also write every image as a file of its own, by its number"),
  size: optional(side, "side of the images", { shown: "the model's own" }),
  seed: field(integer(), 0, "seed of the noise"),
  device: deviceField(trainDefaults.device),
  revectorize: revectorizeField,
};

export const sample: Command = {
  name: "sample",
  summary: "draw images from a trained model",
  usage: "fromnoise sample RUN|CHECKPOINT|DIFFUSERS-FOLDER|FILE.pt [flags]   or   fromnoise sample --recipe NAME [flags]",
  operands: ["[model]"],
  flags: [
    ...flagsOf(sampleFields), ...flagsOf(guidanceFields, "guidance without a classifier"),
    ...samplers.flatMap(({ name, summary, fields }) => flagsOf(fields, `--sampler ${name}, ${summary}`)),
  ],
  notes: [
    "samples.png is a grid of the images; denoising.png follows the first eight from noise to image, x0.png the network's guess",
    "of them on the way. Files of these names in --out are replaced.",
  ].join("\n"),
  run: runSample,
};

async function runSample({ operands: [operand], flags }: Arguments): Promise<number> {
  const options = optionsOf(sampleFields, flags);
  const path = modelPath(operand, options.recipe, sample);
  const { count, first, out, device, revectorize, separate } = options;
  const sampling = samplingIn(flags, options.recipe);
  const result = await withDevice(device, revectorize, (opened) => draw(path, opened, options, sampling));
  await writeSamples(out, result, separate, first);
  const images = count === 1 ? "1 image" : `${count} images`;
  console.log(`wrote ${images} to ${join(out, "samples.png")}, the way there to denoising.png and x0.png beside it`);
  return 0;
}

async function draw(
  path: string, device: Device, options: OptionsOf<typeof sampleFields>, sampling: Sampling,
): Promise<SamplingResult> {
  const { count, first, batch, seed, size } = options;
  const model = await loadModel(path, device, askedFor(options));
  console.error(`model    ${model.source}`);
  console.error(`device   ${device.description}`);
  const { sample, classes } = model.network.spec;
  if (size === undefined && sample.includes(null)) throw new ConfigError("--size is missing: the model's config has no sample_size");
  return sampleShowing({
    model, device, count, first, batch, seed, clipX0: clippingOf(options, model), ...sampling,
    size: size === undefined ? undefined : [size, size], labels: labelsOf(options.class, classes, count),
  });
}

/** `sampleImages` with a progress bar on standard error, and ten moments of the first eight images recorded. */
export async function sampleShowing<O extends object, S>(options: SamplingOptions<O, S>): Promise<SamplingResult> {
  const progress: Progress = openProgress("reverse step", samplingSteps(options));
  try {
    return await sampleImages({ ...options, record: { rows: 8, columns: 10 }, onStep: (done) => progress.update(done) });
  } finally {
    progress.stop();
  }
}

/** samples.png, denoising.png (x_t) and x0.png (the guesses of x_0) in a folder. Throws ConfigError and CheckpointError. */
export async function writeSamples(out: string, { images, moments }: SamplingResult, separate = false, first = 0): Promise<void> {
  makeFolder(out);
  const times = moments.map(({ at: { index, time } }) => `t=${index ?? Number(time.toFixed(1))}`);
  const followed = moments[0].xt;
  const samples = { shape: followed.shape, data: images.data.slice(0, followed.data.length) };
  await writePng(join(out, "samples.png"), grid(images, { background: 0 }));
  const way = [...moments.map(({ xt }) => xt), samples];
  await writePng(join(out, "denoising.png"), strip(way, { labels: [...times, "sample"], background: 0 }));
  await writePng(join(out, "x0.png"), strip(moments.map(({ x0 }) => x0), { labels: times, background: 0 }));
  if (!separate) return;
  const [count, ...shape] = images.shape;
  const length = shape.reduce((a, b) => a * b, 1);
  for (let i = 0; i < count; i++) {
    const data = images.data.slice(i * length, (i + 1) * length);
    await writePng(join(out, `${String(first + i).padStart(5, "0")}.png`), imageBitmap({ shape: [1, ...shape], data }));
  }
}

export async function writePng(path: string, bitmap: Bitmap): Promise<void> {
  const bytes = encodePng(bitmap);
  await replaceFile(path, [bytes], bytes.length);
}

/** How guesses of x0 are clipped. Throws ConfigError where flags ask for kinds of clipping and for none. */
export function clippingOf(
  { clipX0, dynamicThreshold: quantile, keepEps }: Pick<OptionsOf<typeof sampleFields>, "clipX0" | "dynamicThreshold" | "keepEps">, model: DiffusionModel,
): boolean | ClipOptions | undefined {
  if (quantile === undefined && !keepEps) return clipX0;
  const own: ClipOptions = typeof model.clipX0 === "object" && clipX0 === undefined ? model.clipX0 : { to: 1 };
  if (!(clipX0 ?? (quantile !== undefined || model.clipX0 !== false))) {
    throw new ConfigError(`${keepEps ? "--keep-eps" : "--dynamic-threshold"} means nothing where x0 is not clipped`, ["hint     --clip-x0 clips it"]);
  }
  return { ...own, ...(quantile === undefined ? {} : { to: "dynamic" as const, quantile }), ...(keepEps ? { eps: "keep" as const } : {}) };
}

function labelsOf(wanted: number | undefined, classes: number | undefined, count: number): number[] | undefined {
  if (wanted === undefined) return undefined;
  if (classes === undefined) throw new ConfigError("--class: the model has no classes");
  if (wanted < classes) return new Array<number>(count).fill(wanted);
  throw new ConfigError(`--class: ${wanted} is not allowed`, [`allowed  0 .. ${classes - 1}`]);
}
