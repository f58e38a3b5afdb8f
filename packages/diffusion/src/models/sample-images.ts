/** Images from a trained network, with what a reader wants to see of the way there. */
import {
  NumericError, type Device, type DType, type Indices, type NumberArray, type Random, type Tensor,
} from "@fromnoise/tensor";
import type { UNet } from "@fromnoise/nn";
import { denoiserOf } from "../denoisers/denoiser.js";
import type { ImageBatch } from "../image/index.js";
import { stripSteps } from "../image/index.js";
import type { Prediction } from "../denoisers/prediction.js";
import { checkSampling } from "../samplers/fields.js";
import { ancestralSampler } from "../samplers/ancestral.js";
import { ddimSampler } from "../samplers/ddim.js";
import type { SamplerStep } from "../samplers/step.js";
import type { NoiseSchedule, VarianceKind } from "../process/schedules.js";
import type { Spacing } from "../process/timesteps.js";

export interface SamplingOptions {
  unet: UNet;
  device: Device;
  dtype?: DType;
  schedule: NoiseSchedule;
  prediction: Prediction;
  /** Number of images, and their sides and channels. */
  count: number;
  size: readonly [height: number, width: number];
  /** Images per batch; default all at once. */
  batch?: number;
  random: Random;
  /** All T ancestral steps, or DDIM over fewer. */
  sampler: { name: "ancestral"; variance: VarianceKind } | { name: "ddim"; steps: number; eta: number; spacing: Spacing };
  clipX0?: boolean;
  classLabels?: Indices;
  /** Of the first `rows` images of the first batch, `columns` moments are recorded; default none. */
  record?: { rows: number; columns: number };
  /** Called after each reverse step with the steps done and in all. */
  onStep?: (done: number, total: number) => void;
}

export interface SamplingResult {
  /** [count, H, W, C] in [-1, 1]. */
  images: ImageBatch & { data: NumberArray };
  /** x_t and the guess of x_0 of the first rows at the recorded moments, from the first reverse step to the last. */
  moments: { t: number; xT: ImageBatch & { data: NumberArray }; x0: ImageBatch & { data: NumberArray } }[];
}

/**
 * Runs the sampler batch by batch and reads the images back.
 * Throws NumericError when a sample is not finite, ConfigError for sampler settings out of range, and what `onStep` throws; after any
 * error nothing is left on the device.
 */
export async function sampleImages(options: SamplingOptions): Promise<SamplingResult> {
  checkSampling(options);
  const { unet, schedule, count, size: [h, w], batch = count, record, onStep, classLabels } = options;
  const channels = unet.config.in_channels;
  const data = new Float64Array(count * h * w * channels);
  const moments: SamplingResult["moments"] = [];
  const perBatch = options.sampler.name === "ddim" ? options.sampler.steps : schedule.T;
  const total = reverseSteps(options);
  let done = 0;
  for (let start = 0; start < count; start += batch) {
    const n = Math.min(batch, count - start);
    const labels = classLabels === undefined ? undefined : Array.from(classLabels).slice(start, start + n);
    const wanted = start === 0 && record !== undefined ? new Set(stripSteps(perBatch, record.columns)) : new Set<number>();
    const sampler = open(options, [n, h, w, channels], labels);
    let index = 0;
    try {
      for (;;) {
        const result = await sampler.next();
        if (result.done === true) {
          const values = await result.value.data().finally(() => result.value.dispose());
          checkFinite(values);
          data.set(values, start * h * w * channels);
          break;
        }
        if (wanted.has(index++)) moments.push(await momentOf(result.value, Math.min(record!.rows, n)));
        onStep?.(++done, total);
        await new Promise((resolve) => setTimeout(resolve, 0));         // a turn for signals, or for the page
      }
    } finally {
      await sampler.return(undefined as never);                        // frees the step's tensors where something threw
    }
  }
  return { images: { shape: [count, h, w, channels], data }, moments };
}

/** Reverse steps that `sampleImages` takes in all: what a progress bar counts. */
export function reverseSteps(
  { sampler, schedule, count, batch = count }: Pick<SamplingOptions, "sampler" | "schedule" | "count" | "batch">,
): number {
  return (sampler.name === "ddim" ? sampler.steps : schedule.T) * Math.ceil(count / batch);
}

function checkFinite(values: NumberArray): void {
  const i = values.findIndex((value) => !Number.isFinite(value));
  if (i < 0) return;
  throw new NumericError(
    "the samples are not finite", [`value    ${values[i]}`, "hint     FROMNOISE_CHECK=finite names the first tensor that is not"],
  );
}

function open(
  options: SamplingOptions, shape: readonly number[], labels: readonly number[] | undefined,
): AsyncGenerator<SamplerStep, Tensor> {
  const { unet, device, schedule, prediction, random, sampler, dtype = "f32", clipX0 = true } = options;
  const model = denoiserOf(unet, labels);
  const common = { shape, device, dtype, prediction, clipX0, random };
  if (sampler.name === "ddim") {
    return ddimSampler(model, schedule, { ...common, steps: sampler.steps, eta: sampler.eta, spacing: sampler.spacing });
  }
  return ancestralSampler(model, schedule, { ...common, variance: sampler.variance });
}

async function momentOf({ t, xT, x0 }: SamplerStep, rows: number): Promise<SamplingResult["moments"][number]> {
  const shape = [rows, ...xT.shape.slice(1)];
  const size = shape.reduce((a, b) => a * b, 1);
  return { t, xT: { shape, data: (await xT.data()).slice(0, size) }, x0: { shape, data: (await x0.data()).slice(0, size) } };
}
