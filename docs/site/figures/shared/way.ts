/** The way of samples from noise, by the digits' model that comes with the package. The same in a page's worker and in Node. */
import type { Device } from "@fromnoise/tensor";
import { ddim, loadModel, memorySource, sampleImages, type TrainedModel } from "@fromnoise/diffusion";
import { digest } from "./digest.js";
import { toLevel, type Way } from "./digits.js";

/** Steps of DDIM on the way. */
const STEPS = 25;

const levels = (values: ArrayLike<number>): Uint8Array => Uint8Array.from({ length: values.length }, (_, i) => toLevel(values[i]));

/** The digits' model from the bytes of its file, on a device. */
export function openDigits(bytes: Uint8Array, device: Device): Promise<TrainedModel> {
  return loadModel(memorySource("digits-16.safetensors", { "digits-16.safetensors": bytes }), device);
}

/** Draws a sample of each label, and keeps every step of the way. */
export async function sampleWay(
  model: TrainedModel, device: Device, labels: readonly number[], seed: number, onStep: (done: number, total: number) => void = () => undefined,
): Promise<Way> {
  const { images, moments } = await sampleImages({
    model, device, count: labels.length, labels, seed, sampler: ddim, options: { steps: STEPS },
    record: { rows: labels.length, columns: STEPS }, onStep,
  });
  return {
    labels, times: [...moments.map(({ at }) => at.time), 0],
    xt: [...moments.map(({ xt }) => levels(xt.data)), levels(images.data)],
    x0: [...moments.map(({ x0 }) => levels(x0.data)), levels(images.data)],
    digest: digest(...moments.map(({ xt }) => xt.data), images.data),
  };
}
