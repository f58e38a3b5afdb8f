/** What the doctor is given: a model, its data, its samples; and what it may be told besides. No switches. */
import { ConfigError, Random, type Device } from "@fromnoise/tensor";
import type { Network } from "@fromnoise/nn";
import type { Dataset } from "../data/dataset.js";
import type { DiffusionModel } from "../denoisers/denoiser.js";
import type { SampleBatch } from "../models/sample-images.js";
import type { NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import type { StepMetrics } from "../train/metrics.js";
import type { SamplerTrial } from "./sampler-trial.js";
import type { ChainStep } from "./chain.js";

/** Samples, and the classes that were asked for. */
export interface GivenSamples { readonly images: SampleBatch; readonly labels?: readonly number[] | undefined }

/** All that examinations look at. */
export interface Patient {
  readonly model: DiffusionModel;
  readonly device: Device;
  readonly training: Dataset;
  /** What training never saw; the training data where nothing is. */
  readonly heldOut: Dataset;
  /** The network with the weights of the last step, where `model` has averages. */
  readonly raw: Network | undefined;
  readonly samples: GivenSamples | undefined;
  /** What was seen on the way to the samples, where they were drawn here. */
  readonly chain: readonly ChainStep[] | undefined;
  /** What the sampler makes of data whose best denoiser is known, where there is a sampler. */
  readonly trial: readonly SamplerTrial[] | undefined;
  readonly metrics: readonly StepMetrics[] | undefined;
  readonly seed: number;
}

/** Some images of a dataset, evenly spread over it. */
export interface Images {
  readonly count: number;
  /** Numbers of one image, and of one of its pixels. */
  readonly size: number;
  readonly channels: number;
  readonly data: Float64Array;
  /** Their classes, where they have any. */
  readonly labels: readonly number[] | undefined;
}

/** At most `count` images of a dataset, evenly spread. */
export function imagesOf(dataset: Dataset, count: number): Images {
  const { shape } = dataset;
  const size = shape.reduce((a, b) => a * b, 1), n = Math.min(count, dataset.count);
  const indices = Array.from({ length: n }, (_, k) => Math.floor((k * dataset.count) / n));
  const data = new Float64Array(n * size);
  indices.forEach((i, k) => data.set(dataset.sample(i), k * size));
  const labels = dataset.label === undefined ? undefined : indices.map((i) => dataset.label!(i));
  return { count: n, size, channels: shape.at(-1)!, data, labels };
}

/** Samples as images. */
export function imagesIn({ images: { shape, data }, labels }: GivenSamples): Images {
  const [count, ...sample] = shape;
  return { count, size: sample.reduce((a, b) => a * b, 1), channels: shape.at(-1)!, data: Float64Array.from(data), labels };
}

/** The first images of some. */
export function firstOf({ size, channels, data, labels, count }: Images, n: number): Images {
  const kept = Math.min(n, count);
  return { count: kept, size, channels, data: data.subarray(0, kept * size), labels: labels?.slice(0, kept) };
}

/** Levels at the middles of `count` equal parts of a process: of its steps, or of its time. Throws ConfigError where it has neither. */
export function levelsAcross({ name, levels, range: [noisiest, cleanest], atTime }: Process, count: number): NoiseLevel[] {
  const middles = Array.from({ length: count }, (_, k) => (k + 0.5) / count);
  if (levels !== undefined) {
    return [...new Set(middles.map((m) => Math.min(Math.floor(m * levels.length), levels.length - 1)))].map((t) => levels[t]);
  }
  if (atTime === undefined || noisiest.u === undefined || cleanest.u === undefined) {
    throw new ConfigError(`doctor: the process ${name} has neither steps nor times`, ["allowed  processes with levels or atTime"]);
  }
  const [low, high] = [cleanest.u, noisiest.u];
  return middles.map((m) => atTime(low + m * (high - low)));
}

/** How people call a level: "t 950", "u 0.95". */
export function levelName({ index, u, sigma }: NoiseLevel): string {
  if (index !== undefined) return `t ${index}`;
  return u === undefined ? `sigma ${Number(sigma.toPrecision(3))}` : `u ${Number(u.toFixed(2))}`;
}

/** Standard normal noise for images, the same for the same seed and number. */
export function noiseFor({ count, size }: Pick<Images, "count" | "size">, seed: number, number: number): Float64Array {
  return Float64Array.from(new Random(seed, NOISE_STREAM + number).normal(count * size));
}

/** Far from the streams of training and sampling. */
const NOISE_STREAM = 2 ** 44;
