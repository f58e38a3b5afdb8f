import { elementary } from "@fromnoise/tensor";
import { continuousProcess, type ContinuousOptions, type ContinuousProcess } from "./continuous.js";
import type { Times } from "./times.js";

/** The process of Karras et al. 2022: its range, and how levels are drawn. */
export interface EdmOptions extends ContinuousOptions {
  /** The least and the largest sigma; default 0.002 and 80. */
  readonly sigmaMin?: number;
  readonly sigmaMax?: number;
  /** Mean and standard deviation of ln sigma in training; default -1.2 and 1.2. */
  readonly mean?: number;
  readonly sd?: number;
}

/** Levels even in u are those of equation 5 with this rho. */
const RHO = 7;

/**
 * The process of EDM (Karras, Aittala, Aila, Laine 2022, table 1): noise is added and nothing shrinks, x = x0 + sigma eps, and the network
 * is told ln(sigma) / 4. In training ln sigma ~ N(mean, sd^2), kept between the two ends. The time u is that of the paper's steps,
 *   sigma = (sigmaMin^(1/7) + u (sigmaMax^(1/7) - sigmaMin^(1/7)))^7,   u from 0 to 1.
 * Its prediction is `edm`, which knows the standard deviation of the data (see `edmPrediction`): the paper's weight of |dx0|^2,
 * (sigma^2 + d^2) / (sigma d)^2, is 1 for an error of what that network says. Throws ConfigError as continuousProcess does.
 */
export function edmProcess(
  { sigmaMin = 0.002, sigmaMax = 80, mean = -1.2, sd = 1.2, times, logSnrRange }: EdmOptions = {},
): ContinuousProcess {
  const low = elementary.power(sigmaMin, 1 / RHO), high = elementary.power(sigmaMax, 1 / RHO);
  const sigmaAt = (u: number): number => elementary.integerPower(low + u * (high - low), RHO);
  const timeOf = (sigma: number): number => (elementary.power(sigma, 1 / RHO) - low) / (high - low);
  const logNormal: Times = (n, random) => random.normal(n).map((z) => timeOf(elementary.exp(mean + sd * z)));
  return continuousProcess({
    name: "edm", amounts: (u) => ({ alpha: 1, sigma: sigmaAt(u) }), timeAt: (lambda) => timeOf(elementary.exp(-lambda / 2)),
    told: (_, { sigma }) => elementary.log(sigma) / 4,
  }, { times: times ?? logNormal, logSnrRange: logSnrRange ?? [-2 * elementary.log(sigmaMax), -2 * elementary.log(sigmaMin)] });
}
