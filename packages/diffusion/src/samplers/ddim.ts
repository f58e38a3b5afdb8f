import { add, multiply, type Tensor } from "@fromnoise/tensor";
import { convertPrediction } from "../process/q-sample.js";
import { checkTimestep, type NoiseSchedule } from "../process/schedules.js";
import { ddimCoefficients, ddimTimesteps, type Spacing } from "../process/timesteps.js";
import { predict, runSteps, type Denoiser, type PredictOptions, type SamplerOptions, type SamplerStep } from "./step.js";

export interface DdimStepOptions extends PredictOptions {
  /** 0 is the deterministic map, 1 has the ancestral sampler's noise; default 0. */
  eta?: number;
}

export interface DdimOptions extends SamplerOptions, DdimStepOptions {
  /** Number of steps S taken out of T. */
  steps: number;
  /** Which S of the T steps are visited; default trailing, which starts at T-1. */
  spacing?: Spacing;
}

/**
 * One step of DDIM (Song, Meng, Ermon 2021, equation 12) from t to an earlier step, or with eta 0 to a later one, without its noise:
 *   mean = sqrt(alphaBar') x0 + sqrt(1 - alphaBar' - sigma^2) epsTheta,  alphaBar' that of `next`, or 1 where next is undefined,
 * where epsTheta belongs to the clipped x0. Throws ConfigError for a t or next outside 0 .. T-1, an eta outside 0 .. 1, or an eta > 0
 * in a step to more noise.
 */
export function ddimStep(
  model: Denoiser, schedule: NoiseSchedule, xT: Tensor, t: number, next: number | undefined, options: DdimStepOptions = {},
): SamplerStep {
  checkTimestep(schedule, t);
  if (next !== undefined) checkTimestep(schedule, next);
  const alphaBarNext = next === undefined ? 1 : schedule.alphaBar[next];
  const factors = ddimCoefficients(schedule.alphaBar[t], alphaBarNext, options.eta ?? 0);
  const { x0 } = predict(model, schedule, xT, t, options);
  const epsTheta = convertPrediction(schedule, x0, xT, t, "x0", "eps");
  const mean = xT.device.scope(() => add(multiply(x0, factors.x0), multiply(epsTheta, factors.eps)));
  return { t, xT, epsTheta, x0, posteriorMean: mean, sigma: factors.sigma };
}

/**
 * Strided DDIM over S of the T steps; the network is asked at the original step numbers. Yields each step; returns the sample [N, ...].
 * Throws ConfigError for steps outside 1 .. T, an unknown spacing or an eta outside 0 .. 1.
 */
export function ddimSampler(model: Denoiser, schedule: NoiseSchedule, options: DdimOptions): AsyncGenerator<SamplerStep, Tensor> {
  const timesteps = ddimTimesteps(schedule.T, options.steps, options.spacing ?? "trailing");
  return runSteps(timesteps, options, (xT, t, next) => ddimStep(model, schedule, xT, t, next, options));
}
