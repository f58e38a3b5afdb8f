import { add, ConfigError, multiply } from "@fromnoise/tensor";
import { field, optional } from "../config/fields.js";
import { number, oneOf } from "@fromnoise/nn/kinds";
import type { Amounts } from "../process/level.js";
import { combine } from "../process/q-sample.js";
import { SPACINGS, stepCount, type Spacing, type StepCount } from "../process/timesteps.js";
import { stridedPath } from "./path.js";
import type { Sampler } from "./sampler.js";

/** Options of DDIM. */
export interface DdimOptions {
  /** Steps taken out of T; default 50, or all where there are fewer. */
  steps: StepCount | undefined;
  /** 0 deterministic .. 1 as noisy as ancestral. */
  eta: number;
  spacing: Spacing;
}

const DEFAULT_STEPS = 50;

/**
 * sigma of a DDIM step from level t to level s (Song, Meng, Ermon 2021, equation 16): eta times that of the posterior,
 * sigma = eta sigma_s sqrt(1 - SNR_t / SNR_s).
 * Throws ConfigError for an eta outside 0 .. 1, and for eta above 0 on the way to more noise, which only the map of eta 0 goes.
 */
export function ddimSigma(t: Amounts, s: Amounts, eta: number): number {
  if (!(eta >= 0 && eta <= 1)) throw new ConfigError(`eta: ${eta} does not scale the noise of DDIM`, ["allowed    numbers 0 .. 1"]);
  if (eta === 0) return 0;
  const r = ((t.alpha * s.sigma) / (s.alpha * t.sigma)) ** 2;
  if (r <= 1) return eta * s.sigma * Math.sqrt(1 - r);
  throw new ConfigError(`eta: ${eta} has no meaning in a step to more noise`, ["allowed    0, the deterministic map, which goes both ways"]);
}

/**
 * DDIM (Song, Meng, Ermon 2021, equation 12): x_s = alpha_s x0 + sqrt(sigma_s^2 - sigma^2) eps + sigma z. With eta 0 it is a map that can
 * be gone in both directions (section 4.3, inversion); with eta 1 over all steps it has the ancestral sampler's fixed-small variance.
 */
export const ddim: Sampler<DdimOptions> = {
  name: "ddim",
  summary: "strides over some of the steps, without noise unless asked for",
  fields: {
    steps: optional(stepCount, "steps taken out of T", { value: "S", shown: `${DEFAULT_STEPS}, or all where there are fewer` }),
    eta: field(number({ from: 0, to: 1 }), 0, "0 deterministic .. 1 as noisy as ancestral"),
    spacing: field(oneOf(SPACINGS), "trailing", "which steps"),
  },

  path: (process, { steps, spacing }) => stridedPath("ddim", process, (T) => steps ?? Math.min(DEFAULT_STEPS, T), spacing),

  step(xt, i, path, { denoise, noise, options }) {
    const at = path[i], to = path[i + 1];
    const sigma = ddimSigma(at, to, options.eta);
    const { x0, eps } = denoise(xt, at);
    const mean = combine(to.alpha, x0, Math.sqrt(Math.max(0, to.sigma ** 2 - sigma ** 2)), eps);
    return { at, to, xt, x0, eps, mean, sigma, next: sigma === 0 ? mean : add(mean, multiply(noise(), sigma)) };
  },
};
