/**
 * Continuous processes given by their log-SNR lambda(u) = ln(alpha^2 / sigma^2), variance preserving: alpha^2 = sigmoid(lambda),
 * sigma^2 = sigmoid(-lambda) (Kingma et al. 2021). The network is told 1000 u.
 */
import { elementary } from "@fromnoise/tensor";
import { continuousProcess, type ContinuousOptions, type ContinuousProcess } from "./continuous.js";
import type { Amounts } from "./level.js";
import { uniformTimes } from "./times.js";

/** Options of a process given by its log-SNR. */
export interface LogSnrOptions extends ContinuousOptions {
  /**
   * Added to the log-SNR at every time; default 0. Large images keep their sight of the whole under more noise: those of side d take
   * 2 ln(64 / d) to be noised as images of side 64 are (Hoogeboom, Heek, Salimans 2023, on adjusting noise schedules).
   */
  readonly shift?: number;
}

/** alpha and sigma of unit variance with a log-SNR. */
function amountsOf(lambda: number): Amounts {
  return { alpha: Math.sqrt(1 / (1 + elementary.exp(-lambda))), sigma: Math.sqrt(1 / (1 + elementary.exp(lambda))) };
}

/**
 * alpha = cos(pi u / 2), sigma = sin(pi u / 2):  lambda(u) = -2 ln tan(pi u / 2) + shift, by default between -15 and 15 but for the shift
 * (Nichol, Dhariwal 2021, without their offset; Hoogeboom et al. 2023). Throws ConfigError as continuousProcess does.
 */
export function cosineProcess(
  { shift = 0, times = uniformTimes, logSnrRange = [shift - 15, shift + 15] }: LogSnrOptions = {},
): ContinuousProcess {
  return continuousProcess({
    name: "continuous-cosine",
    amounts: (u) => amountsOf(-2 * elementary.log(elementary.sin((Math.PI / 2) * u) / elementary.cos((Math.PI / 2) * u)) + shift),
    timeAt: (lambda) => (2 / Math.PI) * elementary.atan(elementary.exp((shift - lambda) / 2)),
  }, { times, logSnrRange });
}

/**
 * lambda(u) = -ln expm1(1e-4 + 10 u^2) + shift, which follows the linear schedule of Ho et al. 2020, for u from 0 to 1 (Kingma et al. 2021, whose
 * fixed schedule it is). Throws ConfigError as continuousProcess does.
 */
export function linearProcess({ shift = 0, times = uniformTimes, logSnrRange }: LogSnrOptions = {}): ContinuousProcess {
  const lambda = (u: number): number => -elementary.log(elementary.expm1(1e-4 + 10 * u * u)) + shift;
  return continuousProcess({
    name: "continuous-linear",
    amounts: (u) => amountsOf(lambda(u)),
    timeAt: (wanted) => Math.sqrt(Math.max(0, (elementary.log1p(elementary.exp(shift - wanted)) - 1e-4) / 10)),
  }, { times, logSnrRange: logSnrRange ?? [lambda(1), lambda(0)] });
}
