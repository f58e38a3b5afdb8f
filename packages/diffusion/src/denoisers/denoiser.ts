/** A network seen from a sampler: at a level of noise it gives its best guess of x0, whatever it predicts. */
import { ConfigError, multiply, split, type Tensor } from "@fromnoise/tensor";
import type { Given, Network } from "@fromnoise/nn";
import { clipped, type ClipOptions } from "./clipped.js";
import { guided, type Guidance } from "./guided.js";
import type { NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import type { VarianceKind } from "../process/schedules.js";
import { convertPrediction, predictionOf, type Prediction, type PredictionName } from "./prediction.js";
import { readVariance, type SaidVariance } from "./variance.js";

/** What is known of a batch that stands at one level. */
export interface Denoised {
  /** The guess of the clean image, clipped where clipping is on: [N, ...]. */
  readonly x0: Tensor;
  /** The noise that goes with x0: x_t = alpha x0 + sigma eps, unless clipping keeps the network's own. */
  readonly eps: Tensor;
  /** The guess as the network made it. */
  readonly rawX0: Tensor;
  /** Of networks that learn it: where the variance of a step back lies between its bounds, 0 .. 1, or its logarithm. */
  readonly variance?: SaidVariance;
}

/** xt [N, ...], all images at one level; `previousX0` is the last guess, for networks conditioned on it. */
export type Denoiser = (xt: Tensor, at: NoiseLevel, previousX0?: Tensor) => Denoised;

/** A network and all that has to be known to sample from it: what was noised how, what it predicts, how its makers sampled. */
export interface DiffusionModel {
  readonly network: Network;
  readonly process: Process;
  readonly prediction: PredictionName | Prediction;
  /** Whether guesses of x0 are clipped to [-1, 1], or how; default true. */
  readonly clipX0?: boolean | ClipOptions;
  /** Variance of a reverse step, where the sampler leaves a choice; default fixed-small. */
  readonly variance?: VarianceKind;
}

/**
 * The denoiser of a model: its network, read by its prediction, guided where that is asked for, then clipped where the model
 * clips; `given` are labels and the like, for the whole batch. Guidance asks the network a second time, with its null class in
 * place of the labels. Throws ConfigError for guidance of a network without one, and as `guided`.
 */
export function denoiserOf(
  { network, prediction, variance, clipX0 = true }: DiffusionModel, given: Given = {}, guidance?: Guidance,
): Denoiser {
  const read = (known: Given): Denoiser => rawDenoiser(network, prediction, known, variance);
  const raw = guidance === undefined ? read(given) : guided(read(given), read(withoutClass(network, given)), guidance);
  return clipX0 === false ? raw : clipped(raw, clipX0 === true ? { to: 1 } : clipX0);
}

/** What a network is given, but for the class. Throws ConfigError where it knows no null class. */
function withoutClass({ spec: { kind, classes, nullClass } }: Network, given: Given): Given {
  if (nullClass !== undefined) return { ...given, labels: Array.from(given.labels ?? [], () => nullClass) };
  throw new ConfigError("guidance is for networks with a null class", [
    `network  ${kind}, ${classes === undefined ? "no classes" : `${classes} classes`}`,
    "hint     fromnoise train --classes --label-drop 0.1 trains one",
  ]);
}

/**
 * The network's own word: F at (c x_t, time), c the prediction's scale of inputs, read as x0 and eps; and where it says two values
 * for each of x_t, the second one read as a variance: `learned` its logarithm, else its place in the range. Nothing of the forward
 * pass is kept. Throws ConfigError where the prediction says nothing, and what the network throws.
 */
export function rawDenoiser(
  network: Network, prediction: PredictionName | Prediction, given: Given = {}, variance?: VarianceKind,
): Denoiser {
  const { inputScale } = predictionOf(prediction);
  return (xt, at, previousX0) => xt.device.scope(() => {
    const scale = inputScale?.(at) ?? 1;
    const x = scale === 1 ? xt : multiply(xt, scale);
    const all = network.spec.selfCondition === true ? { ...given, x0: previousX0 } : given;
    const output = network.apply(x, new Array<number>(xt.shape[0]).fill(at.time), all);
    if (output.shape[output.rank - 1] !== 2 * xt.shape[xt.rank - 1]) return readPrediction(output, xt, at, prediction);
    const [said, v] = split(output, 2, -1);
    const kind = variance === "learned" ? "learned" : "learned-range";
    return { ...readPrediction(said, xt, at, prediction), variance: readVariance(v, kind) };
  });
}

/**
 * What a network's output says: x0 and eps of a batch xt [N, ...] that stands at one level.
 * Throws ShapeError and ConfigError as convertPrediction does.
 */
export function readPrediction(output: Tensor, xt: Tensor, at: NoiseLevel, prediction: PredictionName | Prediction): Denoised {
  const x0 = convertPrediction(output, xt, at, prediction, "x0");
  return { x0, eps: convertPrediction(output, xt, at, prediction, "eps"), rawX0: x0 };
}
