/** How good samples are: all measures of a model's samples, or of images from wherever, beside those of real images. */
import { ConfigError, formatShape, type Device } from "@fromnoise/tensor";
import type { DiffusionModel } from "../denoisers/denoiser.js";
import type { Dataset } from "../data/dataset.js";
import { toBytes } from "../image/picture.js";
import { sampleImages, type SamplingOptions } from "../models/sample-images.js";
import type { TrainedModel } from "../models/load-model.js";
import type { Copies } from "./copies.js";
import type { Watched } from "./dataset-rows.js";
import { fittingOf } from "./features/fit-images.js";
import { lossGap, type LossGap } from "./loss-gap.js";
import { imagesOfRows, readFeatures } from "./read-features.js";
import { checkImages, copiesIn, figuresOf, type Figures, type Reference } from "./reference.js";
import type { Rows } from "./rows.js";

/** How good samples are, in numbers, with those of real images beside them. */
export interface Evaluation {
  /** Whose features: "digits", or a file's name. */
  readonly features: string;
  /** What was done to the images for them; undefined where nothing was. */
  readonly fitting?: string;
  /** Images compared for the distance, precision and recall; training images that the distance is to. */
  readonly compared: number;
  readonly reference: number;
  readonly samples: Figures;
  /** The same figures of real images that were not trained on. */
  readonly heldOut?: Figures;
  /** Of a run's model: its loss on images trained on and held out. */
  readonly loss?: LossGap;
}

/** An evaluation with what pictures are drawn of. */
export interface Evaluated {
  readonly evaluation: Evaluation;
  /** The images evaluated, as 8-bit pictures would hold them. */
  readonly images: Rows & { readonly data: Float32Array };
  /** Of each its nearest training image, and how near. */
  readonly copies: Copies;
}

/** What else is known of the images, and who watches. */
export interface ImagesOptions extends Watched {
  /** The class that each image was to be of, where classes were asked for. */
  readonly asked?: readonly number[] | undefined;
}

/**
 * Evaluates images [N, H, W, C] in [-1, 1] of the data's shape, rounded to 256 levels as files would hold them, so that images and their
 * files get the same figures. Throws ConfigError for images of another shape, and for fewer than the reference compares; NumericError as
 * `toBytes` for NaN; the signal's reason.
 */
export async function evaluateImages(reference: Reference, given: Rows, { asked, ...watched }: ImagesOptions = {}): Promise<Evaluated> {
  checkImages(reference, given);
  const { features, compared, heldOut } = reference;
  if (given.shape[0] < compared) {
    throw new ConfigError("evaluate: there are too few images", [
      `got      ${given.shape[0]}`, `needed   ${compared}, as many as the reference compares`, "hint     a reference of a smaller count",
    ]);
  }
  const images = { shape: given.shape, data: asPictures(given.data) };
  const seen = await readFeatures(features, imagesOfRows(images), "features of samples", watched);
  const copied = await copiesIn(reference, images, "samples among training images", watched);
  const samples = figuresOf(reference, seen, copied, asked);
  const fitting = fittingOf(reference.data.training.shape, features.network.config);
  const evaluation = {
    features: features.name, ...(fitting === undefined ? {} : { fitting }), compared, reference: reference.reference, samples,
    ...(heldOut === undefined ? {} : { heldOut }),
  };
  return { evaluation, images, copies: copied };
}

/** Values as 8-bit files give them back: clipped, rounded to 256 levels, and read as datasets read them. */
export function asPictures(values: Rows["data"]): Float32Array {
  return Float32Array.from(toBytes(values), (byte) => 2 * Math.fround(byte / 255) - 1);
}

/** What is drawn: as `sampleImages` takes it, without what is decided here. */
export type EvaluatedSampling<O extends object, S> = Omit<SamplingOptions<O, S>, "model" | "device" | "count" | "first" | "labels" | "record" | "onStep" | "signal">;

