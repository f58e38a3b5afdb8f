/** `evaluate --share K/N`: samples of one share, what is seen in each of them, and in the first share what all are held against. */
import type { Device } from "@fromnoise/tensor";
import type { HostTensor } from "@fromnoise/nn";
import type { SplitDataset } from "../data/split.js";
import type { Watched } from "../evaluate/dataset-rows.js";
import { ownLoss, type EvaluatedSampling } from "../evaluate/evaluate.js";
import type { Features } from "../evaluate/features/feature-file.js";
import { fittingOf } from "../evaluate/features/fit-images.js";
import { prepareReference, type Figures } from "../evaluate/reference.js";
import type { LossGap } from "../evaluate/loss-gap.js";
import { evaluateShare, mostLike } from "../evaluate/shared.js";
import { datasetRows } from "../evaluate/dataset-rows.js";
import type { TrainedModel } from "../models/load-model.js";
import type { Sampling } from "./sampling-flags.js";
import { held, rangeOf, settingsOf, writeShare, type Share } from "./share.js";

/** What is evaluated, and against what. */
interface Evaluating {
  readonly model: TrainedModel;
  readonly device: Device;
  readonly data: SplitDataset;
  /** What the data is called. */
  readonly name: string;
  readonly features: Features;
  /** Samples of the whole. */
  readonly count: number;
}

/** What the first share tells beside its samples. Plain JSON. */
export interface SharedReference {
  readonly compared: number;
  readonly reference: number;
  readonly features: string;
  readonly fitting?: string;
  readonly classes?: number;
  readonly heldOut?: Figures;
  readonly loss?: LossGap;
}

/** What every share tells. Plain JSON. */
export interface SharedEvaluation {
  readonly source: string;
  readonly data: string;
  readonly device: string;
  readonly sampler: string;
  readonly seed: number;
  /** The samples of the share that are most like a training image, by their numbers; the tensor `training` has that image of each. */
  readonly like: readonly number[];
  readonly asked?: readonly number[];
  readonly whole?: SharedReference;
}

/** Draws a share's samples, looks at them, and writes the file: its path. */
export async function evaluateOneShare(
  out: string, share: Share, { model, device, data, name, features, count }: Evaluating,
  { sampling, sampled, shown }: { sampling: EvaluatedSampling<object, unknown>; sampled: Sampling; shown: number }, watched: Watched,
): Promise<string> {
  const range = rangeOf(count, share), { start, end } = range;
  const settings = {
    ...await settingsOf(model, device, sampled, sampling.clipX0), seed: sampling.seed, data: name, training: data.training.describe(), shape: data.training.shape,
    features: features.name,
  };
  const seen = await evaluateShare({ model, device, data, features, first: start, count: end - start, sampling, ...watched });
  const pairs = Array.from({ length: end - start }, (_, i) => ({ ratio: seen.neighbours.data[2 * i], training: seen.neighbours.data[2 * i + 1] }));
  const like = mostLike(pairs.map(({ ratio }) => ratio), shown);
  const { shape, data: images } = datasetRows(data.training, like.map((i) => pairs[i].training));
  const tensors = new Map<string, HostTensor>([
    ["images", held(seen.images.shape, seen.images.data)], ["features", held(seen.features.shape, seen.features.data)],
    ["neighbours", held(seen.neighbours.shape, seen.neighbours.data)], ["training", held(shape, images)],
    ...(seen.classes === undefined ? [] : [["classes", held(seen.classes.shape, seen.classes.data)] as const]),
  ]);
  const whole = share.index === 1 ? await heldAgainst({ model, device, data, features, count }, sampling, tensors, watched) : undefined;
  const said: SharedEvaluation = {
    source: model.source, data: name, device: device.description, sampler: sampled.sampler.name, seed: sampling.seed ?? 0, like: like.map((i) => start + i),
    ...(seen.asked === undefined ? {} : { asked: seen.asked }), ...(whole === undefined ? {} : { whole }),
  };
  return writeShare(out, share, { kind: "evaluation", range, count, settings, said: { ...said }, tensors });
}

/** What all samples are held against, its numbers among the tensors. */
async function heldAgainst(
  { model, device, data, features, count }: Omit<Evaluating, "name">, sampling: EvaluatedSampling<object, unknown>, tensors: Map<string, HostTensor>, watched: Watched,
): Promise<SharedReference> {
  const reference = await prepareReference({ data, features, count, ...watched });
  const { moments: { mean, covariance }, near, compared, heldOut } = reference;
  tensors.set("reference.mean", held([mean.length], mean));
  tensors.set("reference.covariance", held([mean.length, mean.length], covariance));
  tensors.set("reference.near", held(near.shape, near.data));
  const loss = await ownLoss(reference, { model, device, sampling, ...watched });
  const fitting = fittingOf(data.training.shape, features.network.config);
  return {
    compared, reference: reference.reference, features: features.name, ...(fitting === undefined ? {} : { fitting }),
    ...(data.training.classes === undefined ? {} : { classes: data.training.classes }), ...(heldOut === undefined ? {} : { heldOut }), ...(loss === undefined ? {} : { loss }),
  };
}

