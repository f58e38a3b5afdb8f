/** What samples are held against: the training images of a dataset, and its held-out images as what to expect of perfect samples. */
import { ConfigError, formatShape, sizeOf } from "@fromnoise/tensor";
import type { Dataset } from "../data/dataset.js";
import type { SplitDataset } from "../data/split.js";
import { copies, COPY_RATIO, type Copies } from "./copies.js";
import { datasetRows, evenly, nearestIn, type Watched } from "./dataset-rows.js";
import type { Features } from "./features/feature-file.js";
import { frechetBetween, moments, type Moments } from "./frechet.js";
import { precisionRecall } from "./precision-recall.js";
import { imagesOfDataset, readFeatures, type SeenImages } from "./read-features.js";
import { firstRows, stacked, type Rows } from "./rows.js";

/** How images are recognised by a network that knows their classes: parts of them, 0 .. 1. */
export interface Recognised {
  /** Taken for something definite: the largest probability is above 0.9. */
  readonly sure: number;
  /** Taken for the class that was asked for; and that with a probability above 0.9. Absent where none was asked for. */
  readonly asked?: number;
  readonly askedSure?: number;
}

/** The measures of one set of images. */
export interface Figures {
  /** Images in the set. */
  readonly images: number;
  /** Of its first `Reference.compared` images: distance to the training images, in squared units of the features. */
  readonly frechet: number;
  /** Of the same images and as many training images. */
  readonly precision: number;
  readonly recall: number;
  /** Part of all its images that are copies of training images. */
  readonly copied: number;
  readonly recognised?: Recognised;
}

/** What a reference is prepared of. */
export interface ReferenceOptions extends Watched {
  readonly data: SplitDataset;
  readonly features: Features;
  /** Images that will be compared, at most; fewer where fewer are held out. Default 1000. */
  readonly count?: number;
}

/** Made by `prepareReference` once, to evaluate any number of models against. */
export interface Reference {
  readonly data: SplitDataset;
  readonly features: Features;
  /** Training images whose features were read for the Frechet distance. */
  readonly moments: Moments;
  readonly reference: number;
  /** Features of `compared` training images, evenly spread, for precision and recall. */
  readonly near: Rows;
  /** Images compared of every set, so that all figures are of equally many. */
  readonly compared: number;
  /** Distance of training image i to its nearest other, as far as it was asked for. */
  readonly spacing: Map<number, number>;
  /** The figures of held-out images: what a perfect model would get. Absent where nothing is held out. */
  readonly heldOut?: Figures;
}

/** Neighbours of precision and recall. */
export const NEIGHBOURS = 3;
/** Most training images whose features are read: FID is told of as many. */
const MOST_REFERENCE = 50_000;
const SURE = 0.9;

/**
 * Reads the features of the training images, up to 50,000 evenly spread, and the figures of the held-out images. Throws ConfigError for a
 * count below 5, data that are no images or fewer than that, and as the network's forward; the signal's reason.
 */
export async function prepareReference({ data, features, count = 1000, ...watched }: ReferenceOptions): Promise<Reference> {
  const { training, heldOut } = data;
  if (!(Number.isInteger(count) && count > NEIGHBOURS + 1)) {
    throw new ConfigError(`evaluate: count is ${count}`, [`allowed  whole numbers from ${NEIGHBOURS + 2}`]);
  }
  const compared = Math.min(count, training.count, heldOut?.count ?? Infinity);
  if (compared <= NEIGHBOURS + 1) {
    throw new ConfigError(`evaluate: ${training.name} has too few images`, [
      `found    ${training.count} trained on, ${heldOut?.count ?? 0} held out`, `needed   ${NEIGHBOURS + 2} of each`,
    ]);
  }
  const read = (dataset: Dataset, indices: Int32Array, what: string): Promise<SeenImages> => readFeatures(features, imagesOfDataset(dataset, indices), what, watched);
  const all = await read(training, evenly(training.count, MOST_REFERENCE), "features of training images");
  const width = all.features.shape[1], { length } = all.features.data;
  const near = stacked(Array.from(evenly(length / width, compared), (i) => ({ shape: [1, width], data: all.features.data.subarray(i * width, (i + 1) * width) })));
  const reference = { data, features, moments: moments(all.features), reference: length / width, near, compared, spacing: new Map<number, number>() };
  if (heldOut === undefined) return reference;
  const indices = evenly(heldOut.count, compared);
  const seen = await read(heldOut, indices, "features of held-out images");
  const asked = heldOut.label === undefined ? undefined : Array.from(indices, (i) => heldOut.label!(i));
  const copied = await copiesIn(reference, datasetRows(heldOut, indices), "held-out images among training images", watched);
  return { ...reference, heldOut: figuresOf(reference, seen, copied, asked) };
}

/** What of a reference figures are made of. */
export type FigureReference = Pick<Reference, "moments" | "near" | "compared"> & { readonly data: { readonly training: Pick<Dataset, "classes"> } };

/** The figures of images seen, of which some are copies. Throws as the measures do. */
export function figuresOf(
  { moments: real, near, compared, data: { training } }: FigureReference, { features: rows, classes }: SeenImages, { share }: Copies, asked?: readonly number[],
): Figures {
  const first = firstRows(rows, compared);
  const known = classes !== undefined && classes.shape[1] === training.classes;
  return {
    images: rows.shape[0], frechet: frechetBetween(moments(first), real), ...precisionRecall(first, near, NEIGHBOURS), copied: share,
    ...(known ? { recognised: recognised(classes, asked) } : {}),
  };
}

function recognised({ shape: [count, classes], data }: Rows, asked: readonly number[] | undefined): Recognised {
  const rows = Array.from({ length: count }, (_, i) => Array.from(data.subarray(i * classes, (i + 1) * classes)));
  const share = (fits: (row: number[], i: number) => boolean): number => rows.filter(fits).length / count;
  const sure = share((row) => Math.max(...row) > SURE);
  if (asked === undefined) return { sure };
  return {
    sure, asked: share((row, i) => row[asked[i]] === Math.max(...row)), askedSure: share((row, i) => row[asked[i]] > SURE),
  };
}

/** Which of the images are copies of training images (see `copies`), found among all of those. */
export async function copiesIn({ data: { training }, spacing }: Pick<Reference, "data" | "spacing">, images: Rows, what: string, watched: Watched = {}): Promise<Copies> {
  const near = await nearestIn(images, training, what, watched);
  const wanted = [...new Set(near.indices)].filter((i) => !spacing.has(i));
  if (wanted.length > 0) {
    const rows = datasetRows(training, wanted);
    const { distances } = await nearestIn(rows, training, "training images among themselves", { ...watched, distinct: true });
    wanted.forEach((i, k) => spacing.set(i, distances[k]));
  }
  return copies(near, Array.from(near.indices, (i) => spacing.get(i)!), COPY_RATIO);
}

/** Throws ConfigError unless images are of the shape of the data: they are compared pixel by pixel. */
export function checkImages({ data: { training } }: Reference, { shape: [count, ...shape], data }: Rows): void {
  if (formatShape(shape) === formatShape(training.shape) && data.length === count * sizeOf(shape) && count > NEIGHBOURS + 1) return;
  throw new ConfigError("evaluate: the images do not fit the data", [
    `images   ${count} of ${formatShape(shape)}`, `data     ${formatShape(training.shape)}, and ${NEIGHBOURS + 2} images or more`,
  ]);
}
