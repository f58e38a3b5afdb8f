/** How noisy a sample is: x_t = alpha x0 + sigma eps, eps ~ N(0, I). */
import { elementary } from "@fromnoise/tensor";

/** How much is left of x0, and how much noise there is: x_t = alpha x0 + sigma eps. */
export interface Amounts { readonly alpha: number; readonly sigma: number }

/**
 * One level of noise. alpha = 0 is allowed (zero terminal signal-to-noise ratio); sigma = 0 is the clean end of a path, where no
 * network is asked. alpha^2 + sigma^2 = 1 is assumed nowhere.
 */
export interface NoiseLevel extends Amounts {
  /** The step of a discrete process, 0 .. T - 1; absent between steps and on continuous ones. */
  readonly index?: number;
  /** The time of a continuous process, 0 clean .. 1 noise; absent on discrete ones. */
  readonly u?: number;
  /** What the network is told: t or a multiple of it, 1000 u, ln(sigma) / 4. */
  readonly time: number;
}

/** The end of every path to an image: no noise. */
export const CLEAN: NoiseLevel = { time: 0, alpha: 1, sigma: 0 };

/** ln of the signal-to-noise ratio alpha^2 / sigma^2: Infinity without noise, -Infinity without signal. */
export function logSnr({ alpha, sigma }: Amounts): number {
  return 2 * elementary.log(alpha / sigma);
}

/** Whether a level is the clean end of a path. */
export function isClean({ sigma }: Amounts): boolean {
  return sigma === 0;
}
