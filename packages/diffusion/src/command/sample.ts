import { basename, join } from "node:path";
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
import type { LoadModelOptions, TrainedModel } from "../models/load-model.js";
import { WEIGHTS, type Weights } from "../models/model-format.js";
import { loadModel } from "../models/node/load.js";
import { sampleImages, samplingSteps, type SampleBatch, type SamplingOptions, type SamplingResult } from "../models/sample-images.js";
import { trainDefaults } from "../train/config.js";
import { samplers } from "../samplers/index.js";
import { revectorizeField, withDevice, type Arguments, type Command } from "./command.js";
import { modelPath, recipeField } from "./model-operand.js";
import { openProgress, type Progress } from "./progress.js";
import { samplingIn, type Sampling } from "./sampling-flags.js";
import { checkScatter, readPoints, scatterFields, writeScatter } from "./scatter.js";
import { held, rangeOf, settingsOf, shareField, writeShare, type Range, type Share } from "./share.js";

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
  share: shareField,
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
  ...scatterFields,
  size: optional(side, "side of the images", { shown: "the model's own" }),
  seed: field(integer(), 0, "seed of the noise"),
  device: deviceField(trainDefaults.device),
  revectorize: revectorizeField,
};

export const sample: Command = {
  name: "sample",
  summary: "draw images from a trained model",
  usage: "fromnoise sample RUN|CHECKPOINT|DIFFUSERS-FOLDER|FILE.pt [flags]   or   fromnoise sample --recipe NAME [flags]",
  examples: [
    "fromnoise sample --recipe faces",
    "fromnoise sample runs/digits --count 100 --class 3 --guidance 1.5 --out threes",
    "fromnoise sample runs/digits --sampler dpm++2m --steps 20 --seed 7",
    "fromnoise sample runs/digits --count 1000 --share 3/16 --out parts",
    "fromnoise sample moons.safetensors --count 2000 --scatter --over moons.txt",
  ],
  operands: ["[model]"],
  flags: [
    ...flagsOf(sampleFields), ...flagsOf(guidanceFields, "guidance without a classifier"),
    ...samplers.flatMap(({ name, summary, fields }) => flagsOf(fields, `--sampler ${name}, ${summary}`)),
  ],
  notes: [
    "samples.png is a grid of the images; denoising.png follows the first eight from noise to image, x0.png the network's guess",
    "of them on the way. Files of these names in --out are replaced. --share 3/16 writes the third of sixteen parts of --count instead, and",
    "`fromnoise join` puts them together. Samples that are points of the plane become scatter.svg, by --scatter, in place of these pictures.",
  ].join("\n"),
  run: runSample,
};

async function runSample({ operands: [operand], flags }: Arguments): Promise<number> {
  const options = optionsOf(sampleFields, flags);
  const path = modelPath(operand, options.recipe, sample);
  const { count, first, out, device, revectorize, separate, share, scatter, over } = options;
  const sampling = samplingIn(flags, options.recipe);
  if (share !== undefined) {
    const written = await withDevice(device, revectorize, (opened) => drawShare(path, opened, options, share, sampling));
    console.log(`wrote ${written}\njoin with: fromnoise join ${out} --out ${out}`);
    return 0;
  }
  const beneath = over === undefined ? undefined : { name: basename(over), points: readPoints(over) };
  const result = await withDevice(device, revectorize, (opened) => draw(path, opened, options, sampling));
  if (scatter) {
    console.log(`wrote ${count === 1 ? "1 point" : `${count} points`} to ${await writeScatter(out, result.images, beneath)}`);
    return 0;
  }
  await writeSamples(out, result, separate, first);
  const images = count === 1 ? "1 image" : `${count} images`;
  console.log(`wrote ${images} to ${join(out, "samples.png")}, the way there to denoising.png and x0.png beside it`);
  return 0;
}

/** Images followed on their way. */
const FOLLOWED = 8;

async function draw(path: string, device: Device, options: OptionsOf<typeof sampleFields>, sampling: Sampling): Promise<SamplingResult> {
  const model = await modelFor(path, device, options);
  return drawPart(model, device, options, sampling, { start: 0, end: options.count });
}

