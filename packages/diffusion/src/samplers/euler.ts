import { churned, churnFields, eulerStep, sigmaFields, sigmaPath, type ChurnOptions, type SigmaOptions } from "./sigma.js";
import type { Sampler } from "./sampler.js";

/** Options of Euler's method: levels by sigma, and churn. */
export type EulerOptions = SigmaOptions & ChurnOptions;

/**
 * Euler's method on the probability-flow equation in s = sigma / alpha: x' = alpha' (x / alpha + (s' - s) eps), with noise added before
 * each step where it is asked for (Karras et al. 2022, algorithm 2 without lines 9 to 11). Of first order.
 */
export const euler: Sampler<EulerOptions> = {
  name: "euler",
  summary: "Euler's method in sigma, its steps spaced as Karras et al. do",
  fields: { ...sigmaFields, ...churnFields },
  path: (process, options) => sigmaPath("euler", process, options),

  step(xt, i, path, context) {
    const to = path[i + 1];
    const { x, at } = churned(xt, path[i], path, context);
    const { x0, eps } = context.denoise(x, at);
    const next = eulerStep(x, eps, at, to);
    return { at: path[i], to, xt, x0, eps, mean: next, sigma: 0, next };
  },
};
