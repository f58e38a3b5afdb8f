import { join } from "node:path";
import { ConfigError, Random, type Device } from "@fromnoise/tensor";
import { replaceFile, UNet } from "@fromnoise/nn";
import { deviceField } from "../config/device.js";
import { field, optional, type OptionsOf } from "../config/fields.js";
import { flagsOf, givenFields, optionsOf, type FlagValues } from "../config/flags.js";
import { flag, integer, oneOf, text } from "../config/kinds.js";
import { makeFolder } from "../models/node/files.js";
import { encodePng, grid, imageBitmap, strip, type Bitmap } from "../image/node/index.js";
import { samplerFields, SAMPLERS } from "../samplers/fields.js";
import { reverseSteps, sampleImages, type SamplingOptions, type SamplingResult } from "../models/sample-images.js";
import { trainDefaults } from "../train/config.js";
import type { TrainedModel } from "../models/load-model.js";
import { WEIGHTS } from "../models/model-format.js";
import { loadModel } from "../models/node/load.js";
import { streams } from "../train/trainer.js";
import { withDevice, type Arguments, type Command } from "./command.js";
import { openProgress, type Progress } from "./progress.js";

/** Averaged or raw weights: of `sample` and `export`. */
export const weightsField = optional(oneOf(WEIGHTS), "averaged or raw weights", { shown: "ema, where the model has it" });

const count = integer({ from: 1 });
const sampleFields = {
  out: field(text, "samples", "folder for samples.png, denoising.png and x0.png", { value: "DIR" }),
  count: field(count, 64, "number of images"),
  batch: field(count, 64, "images per batch"),
  sampler: field(oneOf(SAMPLERS), "ddim", "DDIM over some steps, or ancestral over all T"),
  clipX0: optional(flag, "clip the guess of x0 to [-1, 1]; --no-clip-x0 does not", { shown: "the model's", was: "clip" }),
  class: optional(integer(), "class of all images, for class-conditional models", { shown: "all in turn" }),
  weights: weightsField,
  separate: field(flag, false, "also write every image as a file of its own"),
  size: optional(count, "side of the images", { shown: "the model's own" }),
  seed: field(integer(), 0, "seed of the noise"),
  device: deviceField(trainDefaults.device),
};

export const sample: Command = {
  name: "sample",
  summary: "draw images from a trained model",
  usage: "fromnoise sample RUN|CHECKPOINT|DIFFUSERS-FOLDER [flags]",
  operands: ["<model>"],
  flags: [...flagsOf(sampleFields), ...SAMPLERS.flatMap((name) => flagsOf(samplerFields[name], `--sampler ${name}`))],
  notes: [
    "samples.png is a grid of the images; denoising.png follows the first eight from noise to image, x0.png the network's guess",
    "of them on the way. Files of these names in --out are replaced.",
  ].join("\n"),
  run: runSample,
};

async function runSample({ operands: [path], flags }: Arguments): Promise<number> {
  const options = optionsOf(sampleFields, flags);
  refuseOtherSamplers(options.sampler, flags);
  const { count, out, device, separate } = options;
  const result = await withDevice(device, (opened) => draw(path, opened, options, flags));
  await writeSamples(out, result, separate);
  const images = count === 1 ? "1 image" : `${count} images`;
  console.log(`wrote ${images} to ${join(out, "samples.png")}, the way there to denoising.png and x0.png beside it`);
  return 0;
}

async function draw(
  path: string, device: Device, options: OptionsOf<typeof sampleFields>, flags: FlagValues,
): Promise<SamplingResult> {
  const { count, batch, seed, weights } = options;
  const { network: unet, schedule, prediction, sampling, source } = await loadModel(
    path, device, weights === undefined ? {} : { weights },
  );
  console.error(`model    ${source}`);
  console.error(`device   ${device.description}`);
  if (!(unet instanceof UNet)) throw new ConfigError(`images are drawn with a U-Net, not with a network of kind ${unet.spec.kind}`);
  const side = options.size ?? unet.config.sample_size;
  if (side === null) throw new ConfigError("--size is missing: the model's config has no sample_size");
  return sampleShowing({
    unet, device, schedule, prediction, count, batch, size: typeof side === "number" ? [side, side] : side,
    dtype: unet.parameters[0].tensor.dtype, random: new Random(seed, streams.sample),
    sampler: samplerOf(options.sampler, flags, sampling.variance, schedule.T),
    clipX0: options.clipX0 ?? sampling.clipX0, ...labelsOf(options.class, unet.config.num_class_embeds, count),
  });
}