async function modelFor(path: string, device: Device, options: OptionsOf<typeof sampleFields>): Promise<TrainedModel> {
  const model = await loadModel(path, device, askedFor(options));
  console.error(`model    ${model.source}`);
  console.error(`device   ${device.description}`);
  checkScatter(model, options);
  if (options.size === undefined && model.network.spec.sample.includes(null)) throw new ConfigError("--size is missing: the model's config has no sample_size");
  return model;
}

/** Images `start` .. `end - 1` of those asked for, with the ways of those among them that the whole follows. */
async function drawPart(
  model: TrainedModel, device: Device, options: OptionsOf<typeof sampleFields>, sampling: Sampling, { start, end }: Range,
): Promise<SamplingResult> {
  const { count, first, batch, seed, size } = options;
  const rows = Math.min(end - start, Math.max(0, Math.min(FOLLOWED, batch, count) - start));
  return sampleShowing({
    model, device, count: end - start, first: first + start, batch, seed, clipX0: clippingOf(options, model), ...sampling,
    size: size === undefined ? undefined : [size, size], labels: labelsOf(options.class, model.network.spec.classes, end - start),
  }, rows);
}

/** Writes one share of the images: its path. */
async function drawShare(path: string, device: Device, options: OptionsOf<typeof sampleFields>, share: Share, sampling: Sampling): Promise<string> {
  const { count, first, batch, seed, size, out, separate } = options;
  const range = rangeOf(count, share);
  const model = await modelFor(path, device, options);
  const settings = {
    ...await settingsOf(model, device, sampling, clippingOf(options, model)), seed, first, followed: Math.min(FOLLOWED, batch, count),
    size: size ?? null, class: options.class ?? null,
  };
  const { images, moments } = await drawPart(model, device, options, sampling, range);
  const ways = moments.flatMap(({ xt, x0 }, k) => [[`xt.${k}`, held(xt.shape, xt.data)], [`x0.${k}`, held(x0.shape, x0.data)]] as const);
  if (separate) await writeSeparate(out, images, first + range.start);
  const tensors = new Map([["images", held(images.shape, images.data)], ...ways]);
  return writeShare(out, share, { kind: "samples", range, count, settings, said: { moments: moments.map(({ at }) => at) }, tensors });
}

/** `sampleImages` with a progress bar on standard error, and ten moments of the first images recorded. */
export async function sampleShowing<O extends object, S>(options: SamplingOptions<O, S>, rows = FOLLOWED): Promise<SamplingResult> {
  const progress: Progress = openProgress("reverse step", samplingSteps(options));
  try {
    return await sampleImages({ ...options, ...(rows === 0 ? {} : { record: { rows, columns: 10 } }), onStep: (done) => progress.update(done) });
  } finally {
    progress.stop();
  }
}

/**
 * samples.png, denoising.png (x_t) and x0.png (the guesses of x_0) in a folder; the moments of the columns are said.
 * Throws ConfigError and CheckpointError.
 */
export async function writeSamples(out: string, { images, moments }: SamplingResult, separate = false, first = 0): Promise<void> {
  makeFolder(out);
  const followed = moments[0].xt;
  const samples = { shape: followed.shape, data: images.data.slice(0, followed.data.length) };
  await writePng(join(out, "samples.png"), grid(images, { background: 0 }));
  const way = [...moments.map(({ xt }) => xt), samples];
  await writePng(join(out, "denoising.png"), strip(way, { background: 0 }));
  await writePng(join(out, "x0.png"), strip(moments.map(({ x0 }) => x0), { background: 0 }));
  if (separate) await writeSeparate(out, images, first);
  const times = moments.map(({ at: { index, time } }) => index ?? Number(time.toFixed(1)));
  console.error(`columns  t = ${times.join(", ")}; the last one of denoising.png is the sample`);
}

/** Every image as a file of its own, by its number. */
async function writeSeparate(out: string, images: SampleBatch, first: number): Promise<void> {
  makeFolder(out);
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
