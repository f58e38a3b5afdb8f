import { join } from "node:path";
import { ConfigError, Random, type Device } from "@fromnoise/tensor";
import { replaceFile } from "@fromnoise/nn";
import { makeFolder } from "../files.js";
import { encodePng, grid, imageBitmap, strip, type Bitmap } from "../image/index.js";
import { reverseSteps, sampleImages, type SamplingOptions, type SamplingResult } from "../sampling.js";
import { trainDefaults } from "../train/config.js";
import { loadModel } from "../train/model.js";
import { SPACINGS, type Spacing } from "../timesteps.js";
import { streams } from "../train/trainer.js";
import { deviceFlag, expectPositionals, withDevice, type Arguments, type Command } from "./options.js";
import { openProgress, type Progress } from "./progress.js";

export const sample: Command = {
  name: "sample",
  summary: "draw images from a trained model",
  usage: "fromnoise sample RUN|CHECKPOINT|DIFFUSERS-FOLDER [flags]",
  flags: [
    { name: "out", kind: "text", value: "DIR", help: "folder for samples.png, denoising.png and x0.png", default: "samples" },
    { name: "count", kind: "integer", min: 1, value: "N", help: "number of images", default: "64" },
    { name: "batch", kind: "integer", min: 1, value: "N", help: "images per batch", default: "64" },
    {
      name: "sampler", kind: "text", value: "NAME", help: "DDIM over some steps, or ancestral over all T",
      choices: ["ddim", "ancestral"], default: "ddim",
    },
    { name: "steps", kind: "integer", min: 1, value: "S", help: "DDIM: steps taken out of T", default: "50" },
    { name: "eta", kind: "number", value: "X", help: "DDIM: 0 deterministic .. 1 as noisy as ancestral", default: "0" },
    { name: "spacing", kind: "text", value: "NAME", help: "DDIM: which steps", choices: SPACINGS, default: "trailing" },
    {
      name: "variance", kind: "text", value: "NAME", help: "ancestral",
      choices: ["fixed-small", "fixed-large"], default: "the model's",
    },
    { name: "clip-x0", kind: "boolean", help: "clip the guess of x0 to [-1, 1]; --no-clip-x0 does not", default: "the model's" },
    {
      name: "class", kind: "integer", min: 0, value: "N",
      help: "class of all images, for class-conditional models", default: "all in turn",
    },
    { name: "weights", kind: "text", value: "NAME", help: "averaged or raw weights", choices: ["ema", "model"], default: "ema" },
    { name: "separate", kind: "boolean", help: "also write every image as a file of its own" },
    { name: "size", kind: "integer", min: 1, value: "N", help: "side of the images", default: "the model's own" },
    { name: "seed", kind: "integer", min: 0, value: "N", help: "seed of the noise", default: "0" },
    deviceFlag(trainDefaults.device),
  ],
  notes: [
    "samples.png is a grid of the images; denoising.png follows the first eight from noise to image, x0.png the network's guess",
    "of them on the way. Files of these names in --out are replaced.",
  ].join("\n"),
  run: runSample,
};

async function runSample(args: Arguments): Promise<number> {
  expectPositionals(sample, args, 1, 1);
  const { flags, positionals: [path] } = args;
  const count = (flags["count"] as number | undefined) ?? 64;
  const out = (flags["out"] as string | undefined) ?? "samples";
  const spec = (flags["device"] as string | undefined) ?? trainDefaults.device;
  const result = await withDevice(spec, (device) => draw(path, device, flags, count));
  await writeSamples(out, result, flags["separate"] === true);
  const images = count === 1 ? "1 image" : `${count} images`;
  console.log(`wrote ${images} to ${join(out, "samples.png")}, the way there to denoising.png and x0.png beside it`);
  return 0;
}

async function draw(path: string, device: Device, flags: Arguments["flags"], count: number): Promise<SamplingResult> {
  const { unet, schedule, prediction, sampling, source } = await loadModel(
    path, device, flags["weights"] as "ema" | "model" | undefined,
  );
  console.error(`model    ${source}`);
  console.error(`device   ${device.description}`);
  const side = (flags["size"] as number | undefined) ?? unet.config.sample_size;
  if (side === null) throw new ConfigError("--size is missing: the model's config has no sample_size");
  return sampleShowing({
    unet, device, schedule, prediction, count, batch: (flags["batch"] as number | undefined) ?? 64,
    size: typeof side === "number" ? [side, side] : side, dtype: unet.parameters[0].tensor.dtype,
    random: new Random((flags["seed"] as number | undefined) ?? 0, streams.sample),
    sampler: samplerOf(flags, sampling.variance, schedule.T),
    clipX0: (flags["clip-x0"] as boolean | undefined) ?? sampling.clipX0, ...labelsOf(flags, unet.config.num_class_embeds, count),
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

function samplerOf(
  flags: Arguments["flags"], modelVariance: "fixed-small" | "fixed-large", T: number,
): SamplingOptions["sampler"] {
  const name = (flags["sampler"] as "ancestral" | "ddim" | undefined) ?? "ddim";
  const clash = (name === "ddim" ? ["variance"] : ["steps", "eta", "spacing"]).find((flag) => flags[flag] !== undefined);
  if (clash !== undefined) {
    throw new ConfigError(`--${clash} means nothing to the ${name} sampler`, [
      `hint     it is for --sampler ${name === "ddim" ? "ancestral" : "ddim"}`,
    ]);
  }
  if (name === "ancestral") return { name, variance: (flags["variance"] as typeof modelVariance | undefined) ?? modelVariance };
  return {
    name, steps: (flags["steps"] as number | undefined) ?? Math.min(50, T), eta: (flags["eta"] as number | undefined) ?? 0,
    spacing: (flags["spacing"] as Spacing | undefined) ?? "trailing",
  };
}

function labelsOf(flags: Arguments["flags"], classes: number | null, count: number): { classLabels?: number[] } {
  const wanted = flags["class"] as number | undefined;
  if (classes === null) {
    if (wanted !== undefined) throw new ConfigError("--class: the model has no classes");
    return {};
  }
  if (wanted !== undefined && wanted >= classes) {
    throw new ConfigError(`--class: ${wanted} is not allowed`, [`allowed  0 .. ${classes - 1}`]);
  }
  return { classLabels: Array.from({ length: count }, (_, i) => wanted ?? i % classes) };
}
