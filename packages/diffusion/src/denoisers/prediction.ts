/**
 * The three things a network may predict, and what one says about the others. With c = sqrt(alphaBar_t) and
 * s = sqrt(1 - alphaBar_t), x_t = c x0 + s eps (Ho et al. 2020, equation 4) and v = c eps - s x0 (Salimans, Ho 2022, section 4):
 * given x_t, each determines the others, linearly.
 */
import { ConfigError } from "@fromnoise/tensor";
import { checkValue, oneOf } from "../config/kinds.js";
import { checkTimestep, type NoiseSchedule } from "../process/schedules.js";

/** What a network may predict: the noise, the image, or the velocity. */
export const PREDICTIONS = ["eps", "x0", "v"] as const;
export type Prediction = (typeof PREDICTIONS)[number];
const predictions = oneOf(PREDICTIONS);

/** Throws ConfigError unless a network may predict it. */
export function checkPrediction(prediction: Prediction, name = "prediction"): void {
  checkValue(predictions, name, prediction);
}

/**
 * Coefficients [a, b] of  to = a x_t + b from  at step t: scalars, so that tensor code applies them per image.
 * For eps -> x0: x0 = x_t / c - (s / c) eps.
 * @throws ConfigError when t is not a step of the schedule, or one of the predictions is none.
 */
export function predictionCoefficients(
  schedule: NoiseSchedule, t: number, from: Prediction, to: Prediction,
): [a: number, b: number] {
  checkTimestep(schedule, t);
  checkPrediction(from, "from");
  checkPrediction(to, "to");
  const c = schedule.sqrtAlphaBar[t]!, s = schedule.sqrtOneMinusAlphaBar[t]!;
  switch (`${from} -> ${to}` as const) {
    case "eps -> x0": return [1 / c, -s / c];
    case "eps -> v": return [-s / c, 1 / c];
    case "x0 -> eps": return [1 / s, -c / s];
    case "x0 -> v": return [c / s, -1 / s];
    case "v -> eps": return [s, c];
    case "v -> x0": return [c, -s];
    default: return [0, 1];
  }
}

/** How an image's error may be weighted by its step, see `lossWeight`. */
export const LOSS_WEIGHTINGS = ["simple", "snr", "min-snr"] as const;
export type LossWeighting = (typeof LOSS_WEIGHTINGS)[number];
const weightings = oneOf(LOSS_WEIGHTINGS);

/**
 * Weight of the squared error of what the network predicts at step t.
 *  - `simple`   1: the plain mean squared error; for eps it is L_simple (Ho et al. 2020, equation 14).
 *  - `snr`      SNR |dx0|^2 in the terms of the prediction: eps 1, x0 SNR, v SNR / (SNR + 1). As
 *               |deps|^2 = SNR |dx0|^2 = alphaBar |dv|^2, this is L_simple whatever the network predicts.
 *  - `min-snr`  min(SNR, gamma) |dx0|^2 likewise: eps min(SNR, gamma) / SNR, x0 min(SNR, gamma),
 *               v min(SNR, gamma) / (SNR + 1) (Hang et al. 2023, section 3.4; gamma 5).
 *
 * @throws ConfigError when t is not a step of the schedule, gamma is not positive, or there is no such prediction or weighting.
 */
export function lossWeight(
  schedule: NoiseSchedule, t: number, prediction: Prediction, weighting: LossWeighting, gamma = 5,
): number {
  checkTimestep(schedule, t);
  checkPrediction(prediction);
  checkValue(weightings, "weighting", weighting);
  if (!(gamma > 0)) throw new ConfigError(`gamma: ${gamma} does not bound a signal-to-noise ratio`, ["allowed    numbers > 0"]);
  if (weighting === "simple") return 1;
  const snr = schedule.snr[t]!;
  const weight = weighting === "snr" ? snr : Math.min(snr, gamma);  // of |dx0|^2
  return weight / { eps: snr, x0: 1, v: snr + 1 }[prediction];
}
