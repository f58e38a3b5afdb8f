import { elementary } from "@fromnoise/tensor";
import type { Tensor } from "@fromnoise/tensor";
import { combine } from "../process/q-sample.js";
import { noiseToSignal, sigmaFields, sigmaPath, type SigmaOptions } from "./sigma.js";
import type { Sampler } from "./sampler.js";

/** The guess of the step before, and that step's length in lambda = ln(alpha / sigma). */
export interface MultistepMemory { readonly x0: Tensor; readonly h: number }

/**
 * The guess of x0 carried on along the last two steps: (1 + 1 / (2 r)) x0 - 1 / (2 r) x0_before, r = h_before / h; x0 itself in the first
 * step, and in the last one, which is infinitely long in lambda.
 */
export function extrapolated(x0: Tensor, h: number, before: MultistepMemory | undefined): Tensor {
  if (before === undefined || h === Infinity) return x0;
  const c = h / (2 * before.h);
  return combine(1 + c, x0, -c, before.x0);
}

/**
 * DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): with lambda = ln(alpha / sigma) and h = lambda' - lambda,
 *   x' = sigma' / sigma x - alpha' (e^-h - 1) D,   D the guess of x0 carried on from the step before.
 * Of second order for one call of the network a step.
 */
export const dpm2m: Sampler<SigmaOptions, MultistepMemory> = {
  name: "dpm++2m",
  summary: "DPM-Solver++(2M): of second order, from the guess of the step before",
  fields: sigmaFields,
  path: (process, options) => sigmaPath("dpm++2m", process, options),

  step(xt, i, path, { denoise }, memory) {
    const at = path[i], to = path[i + 1];
    const { x0, eps } = denoise(xt, at);
    const left = noiseToSignal(to) / noiseToSignal(at);                       // e^-h
    const h = -elementary.log(left);
    const next = combine(to.sigma / at.sigma, xt, to.alpha * (1 - left), extrapolated(x0, h, memory));
    const shown = { at, to, xt, x0, eps, mean: next, sigma: 0, next };
    return { shown, memory: { x0: x0, h } };
  },
};
