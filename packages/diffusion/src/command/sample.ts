import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, openDeviceSpec, Random } from "@fromnoise/tensor";
import { replaceFile } from "@fromnoise/nn";
import { encodePng, grid, imageBitmap, strip, type Bitmap } from "../image/index.js";
import { sampleImages, type SamplingOptions, type SamplingResult } from "../sampling.js";
import { trainDefaults } from "../train/config.js";
import { loadModel } from "../train/model.js";
import { SPACINGS, type Spacing } from "../timesteps.js";
import { streams } from "../train/trainer.js";
import { expectPositionals, type Arguments, type Command } from "./options.js";
import { openProgress } from "./progress.js";

export const sample: Command = {
  name: "sample",
  summary: "draw images from a trained model",
  usage: "fromnoise sample RUN|CHECKPOINT|DIFFUSERS-FOLDER [flags]",
  flags: [
    { name: "out", kind: "text", value: "DIR", help: "folder for samples.png, denoising.png and x0.png", default: "samples" },
    { name: "count", kind: "integer", value: "N", help: "number of images", default: "64" },
    { name: "batch", kind: "integer", value: "N", help: "images per batch", default: "64" },
    { name: "sampler", kind: "text", value: "NAME", help: "ancestral (all T steps), ddim", default: "ddim" },
    { name: "steps", kind: "integer", value: "S", help: "DDIM: steps taken out of T", default: "50" },
    { name: "eta", kind: "number", value: "X", help: "DDIM: 0 deterministic .. 1 as noisy as ancestral", default: "0" },
    { name: "spacing", kind: "text", value: "NAME", help: `DDIM: which steps: ${SPACINGS.join(", ")}`, default: "trailing" },
    { name: "variance", kind: "text", value: "NAME", help: "ancestral: fixed-small, fixed-large", default: "as the model says, or fixed-small" },
    { name: "clip", kind: "boolean", help: "clip the guess of x0 to [-1, 1]; --no-clip does not", default: "on" },
    { name: "class", kind: "integer", value: "N", help: "class of all images, for class-conditional models", default: "all in turn" },
    { name: "weights", kind: "text", value: "NAME", help: "ema, model", default: "ema" },
    { name: "separate", kind: "boolean", help: "also write every image as a file of its own" },
    { name: "size", kind: "integer", value: "N", help: "side of the images", default: "the model's own" },
    { name: "seed", kind: "integer", value: "N", help: "seed of the noise", default: "0" },
    { name: "device", kind: "text", value: "NAME", help: "where to compute", default: trainDefaults.device },
  ],
  run: runSample,
};

async function runSample(args: Arguments): Promise<number> {
  expectPositionals(sample, args, 1, 1);
  const { flags } = args;
  const count = positive("count", flags["count"] ?? 64);
  const weights = choice("weights", flags["weights"] ?? "ema", ["ema", "model"] as const);
  const seed = nonNegative("seed", flags["seed"] ?? 0);
  const device = await openDeviceSpec((flags["device"] as string | undefined) ?? trainDefaults.device);
  const model = await loadModel(args.positionals[0], device, weights);
  console.error(`model    ${model.source}`);
  console.error(`device   ${device.description}`);
  const { unet } = model;
  const side = flags["size"] === undefined ? unet.config.sample_size : positive("size", flags["size"]);
  if (side === null) throw new ConfigError("--size is needed: the model's config has no sample_size");
  const progress = openProgress("reverse step", 1);
  let started = false;
  let bar = progress;
  const result = await sampleImages({
    unet, device, schedule: model.schedule, objective: model.objective, count, batch: positive("batch", flags["batch"] ?? 64),
    size: typeof side === "number" ? [side, side] : side, dtype: unet.parameters[0].tensor.dtype, random: new Random(seed, streams.sample),
    clip: (flags["clip"] as boolean | undefined) ?? model.clip, sampler: samplerOf(flags, model.variance, model.schedule.T),
    ...labelsOf(flags, unet.config.num_class_embeds, count), record: { rows: 8, columns: 10 },
    onStep: (done, total) => {
      if (!started) bar = openProgress("reverse step", total);
      started = true;
      bar.update(done, {});
    },
  });
  bar.stop();
  await device.dispose();
  const out = (flags["out"] as string | undefined) ?? "samples";
  await writeSamples(out, result, flags["separate"] === true);
  console.log(`wrote ${count} image${count === 1 ? "" : "s"} to ${join(out, "samples.png")}, the way there to denoising.png and x0.png beside it`);
  return 0;
}

