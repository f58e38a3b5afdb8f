/** The way of samples from noise, by the digits' model that comes with the package. The same in a page's worker and in Node. */
import type { Device } from "@fromnoise/tensor";
import { ddim, loadModel, memorySource, sampleImages, type TrainedModel } from "@fromnoise/diffusion";
import { digest } from "./digest.js";

/** Sides of a digit, and its pixels. */
export const SIDE = 16, PIXELS = SIDE * SIDE;
/** Steps of DDIM on the way. */
export const STEPS = 25;

export interface Way {
  /** The class of each sample. */
  readonly labels: readonly number[];
  /** t of each frame: from the noisiest to 0, the sample. */
  readonly times: readonly number[];
  /** x_t of every frame, [frame][sample * PIXELS + pixel] in levels 0 .. 255 of [-1, 1]. */
  readonly xt: readonly Uint8Array[];
  /** The guess of x_0 at every frame; empty where it was not recorded. */
  readonly x0: readonly Uint8Array[];
  /** Of all frames in f32. */
  readonly digest: string;
}

/** A number in [-1, 1] as a level of gray. */
export const toLevel = (value: number): number => Math.max(0, Math.min(255, Math.round((value + 1) * 127.5)));
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
