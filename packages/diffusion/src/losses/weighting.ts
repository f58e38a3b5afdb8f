/** How an image's error is weighted by its level of noise. */
import { ConfigError } from "@fromnoise/tensor";
import { checkValue, oneOf } from "@fromnoise/nn/kinds";
import { predictionCoefficients, predictionOf, type Prediction, type PredictionName } from "../denoisers/prediction.js";
import type { Amounts } from "../process/level.js";

/** How an image's error may be weighted by its level of noise, see `lossWeight`. */
export const LOSS_WEIGHTINGS = ["simple", "snr", "min-snr"] as const;
/** A weighting by its name: see `lossWeight`. */
export type LossWeighting = (typeof LOSS_WEIGHTINGS)[number];
const weightings = oneOf(LOSS_WEIGHTINGS);

/**
 * Weight of the squared error of what the network predicts at a level, SNR = alpha^2 / sigma^2.
 *  - `simple`   1: the plain mean squared error; for eps it is L_simple (Ho et al. 2020, equation 14).
 *  - `snr`      SNR |dx0|^2 in the terms of the prediction: eps 1, x0 SNR, v SNR / (SNR + 1). As
 *               |deps|^2 = SNR |dx0|^2 = alphaBar |dv|^2, this is L_simple whatever the network predicts.
 *  - `min-snr`  min(SNR, gamma) |dx0|^2 likewise: eps min(SNR, gamma) / SNR, x0 min(SNR, gamma),
 *               v min(SNR, gamma) / (SNR + 1) (Hang et al. 2023, section 3.4; gamma 5).
 * An error of the prediction is, times the b of its conversion to x0, one of x0: its weight is b^2 times that of |dx0|^2.
 * Where nothing is left of the image, alpha = 0, `snr` and `min-snr` weigh 0: training asks the network nothing there, and samples that
 * start there rely on what it learnt beside it. `simple` trains that level like any other.
 *
 * Throws ConfigError for a weighting or prediction that is none, where gamma is not positive, and where the prediction says nothing.
 */
export function lossWeight(at: Amounts, prediction: PredictionName | Prediction, weighting: LossWeighting, gamma = 5): number {
  checkValue(weightings, "weighting", weighting);
  const read = predictionOf(prediction);
  if (!(gamma > 0)) throw new ConfigError(`gamma: ${gamma} does not bound a signal-to-noise ratio`, ["allowed    numbers > 0"]);
  if (weighting === "simple") return 1;
  const snr = (at.alpha * at.alpha) / (at.sigma * at.sigma);
  const [, b] = predictionCoefficients(at, read, "x0");
  return (weighting === "snr" ? snr : Math.min(snr, gamma)) * b * b;
}
