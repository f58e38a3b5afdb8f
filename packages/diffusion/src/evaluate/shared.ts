/** An evaluation in parts: what of it is of each sample alone, and the figures of all of them together. */
import type { Device } from "@fromnoise/tensor";
import type { SplitDataset } from "../data/split.js";
import { copiesOf, type Copies } from "./copies.js";
import type { Watched } from "./dataset-rows.js";
import { asPictures, drawnFor, type EvaluatedSampling, type ModelOptions } from "./evaluate.js";
import type { Features } from "./features/feature-file.js";
import { imagesOfRows, readFeatures } from "./read-features.js";
import { copiesIn, figuresOf, type Figures, type FigureReference } from "./reference.js";
import { stacked, type Rows } from "./rows.js";

/** Of n consecutive samples. */
export interface SharedSamples {
  /** [n, H, W, C], as 8-bit pictures would hold them. */
  readonly images: Rows;
  /** [n, F] */
  readonly features: Rows;
  /** [n, classes] probabilities; undefined where the features' network knows no classes. */
  readonly classes: Rows | undefined;
  /** [n, 2]: d1 / d0 (see `copies`), and the number of the nearest training image. */
  readonly neighbours: Rows;
  /** The class that was asked of each; undefined without classes. */
  readonly asked: readonly number[] | undefined;
}

export interface SharedOptions<O extends object, S> extends Watched {
  readonly model: ModelOptions<O, S>["model"];
  readonly device: Device;
  readonly data: SplitDataset;
  readonly features: Features;
  readonly first: number;
  readonly count: number;
  readonly sampling: EvaluatedSampling<O, S>;
}

/** Draws samples `first` .. and looks at each of them as `evaluateModel` does. Throws as that does. */
export async function evaluateShare<O extends object, S>(
  { model, device, data, features, first, count, sampling, ...watched }: SharedOptions<O, S>,
): Promise<SharedSamples> {
  const { training } = data;
  const { images: drawn, asked } = await drawnFor(training, { model, device, first, count, sampling, ...watched });
  const images: Rows = { shape: drawn.shape, data: asPictures(drawn.data) };
  const seen = await readFeatures(features, imagesOfRows(images), "features of samples", watched);
  const { ratios, indices } = await copiesIn({ data, spacing: new Map() }, images, "samples among training images", watched);
  const neighbours = Float64Array.from({ length: 2 * count }, (_, k) => (k % 2 === 0 ? ratios : indices)[k >> 1]);
  return { images, features: seen.features, classes: seen.classes, neighbours: { shape: [count, 2], data: neighbours }, asked };
}

/** The figures of samples that were looked at in parts, in order, and which of them are copies. */
export function joinedFigures(reference: FigureReference, parts: readonly SharedSamples[]): { figures: Figures; copied: Copies } {
  const { data } = stacked(parts.map(({ neighbours }) => neighbours));
  const column = (k: number): Float64Array => data.filter((_, i) => i % 2 === k);
  const copied = copiesOf(column(0), Int32Array.from(column(1)));
  const asked = parts.every((part) => part.asked !== undefined) ? parts.flatMap((part) => part.asked!) : undefined;
  const known = parts.flatMap(({ classes }) => classes ?? []);
  const seen = { features: stacked(parts.map(({ features }) => features)), ...(known.length === parts.length ? { classes: stacked(known) } : {}) };
  return { figures: figuresOf(reference, seen, copied, asked), copied };
}

/** The numbers of the n samples that are most like a training image by their d1 / d0, the most first. */
export function mostLike(ratios: ArrayLike<number>, n: number): number[] {
  return Array.from({ length: ratios.length }, (_, i) => i).sort((a, b) => ratios[a] - ratios[b]).slice(0, n);
}
