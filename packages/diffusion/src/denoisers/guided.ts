/** Classifier-free guidance: two denoisers, with the class and without, and a step beyond the first of them. */
import { add, ConfigError, divide, multiply, sqrt, variance, type Tensor } from "@fromnoise/tensor";
import { number, pair } from "@fromnoise/nn/kinds";
import { checkFields, field, optional, type Fields } from "../config/fields.js";
import { logSnr, type NoiseLevel } from "../process/level.js";
import { combine } from "../process/q-sample.js";
import type { Denoiser } from "./denoiser.js";

/** Classifier-free guidance: how far beyond the class, at which levels, rescaled or not. */
export interface GuidanceOptions {
  /** w: 1 is the conditional denoiser as it is, 0 the unconditional one, more goes beyond the condition. */
  scale: number;
  /** phi: how far the guess of x0 gets back the standard deviation that the condition gives it; 0 is off. */
  rescale: number;
  /** Levels that are guided, from and to, in ln(alpha^2 / sigma^2); all unless given. At the others the condition stands alone. */
  interval: [from: number, to: number] | undefined;
}

/** Guidance as a call gives it: a scale, or options of which the scale must be there. */
export type Guidance = number | (Pick<GuidanceOptions, "scale"> & Partial<GuidanceOptions>);

/** The table of the options, from which come checks and flags. */
export const guidanceFields: Fields<GuidanceOptions> = {
  scale: field(number(), 1, "guidance scale w of models with a null class: eps = eps_null + w (eps_class - eps_null)", {
    flag: "guidance", value: "W", shown: "1, none",
  }),
  rescale: field(number({ from: 0, to: 1 }), 0, "how far guesses of x0 get back the spread that the class alone gives them", {
    flag: "guidance-rescale", value: "PHI",
  }),
  interval: optional(pair(number()), "levels that are guided, from and to in ln(alpha^2 / sigma^2)", {
    flag: "guidance-interval", value: "A,B", shown: "all",
  }),
};

/** Checked options. Throws ConfigError for one that is not allowed, and for an interval whose ends stand the wrong way round. */
export function guidanceOf(given: Guidance): GuidanceOptions {
  const options = checkFields(guidanceFields, typeof given === "number" ? { scale: given } : given, "guidance");
  if (options.interval === undefined || options.interval[0] <= options.interval[1]) return options;
  throw new ConfigError(`guidance: the interval ${options.interval.join(", ")} holds no level`, [
    "allowed  from the smaller ln(alpha^2 / sigma^2) to the larger",
  ]);
}

/**
 * Guidance without a classifier (Ho and Salimans 2022, equation 6 with w = 1 + their w):
 *   eps = eps_null + w (eps_class - eps_null),   and x0 likewise, as at one level it is linear in eps.
 * With phi = `rescale` (Lin et al. 2023, section 3.4, who do it to what the network says), x0 is multiplied by
 * phi std(x0_class) / std(x0) + 1 - phi, std over the numbers of an image, and eps becomes the one that goes with it. In the
 * `interval` only (Kynkaanniemi et al. 2024): elsewhere, as where w = 1, the unconditional denoiser is not asked. The variance is
 * the conditional one's. Clipping comes after. Both denoisers are told the same guess of x0. Throws ConfigError as `guidanceOf`.
 */
export function guided(conditional: Denoiser, unconditional: Denoiser, guidance: Guidance): Denoiser {
  const { scale: w, rescale: phi, interval } = guidanceOf(guidance);
  return (xt, at, previousX0) => xt.device.scope(() => {
    const known = conditional(xt, at, previousX0);
    if (w === 1 || !contains(interval, at)) return known;
    const free = unconditional(xt, at, previousX0);
    const x0 = combine(w, known.x0, 1 - w, free.x0);
    if (phi === 0) return { ...known, x0, eps: combine(w, known.eps, 1 - w, free.eps), rawX0: x0 };
    const rescaled = multiply(x0, add(multiply(divide(deviation(known.x0), deviation(x0)), phi), 1 - phi));
    return { ...known, x0: rescaled, eps: combine(1 / at.sigma, xt, -at.alpha / at.sigma, rescaled), rawX0: rescaled };
  });
}

function contains(interval: GuidanceOptions["interval"], at: NoiseLevel): boolean {
  if (interval === undefined) return true;
  const snr = logSnr(at);
  return snr >= interval[0] && snr <= interval[1];
}

/** The standard deviation of every image, [N, 1, ..., 1]. */
function deviation(x: Tensor): Tensor {
  return sqrt(variance(x, { axes: x.shape.map((_, axis) => axis).slice(1), keepDims: true }));
}