/** `sampleImages` with a progress bar on standard error, and ten moments of the first eight images recorded. */
export async function sampleShowing(options: Omit<SamplingOptions, "record" | "onStep">): Promise<SamplingResult> {
  const progress: Progress = openProgress("reverse step", reverseSteps(options));
  try {
    return await sampleImages({ ...options, record: { rows: 8, columns: 10 }, onStep: (done) => progress.update(done) });
  } finally {
    progress.stop();
  }
}

/** samples.png, denoising.png (x_t) and x0.png (the guesses of x_0) in a folder. Throws ConfigError and CheckpointError. */
export async function writeSamples(out: string, { images, moments }: SamplingResult, separate = false): Promise<void> {
  makeFolder(out);
  const times = moments.map(({ t }) => `t=${t}`);
  const followed = moments[0].xT;
  const samples = { shape: followed.shape, data: images.data.slice(0, followed.data.length) };
  await writePng(join(out, "samples.png"), grid(images, { background: 0 }));
  const way = [...moments.map(({ xT }) => xT), samples];
  await writePng(join(out, "denoising.png"), strip(way, { labels: [...times, "sample"], background: 0 }));
  await writePng(join(out, "x0.png"), strip(moments.map(({ x0 }) => x0), { labels: times, background: 0 }));
  if (!separate) return;
  const [count, ...shape] = images.shape;
  const length = shape.reduce((a, b) => a * b, 1);
  for (let i = 0; i < count; i++) {
    const data = images.data.slice(i * length, (i + 1) * length);
    await writePng(join(out, `${String(i).padStart(5, "0")}.png`), imageBitmap({ shape: [1, ...shape], data }));
  }
}

async function writePng(path: string, bitmap: Bitmap): Promise<void> {
  const bytes = encodePng(bitmap);
  await replaceFile(path, [bytes], bytes.length);
}

/** Throws ConfigError for a flag that only other samplers have. */
function refuseOtherSamplers(name: (typeof SAMPLERS)[number], flags: FlagValues): void {
  const own = flagsOf(samplerFields[name]).map((flag) => flag.name);
  for (const other of SAMPLERS) {
    const clash = flagsOf(samplerFields[other]).find((flag) => flags.has(flag.name) && !own.includes(flag.name));
    if (clash === undefined) continue;
    throw new ConfigError(`--${clash.name} means nothing to the ${name} sampler`, [`hint     it is for --sampler ${other}`]);
  }
}

function samplerOf(
  name: (typeof SAMPLERS)[number], flags: FlagValues, modelVariance: TrainedModel["sampling"]["variance"], T: number,
): SamplingOptions["sampler"] {
  if (name === "ancestral") return { name, variance: optionsOf(samplerFields.ancestral, flags).variance ?? modelVariance };
  const { steps, ...rest } = optionsOf(samplerFields.ddim, flags);
  return { name, ...rest, steps: givenFields(samplerFields.ddim, flags).steps ?? Math.min(steps, T) };
}

function labelsOf(wanted: number | undefined, classes: number | null, count: number): { classLabels?: number[] } {
  if (classes === null) {
    if (wanted !== undefined) throw new ConfigError("--class: the model has no classes");
    return {};
  }
  if (wanted !== undefined && wanted >= classes) {
    throw new ConfigError(`--class: ${wanted} is not allowed`, [`allowed  0 .. ${classes - 1}`]);
  }
  return { classLabels: Array.from({ length: count }, (_, i) => wanted ?? i % classes) };
}
