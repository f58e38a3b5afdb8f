import type { Tensor } from "@fromnoise/tensor";
import { posteriorMean } from "../process.js";
import { variance, type NoiseSchedule, type VarianceKind } from "../schedules.js";
import { ancestralTimesteps } from "../timesteps.js";
import { predict, runSteps, type Denoiser, type SamplerOptions, type SamplerStep } from "./step.js";

export interface AncestralOptions extends SamplerOptions {
  /** sigma_t^2 of the reverse step: betaTilde_t (fixed-small, default) or beta_t (fixed-large). */
  variance?: VarianceKind;
}

/**
 * Algorithm 2 of Ho et al. 2020, over all T steps:
 *   x0 = (x_t - sqrt(1 - alphaBar_t) epsTheta) / sqrt(alphaBar_t), clipped;  x_{t-1} = posteriorMean(x0, x_t) + [t > 0] sigma_t z.
 * Yields each step; returns the sample. Throws ConfigError for an unknown variance.
 */
export function ancestralSampler(model: Denoiser, schedule: NoiseSchedule, options: AncestralOptions): AsyncGenerator<SamplerStep, Tensor> {
  const timesteps = ancestralTimesteps(schedule.T);
  return runSteps(timesteps, options, (xT, i) => {
    const t = timesteps[i];
    const { epsTheta, x0 } = predict(model, schedule, xT, t, options);
    const sigma = t === 0 ? 0 : Math.sqrt(variance(schedule, t, options.variance ?? "fixed-small"));
    return { t, xT, epsTheta, x0, posteriorMean: posteriorMean(schedule, x0, xT, t), sigma };
  });
}
