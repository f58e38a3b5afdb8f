/** Samples from a trained model, with what a reader wants to see of the way there. */
import { ConfigError, formatShape, NumericError, sizeOf, type Device, type Indices, type NumberArray, type Shape } from "@fromnoise/tensor";
import { checkRoom, gibibytes } from "@fromnoise/nn";
import type { ClipOptions } from "../denoisers/clipped.js";
import { denoiserOf, type DiffusionModel } from "../denoisers/denoiser.js";
import type { Guidance } from "../denoisers/guided.js";
import { stripSteps, type ImageBatch } from "../image/index.js";
import type { NoiseLevel } from "../process/level.js";
import { ddim, samplers, type AnySampler } from "../samplers/index.js";
import { seededNoise } from "../samplers/noise.js";
import { pathOf, runSampler } from "../samplers/run.js";
import type { Sampler, SamplerStep } from "../samplers/sampler.js";

/** What is drawn, how, and who watches. */
export interface SamplingOptions<O extends object, S> {
  /** As `loadModel` gives it, or `trainer.model`. */
  model: DiffusionModel;
  /** Where the model's network is. */
  device: Device;
  /** Number of samples. */
  count: number;
  /** Default DDIM. */
  sampler?: Sampler<O, S>;
  /** The sampler's own options; the others take its defaults. */
  options?: Partial<O>;
  /** Of the noise: sample i depends on the seed and on i alone, however the samples are batched. Default 0. */
  seed?: number;
  /** Number of the first sample, for those who compute a share of a whole. Default 0. */
  first?: number;
  /** Samples per batch; default 64. */
  batch?: number;
  /** Sides of the images, where the network takes any; default its own. */
  size?: readonly [height: number, width: number] | undefined;
  /** The class of every sample; default all classes in turn, by the number of the sample, where the network has any. */
  labels?: Indices | undefined;
  /** Classifier-free guidance of a network with a null class: its scale, or more; default none. */
  guidance?: Guidance | undefined;
  /** Whether guesses of x0 are clipped to [-1, 1], or how; default as the model's maker did. */
  clipX0?: boolean | ClipOptions | undefined;
  /** Of the first `rows` samples of the first batch, `columns` moments are recorded; default none. */
  record?: { rows: number; columns: number };
  /** Called after each step with the steps done and in all. */
  onStep?: (done: number, total: number) => void;
  /** Ends the sampling before the next step. */
  signal?: AbortSignal;
}

/** [N, ...] in host memory. */
export type SampleBatch = ImageBatch & { data: NumberArray };

/** Images, and recorded moments of the way to them. */
export interface SamplingResult {
  /** [count, H, W, C] in [-1, 1], or whatever the network's samples are. */
  images: SampleBatch;
  /** x_t and the guess of x_0 of the first rows at the recorded moments, from the first step to the last. */
  moments: { at: NoiseLevel; xt: SampleBatch; x0: SampleBatch }[];
}

/** Options of sampling that had another name. */
const renamed: Readonly<Record<string, string>> = {
  objective: "model.prediction", prediction: "model.prediction", clip: "clipX0", unet: "model", schedule: "model.process", random: "seed",
  classLabels: "labels",
};

const BATCH = 64;
/** Most bytes of samples in host memory, in f64: 4 GiB, 170,000 images of 32x32 in color. */
const MOST_BYTES = 2 ** 32;

/**
 * Runs the sampler batch by batch and reads the samples back.
 * Throws NumericError when a sample is not finite, ConfigError for settings out of range and for more samples than 4 GiB hold,
 * DeviceError for a batch that the device has no room for, the signal's reason, and what `onStep` throws;
 * after any error nothing is left on the device.
 */
export async function sampleImages<O extends object, S>(options: SamplingOptions<O, S>): Promise<SamplingResult> {
  check(options);
  const { device, count, first = 0, batch = BATCH, record, onStep, signal, seed = 0 } = options;
  const { sampler, model } = chosen(options);
  const shape = sampleShape(model, options.size), size = sizeOf(shape);
  const dtype = model.network.parameters[0]?.tensor.dtype ?? "f32";
  checkBytes(count, shape);
  const atOnce = Math.min(batch, count);
  checkRoom(model.network, { device, dtype, data: { what: `${atOnce} samples a batch, their noise and guess of x0`, values: 3 * atOnce * size } });
  const labels = labelsOf(options);
  const data = new Float64Array(count * size);
  const moments: SamplingResult["moments"] = [];
  const perBatch = pathOf(sampler, model.process, options.options).length - 1;
  const total = samplingSteps(options);
  let done = 0;
  for (let start = 0; start < count; start += batch) {
    const n = Math.min(batch, count - start);
    const wanted = start === 0 && record !== undefined ? new Set(stripSteps(perBatch, record.columns)) : new Set<number>();
    const run = runSampler(sampler, {
      denoise: denoiserOf(model, { labels: labels?.slice(start, start + n) }, options.guidance), process: model.process,
      shape: [n, ...shape], device, dtype, noise: seededNoise(seed, first + start), variance: model.variance, signal,
      ...(options.options === undefined ? {} : { options: options.options }),
    });
    let index = 0;
    try {
      for (;;) {
        const result = await run.next();
        if (result.done === true) {
          const values = await result.value.data().finally(() => result.value.dispose());
          checkFinite(values);
          data.set(values, start * size);
          break;
        }
        if (wanted.has(index++)) moments.push(await momentOf(result.value, Math.min(record!.rows, n)));
        onStep?.(++done, total);
        await new Promise((resolve) => setTimeout(resolve, 0));         // a turn for signals, or for the page
      }
    } finally {
      await run.return(undefined as never);                            // frees the step's tensors where something threw
    }
  }
  return { images: { shape: [count, ...shape], data }, moments };
}