/** Whose samples are evaluated, and how they are drawn. */
export interface ModelOptions<O extends object, S> extends Watched {
  readonly model: DiffusionModel & Pick<Partial<TrainedModel>, "training">;
  readonly device: Device;
  /** Samples to draw; default as many as the reference compares. */
  readonly count?: number;
  /** Sampler, its options, seed, guidance, batch; default DDIM's own. */
  readonly sampling?: EvaluatedSampling<O, S>;
}

/**
 * Samples `first` .. of a model for figures against a dataset, and the class asked of each (`askedClass`). Throws ConfigError for a model that
 * draws no such images or has other classes, and as `sampleImages`.
 */
export async function drawnFor<O extends object, S>(
  training: Dataset, { model, device, first = 0, count, sampling, ...watched }: ModelOptions<O, S> & { readonly first?: number; readonly count: number },
): Promise<{ images: Rows; asked: number[] | undefined }> {
  const { classes, sample } = model.network.spec;
  if (!sample.every((side, axis) => side === null || side === training.shape[axis])) {
    throw new ConfigError("evaluate: the model does not draw such images", [`draws    [${sample.join(", ")}]`, `data     ${formatShape(training.shape)}`]);
  }
  if (classes !== undefined && classes !== training.classes) {
    throw new ConfigError("evaluate: the model has other classes than the data", [`model    ${classes}`, `data     ${training.classes ?? "none"}`]);
  }
  const asked = classes === undefined ? undefined : Array.from({ length: count }, (_, i) => askedClass(training, first + i));
  const [height, width] = training.shape;
  const { images } = await sampleImages({
    ...sampling!, model, device, first, count, ...(sample.includes(null) ? { size: [height, width] as const } : {}), labels: asked,
    ...(watched.signal === undefined ? {} : { signal: watched.signal }),
    onStep: (done, total) => watched.onProgress?.("reverse steps", done, total),
  });
  return { images: images as Rows, asked };
}

/**
 * Draws samples and evaluates them; sample i depends on the seed and on i alone. A network with classes is asked for them as often as the
 * training images are of them (`askedClass`). Of a model that knows its run's configuration the loss on training and held-out images is
 * compared too. Throws as `sampleImages`, `evaluateImages` and `lossGap`.
 */
export async function evaluateModel<O extends object, S>(
  reference: Reference, { model, device, count = reference.compared, sampling, ...watched }: ModelOptions<O, S>,
): Promise<Evaluated> {
  const { images, asked } = await drawnFor(reference.data.training, { model, device, count, ...(sampling && { sampling }), ...watched });
  const evaluated = await evaluateImages(reference, images, { asked, ...watched });
  const loss = await ownLoss(reference, { model, device, ...(sampling && { sampling }), ...watched });
  return loss === undefined ? evaluated : { ...evaluated, evaluation: { ...evaluated.evaluation, loss } };
}

/** The loss of a model of a run on training and held-out images; undefined for other models, and where nothing is held out. */
export async function ownLoss<O extends object, S>(
  { data: { training, heldOut }, compared }: Pick<Reference, "data" | "compared">, { model, device, sampling, ...watched }: Omit<ModelOptions<O, S>, "count">,
): Promise<LossGap | undefined> {
  if (model.training === undefined || heldOut === undefined) return undefined;
  return lossGap({ model, config: model.training, device, training, heldOut, count: Math.min(500, compared), seed: sampling?.seed ?? 0, ...watched });
}

/**
 * The class asked of sample i: that of the training image at place frac((i + 1) phi), phi the golden ratio, of the way through them. Of
 * any n samples the classes are then as frequent as in the data, to a few images, and no sample's depends on n.
 */
export function askedClass({ count, label }: Pick<Dataset, "count" | "label">, i: number): number {
  const place = ((i + 1) * ((Math.sqrt(5) - 1) / 2)) % 1;
  return label!(Math.floor(place * count));
}
