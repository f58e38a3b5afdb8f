import { field } from "../config/fields.js";
import { oneOf } from "@fromnoise/nn/kinds";
import { isClean } from "../process/level.js";
import { combine } from "../process/q-sample.js";
import { SPACINGS } from "../process/timesteps.js";
import { ddim, type DdimOptions } from "./ddim.js";
import type { Sampler } from "./sampler.js";

/** Options of Heun's method along DDIM's path: those of DDIM, without noise. */
export type DdimHeunOptions = Omit<DdimOptions, "eta">;

/**
 * DDIM's deterministic step, x' = alpha' x0 + sigma' eps, is one of Euler's method along the process's own alpha and sigma:
 * x' = x + (alpha' - alpha) x0 + (sigma' - sigma) eps. Here x0 and eps are the means of what is said at its two ends, which makes it Heun's
 * method, of second order for two calls of the network a step; on a straight path (rectified flow) that is Heun's method in its time.
 * Unlike solvers in sigma it may start where alpha is 0. The last step, to no noise, is DDIM's.
 */
export const ddimHeun: Sampler<DdimHeunOptions> = {
  name: "ddim-heun",
  summary: "Heun's method along the process's own time: DDIM of second order, two calls of the network a step",
  fields: { steps: ddim.fields.steps, spacing: field(oneOf(SPACINGS), "trailing", "which steps") },
  path: (process, options) => ddim.path(process, { ...options, eta: 0 }),

  step(xt, i, path, { denoise }) {
    const at = path[i], to = path[i + 1];
    const { x0, eps } = denoise(xt, at);
    const guess = combine(to.alpha, x0, to.sigma, eps);
    if (isClean(to)) return { at, to, xt, x0, eps, mean: guess, sigma: 0, next: guess };
    const there = denoise(guess, to);
    const mean = { x0: combine(0.5, x0, 0.5, there.x0), eps: combine(0.5, eps, 0.5, there.eps) };
    const change = combine(to.alpha - at.alpha, mean.x0, to.sigma - at.sigma, mean.eps);
    const next = combine(1, xt, 1, change);
    return { at, to, xt, ...mean, mean: next, sigma: 0, next };
  },
};
