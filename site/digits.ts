/** Handwritten digits, learnt by the U-Net that the command trains by default. */
import { Random, type Device } from "@fromnoise/tensor";
import { grid, sampleImages, tileDataset, trainConfig, trainDefaults, Trainer, type ImageDataset, type Picture } from "@fromnoise/diffusion";
import type { Demo } from "./demo.js";
import { drawBitmap } from "./draw.js";

export interface DigitsOptions {
  /** Images a step. */
  batch?: number;
  /** Channels of the three levels. */
  channels?: [number, number, number];
  /** Number of samples, a square, and their DDIM steps. */
  samples?: number;
  sampleSteps?: number;
}

const SHEET = new URL("../data/digits-28x28-gray-10000.png", import.meta.url);

/** The digits' sheet as the page's own decoder reads it. */
async function digits(): Promise<ImageDataset> {
  const bitmap = await createImageBitmap(await (await fetch(SHEET)).blob());
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data;
  const data = Float32Array.from({ length: width * height }, (_, p) => pixels[4 * p] / 255);
  const sheet: Picture = { width, height, channels: 1, data };
  return tileDataset("digits", "digits-28x28-gray-10000.png", sheet, { tile: 28, columns: 100, count: 10000 });
}

export async function digitsDemo(device: Device, options: DigitsOptions = {}): Promise<Demo> {
  const { batch = trainDefaults.batch, channels = [16, 32, 32], samples = 9, sampleSteps = 20 } = options;
  const model = { ...trainDefaults.model, block_out_channels: channels };
  const config = trainConfig({ model, batch, steps: 2000 });
  const trainer = new Trainer(config, device, await digits());
  return {
    caption: `Samples, ${sampleSteps} steps of DDIM`,
    showEvery: 50,
    step: async () => (await trainer.trainStep()).loss,
    async show(canvas) {
      const { images } = await sampleImages({
        unet: trainer.unet, device, schedule: trainer.schedule, objective: config.objective, count: samples, size: [28, 28], random: new Random(4),
        sampler: { name: "ddim", steps: sampleSteps, eta: 0, spacing: "trailing" },
      });
      drawBitmap(canvas, grid(images, { scale: 3 }));
    },
    dispose: () => trainer.dispose(),
  };
}
