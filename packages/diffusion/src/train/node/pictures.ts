/** The pictures that a run draws of itself. */
import { chartSvg } from "../../chart/index.js";
import { encodePng, grid } from "../../image/node/index.js";
import { sampleImages } from "../../models/sample-images.js";
import type { RunDirectory } from "./run-directory.js";
import type { Trainer } from "../trainer.js";

/** Where the preview of a step is. */
export function previewPath(directory: RunDirectory, step: number): string {
  return directory.file(`preview-${step}.png`);
}

/** preview-<step>.png: a grid of samples from the averaged weights, always from the same noise; classes take turns. */
export async function writePreview({ model, device, config: { previewImages: count, seed }, step }: Trainer, directory: RunDirectory): Promise<void> {
  const { images } = await sampleImages({ model, device, count, seed });
  await directory.write(`preview-${step}.png`, encodePng(grid(images, { background: 0 })));
}

/** loss.svg from the metrics so far. */
export async function writeLossCurve(directory: RunDirectory): Promise<void> {
  const metrics = directory.metrics();
  const series = [{ name: "loss", x: metrics.map(({ step }) => step), y: metrics.map(({ loss }) => loss) }];
  await directory.write("loss.svg", chartSvg(series, { title: "training loss", logY: true }));
}