/** samples.png, denoising.png (x_t) and x0.png (the guesses of x_0) in a folder. */
export async function writeSamples(out: string, { images, moments }: SamplingResult, separate = false): Promise<void> {
  try {
    mkdirSync(out, { recursive: true });
  } catch (error) {
    throw new ConfigError(`out: cannot make the folder ${out}`, [`reason   ${(error as NodeJS.ErrnoException).code ?? String(error)}`]);
  }
  const labels = moments.map(({ t }) => `t=${t}`);
  await writePng(join(out, "samples.png"), grid(images, { background: 0 }));
  await writePng(join(out, "denoising.png"), strip(moments.map(({ xT }) => xT), { labels, background: 0 }));
  await writePng(join(out, "x0.png"), strip(moments.map(({ x0 }) => x0), { labels, background: 0 }));
  if (!separate) return;
  const [count, ...shape] = images.shape;
  const length = shape.reduce((a, b) => a * b, 1);
  for (let i = 0; i < count; i++) {
    const data = Array.prototype.slice.call(images.data, i * length, (i + 1) * length) as number[];
    await writePng(join(out, `${String(i).padStart(5, "0")}.png`), imageBitmap({ shape: [1, ...shape], data }));
  }
}

async function writePng(path: string, bitmap: Bitmap): Promise<void> {
  const bytes = encodePng(bitmap);
  await replaceFile(path, [bytes], bytes.length);
}

function samplerOf(flags: Arguments["flags"], modelVariance: "fixed-small" | "fixed-large", T: number): SamplingOptions["sampler"] {
  const name = choice("sampler", flags["sampler"] ?? "ddim", ["ancestral", "ddim"] as const);
  const foreign = name === "ddim" ? ["variance"] : ["steps", "eta", "spacing"];
  const clash = foreign.find((flag) => flags[flag] !== undefined);
  if (clash !== undefined) throw new ConfigError(`--${clash} means nothing to the ${name} sampler`);
  if (name === "ancestral") return { name, variance: choice("variance", flags["variance"] ?? modelVariance, ["fixed-small", "fixed-large"] as const) };
  const steps = flags["steps"] === undefined ? Math.min(50, T) : positive("steps", flags["steps"]);
  return { name, steps, eta: (flags["eta"] as number | undefined) ?? 0, spacing: choice<Spacing>("spacing", flags["spacing"] ?? "trailing", SPACINGS) };
}

function labelsOf(flags: Arguments["flags"], classes: number | null, count: number): { classLabels?: number[] } {
  const wanted = flags["class"] as number | undefined;
  if (classes === null) {
    if (wanted !== undefined) throw new ConfigError("--class: the model has no classes");
    return {};
  }
  if (wanted !== undefined && !(wanted >= 0 && wanted < classes)) throw new ConfigError(`--class: ${wanted} is not allowed`, [`allowed  0 .. ${classes - 1}`]);
  return { classLabels: Array.from({ length: count }, (_, i) => wanted ?? i % classes) };
}

function positive(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw new ConfigError(`--${name}: ${String(value)} is not allowed`, ["allowed  whole numbers from 1"]);
}

function nonNegative(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new ConfigError(`--${name}: ${String(value)} is not allowed`, ["allowed  whole numbers from 0"]);
}

function choice<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (allowed.includes(value as T)) return value as T;
  throw new ConfigError(`--${name}: "${String(value)}" is not allowed`, [`allowed  ${allowed.join(", ")}`]);
}
