import { isClean } from "../process/level.js";
import { combine } from "../process/q-sample.js";
import { churned, churnFields, eulerStep, sigmaFields, sigmaPath, type ChurnOptions, type SigmaOptions } from "./sigma.js";
import type { Sampler } from "./sampler.js";

/** Options of Heun's method: levels by sigma, and churn. */
export type HeunOptions = SigmaOptions & ChurnOptions;

/**
 * Heun's method on the probability-flow equation in s = sigma / alpha (Karras et al. 2022, algorithm 2): a step of Euler's method, and
 * one more with the mean of the eps at its two ends. Of second order, for two calls of the network a step; the last step, to no noise, is
 * Euler's.
 */
export const heun: Sampler<HeunOptions> = {
  name: "heun",
  summary: "Heun's method in sigma: of second order, two calls of the network a step",
  fields: { ...sigmaFields, ...churnFields },
  path: (process, options) => sigmaPath("heun", process, options),

  step(xt, i, path, context) {
    const to = path[i + 1];
    const { x, at } = churned(xt, path[i], path, context);
    const { x0, eps } = context.denoise(x, at);
    const guess = eulerStep(x, eps, at, to);
    if (isClean(to)) return { at: path[i], to, xt, x0, eps, mean: guess, sigma: 0, next: guess };
    const mean = combine(0.5, eps, 0.5, context.denoise(guess, to).eps);
    const next = eulerStep(x, mean, at, to);
    return { at: path[i], to, xt, x0, eps: mean, mean: next, sigma: 0, next };
  },
};
