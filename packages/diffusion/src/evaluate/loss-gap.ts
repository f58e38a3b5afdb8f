/** How much better a model knows the images it was trained on than others of their kind. */
import { Random, tensor, type Device } from "@fromnoise/tensor";
import type { Dataset } from "../data/dataset.js";
import { loadBatch } from "../data/batches.js";
import type { TrainedModel } from "../models/load-model.js";
import type { TrainConfig } from "../train/config.js";
import { lossOf } from "../train/loss-of.js";
import { drawLevels } from "../train/time-sampling.js";
import { randomDraws, stepLoss, type TrainingSetup } from "../train/training-step.js";
import { blocksOf, evenly, type Watched } from "./dataset-rows.js";

/** The loss on images trained on and on images held out, at the same levels with the same noise. */
export interface LossGap {
  /** The run's own loss on images it was trained on, and on images held out. */
  readonly training: number;
  readonly heldOut: number;
  /** heldOut / training: about 1, more where the model has learned its images by heart. */
  readonly ratio: number;
  /** Standard error of the ratio, over batches. */
  readonly error: number;
  /** Images of each kind, and how often each was asked about. */
  readonly images: number;
  readonly rounds: number;
}

/** Whose loss, on which images. */
export interface LossGapOptions extends Watched {
  readonly model: Pick<TrainedModel, "network" | "process">;
  /** The run's configuration: its loss, and how it draws levels. */
  readonly config: TrainConfig;
  readonly device: Device;
  readonly training: Dataset;
  readonly heldOut: Dataset;
  /** Images of each kind, evenly spread, at most; default 500. */
  readonly count?: number;
  readonly seed?: number;
}

const BATCH = 50, ROUNDS = 4;
/** Streams of the seed. */
const LEVELS = 21, NOISE = 22, GUESS = 23;

/**
 * Mean of the run's loss over held-out and over training images, in batches of 50, four times each. Batch b of both has the same levels
 * and the same noise, and self-conditioned networks are told their guess in the same of them, so that the ratio is exact far beyond the
 * two means. Levels are drawn as the run draws them, but by the process itself where the run draws them by loss. Throws as `lossOf` and
 * the network's forward.
 */
export async function lossGap({ model: { network, process }, config, device, training, heldOut, count = 500, seed = 0, ...watched }: LossGapOptions): Promise<LossGap> {
  const loss = lossOf(config, process, training.shape);
  const { timeSampling } = config;
  const n = Math.min(count, training.count, heldOut.count);
  const random = [LEVELS, NOISE, GUESS].map((stream) => new Random(seed, stream));
  const draws = (states: Random[]): TrainingSetup["draws"] => randomDraws({
    levels: states[0], noise: states[1], selfCondition: states[2],
    drawLevels: (k, _, own) => (timeSampling === "loss-aware" ? process.draw(k, own) : drawLevels(timeSampling, k, process, own)),
  });
  const { dtype } = network.parameters[0].tensor;
  const chosen = [training, heldOut].map((dataset) => ({ dataset, indices: evenly(dataset.count, n) }));
  const pairs: { size: number; losses: number[] }[] = [];
  for await (const { start, end } of blocksOf(n * ROUNDS, "loss", watched, Math.min(BATCH, n))) {
    const states = random.map((each) => each.state());
    const losses: number[] = [];
    for (const { dataset, indices } of chosen) {
      states.forEach((state, k) => (random[k].counter = state.counter));
      const picked = Array.from({ length: end - start }, (_, k) => indices[(start + k) % n]);
      const x0 = tensor(loadBatch(dataset, picked), { shape: [picked.length, ...dataset.shape], device, dtype });
      const labels = network.spec.classes === undefined ? undefined : picked.map((i) => dataset.label!(i));
      const step = stepLoss({ network, process, loss, draws: draws(random) }, { x0, labels });
      losses.push(await step.loss.item().finally(() => [x0, step.loss, step.perImage].forEach((t) => t.dispose())));
    }
    pairs.push({ size: end - start, losses });
  }
  const [mean, other] = [0, 1].map((k) => pairs.reduce((sum, { size, losses }) => sum + size * losses[k], 0) / (n * ROUNDS));
  const ratio = other / mean;
  const spread = pairs.reduce((sum, { losses: [t, h] }) => sum + ((h - ratio * t) / mean) ** 2, 0);
  const error = pairs.length < 2 ? NaN : Math.sqrt(spread / (pairs.length - 1) / pairs.length);
  return { training: mean, heldOut: other, ratio, error, images: n, rounds: ROUNDS };
}
