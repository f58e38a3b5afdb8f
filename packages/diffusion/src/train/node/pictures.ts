/** The pictures that a run draws of itself. */
import { Random } from "@fromnoise/tensor";
import { chartBitmap, chartSvg, encodePng, grid } from "../../image/node/index.js";
import { sampleImages } from "../../models/sample-images.js";
import type { RunDirectory } from "./run-directory.js";
import { streams, type Trainer } from "../trainer.js";

const PREVIEW_STEPS = 50;

/** preview-<step>.png: a grid of samples from the averaged weights, always from the same noise; classes take turns. */
export async function writePreview(
  { ema: { network: unet }, device, schedule, config, dataset, step }: Trainer, directory: RunDirectory,
): Promise<void> {
  const { num_class_embeds: classes } = unet.config;
  const [height, width] = dataset.shape;
  const { images } = await sampleImages({
    unet, device, schedule, dtype: config.dtype, prediction: config.prediction, clipX0: config.sampling.clipX0,
    count: config.previewImages, size: [height, width], random: new Random(config.seed, streams.preview),
    sampler: { name: "ddim", steps: Math.min(PREVIEW_STEPS, schedule.T), eta: 0, spacing: "trailing" },
    ...(classes === null ? {} : { classLabels: Array.from({ length: config.previewImages }, (_, i) => i % classes) }),
  });
  await directory.write(`preview-${step}.png`, encodePng(grid(images, { background: 0 })));
}

/** loss.png and loss.svg from the metrics so far. */
export async function writeLossCurve(directory: RunDirectory): Promise<void> {
  const metrics = directory.metrics();
  const series = [{ name: "loss", x: metrics.map(({ step }) => step), y: metrics.map(({ loss }) => loss) }];
  const options = { title: "training loss", logY: true };
  await directory.write("loss.png", encodePng(chartBitmap(series, options)));
  await directory.write("loss.svg", chartSvg(series, options));
}
