import { add, multiply, type Tensor } from "@fromnoise/tensor";
import { convertPrediction } from "../process.js";
import type { NoiseSchedule } from "../schedules.js";
import { ddimCoefficients, ddimTimesteps, type Spacing } from "../timesteps.js";
import { predict, runSteps, type Denoiser, type SamplerOptions, type SamplerStep } from "./step.js";

export interface DdimOptions extends SamplerOptions {
  /** Number of steps S taken out of T. */
  steps: number;
  /** 0 is the deterministic map, 1 has the ancestral sampler's noise; default 0. */
  eta?: number;
  /** Which S of the T steps are visited; default trailing, which starts at T-1. */
  spacing?: Spacing;
}

/**
 * Strided DDIM (Song, Meng, Ermon 2021, equation 12): with alphaBar' of the step before in the list (1 after the last),
 *   x' = sqrt(alphaBar') x0 + sqrt(1 - alphaBar' - sigma^2) epsTheta + sigma z,
 * where epsTheta belongs to the clipped x0. The network is asked at the original step numbers. Yields each step; returns the sample.
 * Throws ConfigError for steps outside 1 .. T or eta outside 0 .. 1.
 */
export function ddimSampler(model: Denoiser, schedule: NoiseSchedule, options: DdimOptions): AsyncGenerator<SamplerStep, Tensor> {
  const timesteps = ddimTimesteps(schedule.T, options.steps, options.spacing ?? "trailing");
  return runSteps(timesteps, options, (xT, i) => {
    const t = timesteps[i];
    const previous = i + 1 < timesteps.length ? schedule.alphaBar[timesteps[i + 1]] : 1;
    const factors = ddimCoefficients(schedule.alphaBar[t], previous, options.eta ?? 0);
    const { x0 } = predict(model, schedule, xT, t, options);
    const epsTheta = convertPrediction(schedule, x0, xT, t, "x0", "eps");
    const posteriorMean = add(multiply(x0, factors.x0), multiply(epsTheta, factors.eps));
    return { t, xT, epsTheta, x0, posteriorMean, sigma: factors.sigma };
  });
}
