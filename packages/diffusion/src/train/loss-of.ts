import { ConfigError, type Shape } from "@fromnoise/tensor";
import { density, discretised } from "../likelihood/decoder.js";
import { losses } from "../losses/index.js";
import { predictionFor } from "../denoisers/prediction.js";
import type { Loss } from "../losses/loss.js";
import type { Process } from "../process/process.js";
import { FIXED_VARIANCES, isLearned } from "../process/schedules.js";
import type { TrainConfig } from "./config.js";

/**
 * The loss of a run over its process; a bound takes images as 256 levels, and data of any other shape as having a density. Throws
 * ConfigError for options that do not fit it, among them a variance that is to be learned where it learns none.
 */
export function lossOf(
  { loss: name, prediction, weighting, minSnrGamma: gamma, schedule, sampling: { variance } }: TrainConfig, process: Process, shape?: Shape,
): Loss {
  const decoder = shape === undefined || shape.length === 3 ? discretised() : density;
  const loss = losses[name]({ prediction: predictionFor(prediction, schedule), weighting, gamma, process, variance, decoder });
  if (loss.heads === 1 && isLearned(variance)) {
    throw new ConfigError(`sampling.variance: ${variance} is not learned by the loss ${name}`, [
      `allowed  ${FIXED_VARIANCES.join(", ")}; or the losses hybrid, vlb`,
    ]);
  }
  return loss;
}
