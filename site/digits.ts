/** Handwritten digits, learnt by a U-Net small enough for a page: 16 x 16 pixels, each drawn by its class. */
import type { Device } from "@fromnoise/tensor";
import {
  builtinSheets, ddim, grid, pageConfig, pageUNet, sampleImages, splitDataset, tileDataset, trainConfig, Trainer, type Dataset,
  type Picture,
} from "@fromnoise/diffusion";
import type { Demo } from "./demo.js";
import { drawBitmap } from "./draw.js";

export interface DigitsOptions {
  /** Images a step. */
  batch?: number;
  /** Channels of the two levels. */
  channels?: [number, number];
  /** Number of samples, in order of their class, and their DDIM steps. */
  samples?: number;
  sampleSteps?: number;
}

const SHEET = new URL("../data/digits-28x28-gray-10000.png", import.meta.url);

/** The digits' sheet as the browser's own decoder reads it. */
async function digits(size: number): Promise<Dataset> {
  const bitmap = await createImageBitmap(await (await fetch(SHEET)).blob());
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data;
  const data = Float32Array.from({ length: width * height }, (_, p) => pixels[4 * p] / 255);
  const sheet: Picture = { width, height, channels: 1, data };
  const { file, ...tiles } = builtinSheets.digits;
  return tileDataset("digits", file, sheet, { ...tiles, size });
}

/** The demo for a run of so many steps, over which the learning rate falls. */
export async function digitsDemo(device: Device, steps: number, options: DigitsOptions = {}): Promise<Demo> {
  const { batch = pageConfig.batch, channels = pageUNet.block_out_channels, samples = 30, sampleSteps = 20 } = options;
  const config = trainConfig({ ...pageConfig, model: { ...pageUNet, block_out_channels: channels }, batch, steps });
  const { training } = splitDataset(await digits(pageUNet.sample_size), config.holdOut);
  const trainer = new Trainer(config, device, training);
  return {
    caption: `Digits 0 to 9, drawn by the network from noise in ${sampleSteps} steps of DDIM`,
    showEvery: 100,
    step: async () => (await trainer.trainStep()).loss,
    async show() {
      const { images } = await sampleImages({
        model: trainer.model, device, count: samples, seed: 4, sampler: ddim, options: { steps: sampleSteps },
        labels: Array.from({ length: samples }, (_, i) => Math.floor((10 * i) / samples)),
      });
      return drawBitmap(grid(images, { columns: Math.min(6, samples), gap: 4, scale: 6 }));
    },
    dispose: () => trainer.dispose(),
  };
}
