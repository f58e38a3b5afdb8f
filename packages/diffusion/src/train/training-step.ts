/** Algorithm 1 of Ho et al. 2020, one micro-batch of it: the one place where it is written out. */
import { ConfigError, multiply, randomNormal, split, tensor, type Random, type Tensor } from "@fromnoise/tensor";
import type { Given, Grads, Network } from "@fromnoise/nn";
import { convertPrediction } from "../denoisers/prediction.js";
import type { DrawnLevel, Loss, LossTerms } from "../losses/loss.js";
import type { NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import { perImage, qSample } from "../process/q-sample.js";
import { offsetNoise } from "./offset-noise.js";

/** What is random in a step of training. */
export interface Draws {
  /** The levels of noise of n samples. */
  levels(n: number, process: Process): readonly DrawnLevel[];
  /** eps in the shape of x0, ~ N(0, I) unless it is offset. */
  noise(x0: Tensor): Tensor;
  /** What the network is told in place of N labels, some of them hidden; without it, the labels themselves. */
  labels?(labels: ArrayLike<number>, nullClass: number): ArrayLike<number>;
  /** Whether a self-conditioned network is told its own guess in this micro-batch; such networks need it. */
  tellGuess?(): boolean;
  /** Masks of dropout; without it there is none. */
  readonly dropout?: Random;
}

/** Streams of random numbers for the draws of training. */
export interface DrawStreams {
  readonly levels: Random;
  readonly noise: Random;
  readonly dropout?: Random;
  /** Which labels are hidden; drawn from only where labelDrop > 0. */
  readonly labels?: Random;
  /** The probability that a label is hidden; default 0. */
  readonly labelDrop?: number;
  /** Whether the network is told its own guess, every other time; drawn from only for self-conditioned networks. */
  readonly selfCondition?: Random;
  /** How levels are drawn from theirs; default as the process does by itself. */
  drawLevels?(n: number, process: Process, random: Random): readonly DrawnLevel[];
  /** Offset noise of this amount, see `offsetNoise`; default none. */
  readonly offset?: { readonly amount: number; readonly random: Random };
}

/** Draws from streams of random numbers, one for each purpose. */
export function randomDraws({
  levels, noise, dropout, labels, labelDrop = 0, selfCondition, offset, drawLevels = (n, process, random) => process.draw(n, random),
}: DrawStreams): Draws {
  return {
    levels: (n, process) => drawLevels(n, process, levels),
    noise: ({ shape, device, dtype }) => {
      const eps = randomNormal(shape, noise, { device, dtype });
      return offset === undefined ? eps : offsetNoise(eps, offset.amount, offset.random);
    },
    ...(labels === undefined || labelDrop === 0 ? {} : {
      labels: (given: ArrayLike<number>, nullClass: number) =>
        labels.uniform(given.length).map((u, i) => (u < labelDrop ? nullClass : given[i])),
    }),
    ...(selfCondition === undefined ? {} : { tellGuess: () => selfCondition.uniform(1)[0] < 0.5 }),
    ...(dropout === undefined ? {} : { dropout }),
  };
}

/** The images of a step, [N, ...] in [-1, 1], with labels where the network has classes. */
export interface TrainingBatch {
  /** Clean samples [N, ...]. */
  readonly x0: Tensor;
  /** Their N classes, where the network has classes. */
  readonly labels?: ArrayLike<number> | undefined;
}

/** What a step needs beside its images: network, process, loss and random numbers. */
export interface TrainingSetup {
  readonly network: Network;
  readonly process: Process;
  readonly loss: Loss;
  readonly draws: Draws;
}

/** What a step gives: its loss, that of each image, and the levels that were drawn. */
export interface TrainingStep {
  /** [] and [N], the loss and the unweighted error of every sample; the caller's to dispose. */
  readonly loss: Tensor;
  readonly perImage: Tensor;
  /** Where every sample stood. */
  readonly levels: readonly DrawnLevel[];
}

/**
 * Takes a level of noise and eps for every sample, asks the network at x_t = alpha x0 + sigma eps, and adds the gradient of `scale` times
 * the loss to grads (1/k when k micro-batches make a step; default 1). The parameters are not changed: that is the optimiser's part.
 * A self-conditioned network is told, where the draws say so, the guess of x0 that a first pass makes without caches and dropout,
 * and else none (Chen et al. 2022, section 2.2). Throws ConfigError for draws that cannot say, or that hide labels from a network
 * without a null class, and what network and loss throw, such as for labels that are missing.
 */
export function trainingStep(
  { network, process, loss, draws }: TrainingSetup, { x0, labels }: TrainingBatch, grads: Grads, { scale = 1 }: { scale?: number } = {},
): TrainingStep {
  const { device, dtype } = x0;
  const levels = draws.levels(x0.shape[0], process);
  const results = device.scope(() => {
    const { x, times, given, terms } = questionOf({ network, process, loss, draws }, { x0, labels }, levels);
    const [output, cache] = network.forward(x, times, given, draws.dropout);
    network.backward(loss.backward(tensor(scale, { device, dtype }), output, terms), cache, grads);
    return loss.forward(output, terms);
  });
  return { ...results, levels };
}

/**
 * The loss that a step would have, without dropout and gradients: how a model does on samples that it is not to learn. Throws as
 * `trainingStep`.
 */
export function stepLoss(setup: TrainingSetup, batch: TrainingBatch): TrainingStep {
  const levels = setup.draws.levels(batch.x0.shape[0], setup.process);
  const results = batch.x0.device.scope(() => {
    const { x, times, given, terms } = questionOf(setup, batch, levels);
    return setup.loss.forward(setup.network.apply(x, times, given), terms);
  });
  return { ...results, levels };
}

/** What the network is asked in a step, and what its answer is held against. */
function questionOf(
  { network, draws, loss }: TrainingSetup, { x0, labels }: TrainingBatch, levels: readonly DrawnLevel[],
): { x: Tensor; times: number[]; given: Given; terms: LossTerms } {
  const eps = draws.noise(x0);
  const xt = qSample(x0, levels, eps);
  const x = inputOf(xt, levels, loss), times = levels.map(({ time }) => time);
  const told: Given = { labels: toldLabels(network, draws, labels) };
  const given = tellsGuess(network, draws) ? { ...told, x0: guessOf(network.apply(x, times, told), xt, levels, loss) } : told;
  return { x, times, given, terms: { x0, eps, xt, levels } };
}

/** The labels that the network is told. Throws ConfigError where some are to be hidden and it knows no null class. */
function toldLabels(
  { spec: { kind, nullClass } }: Network, draws: Draws, labels: TrainingBatch["labels"],
): TrainingBatch["labels"] {
  if (draws.labels === undefined || labels === undefined) return labels;
  if (nullClass !== undefined) return draws.labels(labels, nullClass);
  throw new ConfigError("trainingStep: labels are to be hidden from a network without a null class", [`network  ${kind}`]);
}

/** Whether the network is told a guess of x0 this time. Throws ConfigError where it reads one and the draws do not say. */
function tellsGuess({ spec: { kind, selfCondition } }: Network, draws: Draws): boolean {
  if (selfCondition !== true) return false;
  if (draws.tellGuess !== undefined) return draws.tellGuess();
  throw new ConfigError("trainingStep: nothing says when a self-conditioned network is told its guess", [
    `network  ${kind}`, "pass     randomDraws({ levels, noise, selfCondition }), or tellGuess of one's own",
  ]);
}

/** x0 as a network's output has it, the first of its heads: a constant, which no gradient flows back through. */
function guessOf(output: Tensor, xt: Tensor, levels: readonly NoiseLevel[], { prediction, heads }: Loss): Tensor {
  return convertPrediction(heads === 1 ? output : split(output, heads, -1)[0], xt, levels, prediction, "x0");
}

/** x_t as the network is given it: times the scale of inputs of what it predicts. */
function inputOf(xt: Tensor, levels: readonly NoiseLevel[], { prediction: { inputScale } }: Loss): Tensor {
  return inputScale === undefined ? xt : multiply(perImage(levels.map(inputScale), xt), xt);
}
