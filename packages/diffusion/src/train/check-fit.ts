import { ConfigError, formatShape } from "@fromnoise/tensor";
import type { Network } from "@fromnoise/nn";
import type { Dataset } from "../data/dataset.js";
import type { Loss } from "../losses/loss.js";
import { checkOffsetNoise } from "./offset-noise.js";

/** Throws ConfigError where a network cannot be trained on a dataset with a loss: names what each of them has. */
export function checkFit(
  { spec: { kind, sample, outputs, classes, nullClass, embedding } }: Network, { name, heads }: Loss, dataset: Dataset,
  { flip, labelDrop, offsetNoise }: { flip: boolean; labelDrop: number; offsetNoise: number },
): void {
  const { shape } = dataset;
  const sides = `[${sample.map((side) => side ?? "any").join(", ")}]`;
  if (sample.length !== shape.length || sample.some((side, i) => side !== null && side !== shape[i])) {
    throw new ConfigError(`the network does not take the samples of ${dataset.name}`, [
      `network  ${kind}, samples ${sides}`, `data     ${formatShape(shape)}`,
    ]);
  }
  if (flip && shape.length !== 3) {
    throw new ConfigError(`flip: samples of ${dataset.name} have no mirror images`, [`data     ${formatShape(shape)}, allowed are images [H, W, C]`]);
  }
  if (labelDrop > 0 && nullClass === undefined) {
    throw new ConfigError(`labelDrop: ${labelDrop} is for networks with a null class`, [
      `network  ${kind}, ${classes === undefined ? "no classes" : `${classes} classes`}`,
      "hint     fromnoise train --classes --label-drop 0.1 makes one",
    ]);
  }
  checkOffsetNoise(offsetNoise, shape);
  const wanted = shape[shape.length - 1] * heads;
  if (outputs !== wanted) {
    throw new ConfigError(`the network gives ${outputs} values where the loss ${name} needs ${wanted}`, [
      `network  ${kind}, samples ${sides}`, `allowed  ${wanted} outputs, ${heads} for each of ${shape[shape.length - 1]}`,
    ]);
  }
  if (embedding !== undefined) {
    throw new ConfigError("a network that is given a vector as its condition is not trained by a run: data have none", [
      `network  ${kind}, vectors of ${embedding}`, "hint     network.forward(x, t, { embedding }) and its backward take one",
    ]);
  }
  if (classes === undefined || (dataset.label !== undefined && (classes === dataset.classes || classes === Infinity))) return;
  throw new ConfigError(`the network's classes are not those of ${dataset.name}`, [
    `network  ${kind}, ${classes} classes`, `data     ${dataset.classes === undefined ? "no labels" : `${dataset.classes} classes`}`,
  ]);
}
