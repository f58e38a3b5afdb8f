import { ConfigError, multiply } from "@fromnoise/tensor";
import { logSnr } from "../process/level.js";
import type { Process } from "../process/process.js";
import type { Denoiser } from "./denoiser.js";

/** Log-SNRs that differ by less are the same end of a range. */
const ROUNDING = 1e-9;

/**
 * A denoiser that knows the path `from`, asked on the path `to`: levels of the same log-SNR differ only in scale. It is given
 *   x' = (sigma' / sigma) x_t = alpha' x0 + sigma' eps,
 * with alpha' and sigma' the level of `from` that has alpha / sigma of the level asked for, and what it finds, x0 and eps, is what x_t is
 * made of (Karras et al. 2022, section 2, where alpha is their s). So a network trained on one path is sampled on another.
 * Throws ConfigError where `to` reaches log-SNRs that `from` does not: both may be given a range.
 */
export function onPath(denoise: Denoiser, from: Process, to: Process): Denoiser {
  const [[lowest, highest], [least, most]] = [from, to].map(({ range }) => range.map(logSnr));
  if (!(least >= lowest - ROUNDING && most <= highest + ROUNDING)) {
    throw new ConfigError(`onPath: the process ${to.name} leaves the log-SNRs of ${from.name}`, [
      `${to.name}   ${least} to ${most}`, `allowed  from ${lowest} to ${highest}: continuous processes take a logSnrRange`,
    ]);
  }
  return (xt, at, previousX0) => xt.device.scope(() => {
    const level = from.levelAt(Math.min(Math.max(logSnr(at), lowest), highest));
    return denoise(multiply(xt, level.sigma / at.sigma), level, previousX0);
  });
}
