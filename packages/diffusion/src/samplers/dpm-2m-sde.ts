import { add, multiply, elementary } from "@fromnoise/tensor";
import { number } from "@fromnoise/nn/kinds";
import { field } from "../config/fields.js";
import { isClean } from "../process/level.js";
import { combine } from "../process/q-sample.js";
import { extrapolated, type MultistepMemory } from "./dpm-2m.js";
import { noiseToSignal, sigmaFields, sigmaPath, type SigmaOptions } from "./sigma.js";
import type { Sampler } from "./sampler.js";

/** Options of DPM-Solver++(2M) with noise. */
export interface Dpm2mSdeOptions extends SigmaOptions {
  /** How much of the reverse equation's noise: 0 is DPM-Solver++(2M), 1 the reverse equation itself. */
  eta: number;
}

/**
 * SDE-DPM-Solver++(2M) (Lu et al. 2022, section 5 and appendix; with eta as k-diffusion has it): in y = x / alpha and s = sigma / alpha,
 * h = ln(s / s'),
 *   y' = e^(-(1 + eta) h) y + (1 - e^(-(1 + eta) h)) D + s' sqrt(1 - e^(-2 eta h)) z,
 * D the guess of x0 carried on from the step before; the last step, to no noise, is that guess.
 */
export const dpm2mSde: Sampler<Dpm2mSdeOptions, MultistepMemory> = {
  name: "dpm++2m-sde",
  summary: "DPM-Solver++(2M) on the stochastic reverse equation",
  fields: { ...sigmaFields, eta: field(number({ from: 0 }), 1, "noise of the steps: 0 none, 1 the reverse equation's") },
  path: (process, options) => sigmaPath("dpm++2m-sde", process, options),

  step(xt, i, path, { denoise, noise, options: { eta } }, memory) {
    const at = path[i], to = path[i + 1];
    const { x0, eps } = denoise(xt, at);
    const h = elementary.log(noiseToSignal(at) / noiseToSignal(to));
    const left = elementary.exp(-(1 + eta) * h);
    const mean = combine((to.alpha / at.alpha) * left, xt, to.alpha * (1 - left), extrapolated(x0, h, memory));
    const sigma = isClean(to) || eta === 0 ? 0 : to.sigma * Math.sqrt(1 - elementary.exp(-2 * eta * h));
    const next = sigma === 0 ? mean : add(mean, multiply(noise(), sigma));
    return { shown: { at, to, xt, x0, eps, mean, sigma, next }, memory: { x0, h } };
  },
};
