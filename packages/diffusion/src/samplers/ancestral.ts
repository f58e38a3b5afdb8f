import type { Tensor } from "@fromnoise/tensor";
import { posteriorMean } from "../process/q-sample.js";
import { variance, type NoiseSchedule, type VarianceKind } from "../process/schedules.js";
import { ancestralTimesteps } from "../process/timesteps.js";
import { predict, runSteps, type Denoiser, type PredictOptions, type SamplerOptions, type SamplerStep } from "./step.js";

export interface AncestralStepOptions extends PredictOptions {
  /** sigma_t^2 of the reverse step: betaTilde_t (fixed-small, default) or beta_t (fixed-large). */
  variance?: VarianceKind;
}

/**
 * One step of Algorithm 2 of Ho et al. 2020, without its noise:
 *   x0 = (x_t - sqrt(1 - alphaBar_t) epsTheta) / sqrt(alphaBar_t), clipped to [-1, 1];  posteriorMean(x0, x_t), equation 7;
 *   sigma = [t > 0] sigma_t.  x_t [N, ...], all images at step t. Throws ConfigError for a t outside 0 .. T-1.
 */
export function ancestralStep(model: Denoiser, schedule: NoiseSchedule, xT: Tensor, t: number, options: AncestralStepOptions = {}): SamplerStep {
  const { epsTheta, x0 } = predict(model, schedule, xT, t, options);
  const sigma = t === 0 ? 0 : Math.sqrt(variance(schedule, t, options.variance ?? "fixed-small"));
  return { t, xT, epsTheta, x0, posteriorMean: posteriorMean(schedule, x0, xT, t), sigma };
}

/** Algorithm 2 over all T steps: x_{t-1} = posteriorMean + sigma z. Yields each step; returns the sample [N, ...]. */
export function ancestralSampler(
  model: Denoiser, schedule: NoiseSchedule, options: SamplerOptions & AncestralStepOptions,
): AsyncGenerator<SamplerStep, Tensor> {
  return runSteps(ancestralTimesteps(schedule.T), options, (xT, t) => ancestralStep(model, schedule, xT, t, options));
}
