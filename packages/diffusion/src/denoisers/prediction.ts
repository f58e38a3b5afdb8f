/**
 * What a network may predict. With x_t = alpha x0 + sigma eps a prediction is a pair (p, q): its target is F = p x0 + q eps. Given x_t,
 * each prediction determines x0 and eps by one linear system,
 *   [alpha sigma; p q] [x0; eps] = [x_t; F],   det = alpha q - sigma p,
 * and with them any other prediction. Where its determinant is 0 a prediction says nothing.
 */
import { ConfigError, type Tensor } from "@fromnoise/tensor";
import type { Amounts } from "../process/level.js";
import type { Process } from "../process/process.js";
import { assertSameShape, combineEach, levelsOf, type Levels } from "../process/q-sample.js";

/** What a network is asked for: p(level) x_0 + q(level) eps. */
export interface Prediction {
  readonly name: string;
  /** (p, q) at a level. */
  pair(at: Amounts): readonly [p: number, q: number];
  /** The network is given x_t times this; 1 unless there. */
  inputScale?(at: Amounts): number;
}

/**
 * EDM's preconditioning (Karras et al. 2022, table 1) for data of standard deviation d, in terms of s = sigma / alpha:
 * F = (x0 - c_skip x_t / alpha) / c_out, c_skip = d^2 / (s^2 + d^2), c_out = s d / sqrt(s^2 + d^2); the network is given c_in x_t / alpha,
 * c_in = 1 / sqrt(s^2 + d^2). Throws ConfigError unless d is a positive number.
 */
export function edmPrediction(d: number): Prediction {
  if (!(d > 0 && d < Infinity)) throw new ConfigError(`edm: ${d} is no standard deviation of data`, ["allowed  finite numbers > 0"]);
  return {
    name: "edm",
    pair({ alpha, sigma }) {
      const s = sigma / alpha;
      const skip = d * d / (s * s + d * d), out = s * d / Math.sqrt(s * s + d * d);
      return [(1 - skip) / out, -skip * s / out];
    },
    inputScale: ({ alpha, sigma }) => 1 / (alpha * Math.sqrt((sigma / alpha) * (sigma / alpha) + d * d)),
  };
}

/** Every prediction by its name. */
export const predictions = {
  /** The noise (Ho et al. 2020, section 3.2). */
  eps: { name: "eps", pair: () => [0, 1] },
  /** The image. */
  x0: { name: "x0", pair: () => [1, 0] },
  /** The velocity alpha eps - sigma x0 (Salimans, Ho 2022, section 4). */
  v: { name: "v", pair: ({ alpha, sigma }) => [-sigma, alpha] },
  /** eps - x0: the direction of a straight path (Liu et al. 2022, equation 1). */
  flow: { name: "flow", pair: () => [-1, 1] },
  /** EDM's, for data of standard deviation 1/2. */
  edm: edmPrediction(0.5),
} as const satisfies Readonly<Record<string, Prediction>>;

/** A prediction by name: "eps", "x0", "v", "flow", "edm". */
export type PredictionName = keyof typeof predictions;
/** Names of all predictions. */
export const PREDICTIONS = Object.keys(predictions) as readonly PredictionName[];

/** The prediction of a name; one's own as it is. Throws ConfigError for a name that is none. */
export function predictionOf(given: PredictionName | Prediction, field = "prediction"): Prediction {
  if (typeof given === "object") return given;
  if (Object.hasOwn(predictions, given)) return predictions[given];
  throw new ConfigError(`${field}: ${JSON.stringify(given)} is not allowed`, [`allowed  ${PREDICTIONS.join(", ")}`]);
}

/** Of data for which EDM's networks are scaled unless told otherwise. */
const SIGMA_DATA = 0.5;

/**
 * The prediction that a configuration or a file says: its name, but for edm the one for data of standard deviation `sigmaData`, default 0.5.
 * Throws ConfigError where another than edm is told one.
 */
export function predictionFor(name: PredictionName, { sigmaData = SIGMA_DATA }: { sigmaData?: number }): PredictionName | Prediction {
  if (sigmaData === SIGMA_DATA) return name;
  if (name === "edm") return edmPrediction(sigmaData);
  throw new ConfigError(`schedule.sigmaData: ${sigmaData} is not for the prediction ${name}`, [`allowed  ${SIGMA_DATA}; others for edm`]);
}

/** What divides by less overflows in f32. */
const LEAST_DETERMINANT = 2 ** -126;

/**
 * Coefficients [a, b] of  to = a x_t + b from  at a level: scalars, so that tensor code applies them per image.
 * For eps -> x0: x0 = x_t / alpha - (sigma / alpha) eps.
 * Throws ConfigError where `from` says nothing (its determinant is 0), naming it and the level, and for a name that is none.
 */
export function predictionCoefficients(
  at: Amounts, from: PredictionName | Prediction, to: PredictionName | Prediction,
): [a: number, b: number] {
  const { alpha, sigma } = at;
  const source = predictionOf(from, "from");
  const [p, q] = source.pair(at);
  const [p2, q2] = predictionOf(to, "to").pair(at);
  const det = alpha * q - sigma * p;
  if (!(Math.abs(det) >= LEAST_DETERMINANT)) {
    throw new ConfigError(`prediction: ${source.name} does not determine x0 and eps at alpha ${alpha}, sigma ${sigma}`, [
      "allowed  a prediction whose alpha q - sigma p is not 0 there, such as v",
    ]);
  }
  return [(p2 * q - q2 * p) / det, (alpha * q2 - sigma * p2) / det];
}

/**
 * Throws ConfigError, as predictionCoefficients does, where a prediction says nothing at the noisiest level of a process: samples start
 * there. Without signal, alpha = 0, that is so for eps, which is x_t itself there, and for edm.
 */
export function checkPrediction({ range: [noisiest] }: Process, prediction: PredictionName | Prediction): void {
  predictionCoefficients(noisiest, prediction, "x0");
}

/**
 * What the network should say: F = p x0 + q eps for every image, x0 and eps [N, ...] of one shape.
 * Throws ShapeError where the shapes differ, ConfigError for a name that is none.
 */
export function predictionTarget(x0: Tensor, eps: Tensor, at: Levels, prediction: PredictionName | Prediction): Tensor {
  assertSameShape("predictionTarget", { x0, eps });
  const target = predictionOf(prediction);
  const pairs = levelsOf(x0, at).map((level) => target.pair(level));
  if (pairs.every(([p, q]) => p === 0 && q === 1)) return eps;
  if (pairs.every(([p, q]) => p === 1 && q === 0)) return x0;
  return combineEach(pairs.map(([p]) => p), x0, pairs.map(([, q]) => q), eps);
}

/**
 * What a network said, read as another prediction: output and xt [N, ...] of one shape.
 * Throws ShapeError where the shapes differ, ConfigError as predictionCoefficients does.
 */
export function convertPrediction(
  output: Tensor, xt: Tensor, at: Levels, from: PredictionName | Prediction, to: PredictionName | Prediction,
): Tensor {
  assertSameShape("convertPrediction", { xt, output });
  const coefficients = levelsOf(xt, at).map((level) => predictionCoefficients(level, from, to));
  if (coefficients.every(([a, b]) => a === 0 && b === 1)) return output;
  return combineEach(coefficients.map(([a]) => a), xt, coefficients.map(([, b]) => b), output);
}
