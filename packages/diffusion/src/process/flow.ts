import { elementary } from "@fromnoise/tensor";
import { continuousProcess, type ContinuousOptions, type ContinuousProcess } from "./continuous.js";
import { logSnr } from "./level.js";
import { logitNormalTimes } from "./times.js";

/** The least time of a level that is not clean. */
const LEAST = 1e-4;

/**
 * Rectified flow: the straight line from image to noise, x_u = (1 - u) x0 + u eps, 0 < u <= 1 (Liu, Gong, Liu 2023, equation 1; Lipman et
 * al. 2023 with sigma_min 0). At u = 1 nothing is left of the image. With the prediction `flow` the network says dx/du, and a step of DDIM
 * with eta 0 is Euler's. Training draws u as Esser et al. 2024 do, by default `logitNormalTimes`; the network is told 1000 u.
 * Throws ConfigError as continuousProcess does.
 */
export function flowProcess(
  { times = logitNormalTimes, logSnrRange = [-Infinity, logSnr({ alpha: 1 - LEAST, sigma: LEAST })] }: ContinuousOptions = {},
): ContinuousProcess {
  return continuousProcess({
    name: "flow", amounts: (u) => ({ alpha: 1 - u, sigma: u }), timeAt: (lambda) => 1 / (1 + elementary.exp(lambda / 2)),
  }, { times, logSnrRange });
}