/** Steps that `sampleImages` takes in all: what a progress bar counts. Throws ConfigError for options of the sampler out of range. */
export function samplingSteps<O extends object, S>(
  options: Pick<SamplingOptions<O, S>, "model" | "sampler" | "options" | "count" | "batch" | "clipX0">,
): number {
  const { count, batch = BATCH } = options;
  const { sampler, model } = chosen(options);
  return (pathOf(sampler, model.process, options.options).length - 1) * Math.ceil(count / batch);
}

function chosen<O extends object, S>(
  { sampler, model, clipX0 = model.clipX0 ?? true }: Pick<SamplingOptions<O, S>, "sampler" | "model" | "clipX0">,
): { sampler: Sampler<O, S>; model: DiffusionModel } {
  // Without a sampler there are no options of one, so that O and S are free.
  return { sampler: sampler ?? (ddim as AnySampler as unknown as Sampler<O, S>), model: { ...model, clipX0 } };
}

function check<O extends object, S>(options: SamplingOptions<O, S>): void {
  const old = Object.keys(renamed).find((name) => Object.hasOwn(options, name));
  if (old !== undefined) throw new ConfigError(`sampling: there is no option ${old}`, [`now      ${renamed[old]}`]);
  const { count, batch = BATCH, first = 0, sampler } = options;
  if (sampler !== undefined && typeof sampler.step !== "function") {
    throw new ConfigError(`sampling: ${JSON.stringify(sampler)} is no sampler`, [
      `allowed  ${samplers.map(({ name }) => name).join(", ")} as they are exported, or one's own; its options stand in options`,
    ]);
  }
  for (const [name, value, from] of [["count", count, 1], ["batch", batch, 1], ["first", first, 0]] as const) {
    if (Number.isSafeInteger(value) && value >= from) continue;
    throw new ConfigError(`sampling: ${name} is ${String(value)}`, [`allowed  whole numbers from ${from}`]);
  }
}

function checkBytes(count: number, shape: Shape): void {
  const each = 8 * sizeOf(shape);
  if (count * each <= MOST_BYTES) return;
  throw new ConfigError(`sampling: ${count} samples of ${formatShape(shape)} are too many at once`, [
    `needed   ${gibibytes(count * each)} of host memory`, `allowed  ${gibibytes(MOST_BYTES)}: ${Math.floor(MOST_BYTES / each)} such samples`,
    "hint     draw them in parts: first: N goes on with sample N, as --first N does",
  ]);
}

/** @internal Shape of one sample: the network's, with the sides that are asked for where it takes any. Throws ConfigError. */
export function sampleShape({ network: { spec: { sample } } }: DiffusionModel, size: SamplingOptions<object, unknown>["size"]): Shape {
  if (size !== undefined) {
    if (sample.length === 3) return [...size, sample[2]!];
    throw new ConfigError("sampling: size is for images", [`sample   [${sample.join(", ")}] are the network's`]);
  }
  const shape = sample.filter((side) => side !== null);
  if (shape.length === sample.length) return shape;
  throw new ConfigError("sampling: size is missing", ["reason   the network takes images of any size"]);
}

/** The class of every sample, or undefined for a network without classes. */
function labelsOf<O extends object, S>(
  { model: { network: { spec } }, labels, count, first = 0 }: SamplingOptions<O, S>,
): number[] | undefined {
  const { classes } = spec;
  if (classes === undefined) {
    if (labels === undefined) return undefined;
    throw new ConfigError("sampling: labels for a network without classes");
  }
  if (labels === undefined && classes === Infinity) {
    throw new ConfigError("sampling: labels are missing", ["reason   the network is told a number beside the time, and any is one"]);
  }
  if (labels === undefined) return Array.from({ length: count }, (_, i) => (first + i) % classes);
  if (labels.length === count) return Array.from(labels);
  throw new ConfigError(`sampling: ${labels.length} labels for ${count} samples`, ["allowed  one label a sample"]);
}

function checkFinite(values: NumberArray): void {
  const i = values.findIndex((value) => !Number.isFinite(value));
  if (i < 0) return;
  throw new NumericError(
    "the samples are not finite", [`value    ${values[i]}`, "hint     FROMNOISE_CHECK=finite names the first tensor that is not"],
  );
}

async function momentOf({ at, xt, x0 }: SamplerStep, rows: number): Promise<SamplingResult["moments"][number]> {
  const shape = [rows, ...xt.shape.slice(1)];
  const size = sizeOf(shape);
  return { at, xt: { shape, data: (await xt.data()).slice(0, size) }, x0: { shape, data: (await x0.data()).slice(0, size) } };
}
