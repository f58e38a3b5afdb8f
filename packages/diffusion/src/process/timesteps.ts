/**
 * Which steps of a schedule a sampler visits. This is the one place that makes timestep lists; a sampler takes the step it goes to from
 * its path, never from arithmetic on t.
 */
import { ConfigError } from "@fromnoise/tensor";

/** How steps may be spaced, see `stridedTimesteps`. */
export const SPACINGS = ["leading", "trailing", "linspace", "lucidrains"] as const;
export type Spacing = (typeof SPACINGS)[number];

/** To the nearest integer, halves to the even one, as NumPy and Python round. */
function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2) : Math.round(x);
}

/**
 * S of the T steps, in descending order, for a sampler that takes strides (Song, Meng, Ermon 2021, section 4.2). The first three
 * names and rules are those of diffusers' `timestep_spacing`; k counts from 0.
 *  - `leading`     k floor(T/S): diffusers' default for DDPM and DDIM, and improved-diffusion's `ddimS` where S divides T.
 *                  Starts below T-1, so it takes pure noise for slightly less than that.
 *  - `trailing`    round(T - k T/S) - 1: from T-1, without 0; the better choice for few steps (Lin et al. 2023, section 3.3).
 *  - `linspace`    round(k (T-1)/(S-1)): both 0 and T-1 (0 alone for S = 1).
 *  - `lucidrains`  floor(k T/S) - 1 for k = 1 .. S: denoising-diffusion-pytorch, which writes linspace(-1, T-1, S+1).
 *
 * @throws ConfigError when S is not an integer in 1 .. T, or the spacing is not known.
 */
export function stridedTimesteps(T: number, S: number, spacing: Spacing): Int32Array {
  if (!Number.isInteger(S) || S < 1 || S > T) {
    throw new ConfigError(`sampling steps: ${S} does not fit a schedule of ${T} steps`, [`allowed    integers 1 .. ${T}`]);
  }
  const rules: { readonly [key in Spacing]: (k: number) => number } = {
    leading: (k) => (S - 1 - k) * Math.floor(T / S),
    trailing: (k) => roundHalfEven(T - k * (T / S)) - 1,
    linspace: (k) => roundHalfEven((S - 1 - k) * ((T - 1) / (S - 1 || 1))),
    lucidrains: (k) => Math.floor(T * (S - k) / S) - 1,
  };
  checkSpacing(rules, spacing);
  return Int32Array.from({ length: S }, (_, k) => rules[spacing](k));
}

/**
 * n times of a continuous process, in descending order: low + f (high - low) with f by the same rules as above in the limit of many
 * steps, `trailing` and `lucidrains` (n - k) / n, `leading` (n - 1 - k) / n, `linspace` (n - 1 - k) / (n - 1), k = 0 .. n - 1.
 * @throws ConfigError when n is not an integer from 1, or the spacing is not known.
 */
export function evenTimes([low, high]: readonly [low: number, high: number], n: number, spacing: Spacing): Float64Array {
  if (!Number.isInteger(n) || n < 1) throw new ConfigError(`sampling steps: ${n} is no number of steps`, ["allowed    integers from 1"]);
  const rules: { readonly [key in Spacing]: (left: number) => number } = {
    leading: (left) => (left - 1) / n, trailing: (left) => left / n, linspace: (left) => (left - 1) / (n - 1 || 1), lucidrains: (left) => left / n,
  };
  checkSpacing(rules, spacing);
  return Float64Array.from({ length: n }, (_, k) => Math.min(high, low + rules[spacing](n - k) * (high - low)));
}

function checkSpacing(rules: object, spacing: Spacing): void {
  if (Object.hasOwn(rules, spacing)) return;
  throw new ConfigError(`spacing: ${JSON.stringify(spacing)} is not known`, [`allowed    ${SPACINGS.join(", ")}`]);
}
