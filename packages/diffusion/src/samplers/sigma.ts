/**
 * What solvers share that go by s = sigma / alpha, noise by signal: for y = x / alpha the probability-flow equation is dy/ds = eps
 * whatever the process (Karras et al. 2022, equation 4 with s(t) = 1, sigma(t) = t).
 */
import { add, ConfigError, multiply, elementary, type Tensor } from "@fromnoise/tensor";
import { field, type Fields } from "../config/fields.js";
import { integer, number } from "@fromnoise/nn/kinds";
import { CLEAN, type Amounts, type NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import { MAX_TIMESTEPS } from "../process/schedules.js";
import { combine } from "../process/q-sample.js";
import type { StepContext } from "./sampler.js";

/** s = sigma / alpha. */
export function noiseToSignal({ alpha, sigma }: Amounts): number {
  return sigma / alpha;
}

/** Levels spaced by sigma (Karras et al. 2022, equation 5). */
export interface SigmaOptions {
  /** Steps from the noisiest level to the image. */
  steps: number;
  /** How the steps crowd towards little noise. */
  rho: number;
}

export const sigmaFields: Fields<SigmaOptions> = {
  steps: field(integer({ from: 1, to: MAX_TIMESTEPS }), 30, "steps from noise to image", { value: "S" }),
  rho: field(number({ from: 1 }), 7, "crowding of the steps towards little noise"),
};

/**
 * n levels from the process's noisiest to its cleanest, and CLEAN: s_i = (smax^(1/rho) + i / (n - 1) (smin^(1/rho) - smax^(1/rho)))^rho
 * for i = 0 .. n - 1 (Karras et al. 2022, equation 5).
 * Throws ConfigError where alpha is 0 at the noisiest level.
 */
export function sigmaPath(sampler: string, process: Process, { steps, rho }: SigmaOptions): NoiseLevel[] {
  const [first, last] = process.range;
  if (first.alpha === 0) throw new ConfigError(`${sampler}: sigma / alpha is infinite where alpha is 0`, ["allowed  ddim, ddim-heun, ancestral"]);
  const [high, low] = [first, last].map((level) => elementary.power(noiseToSignal(level), 1 / rho));
  const between = Array.from({ length: Math.max(0, steps - 2) }, (_, i) => (
    levelOf(process, elementary.power(high + ((i + 1) / (steps - 1)) * (low - high), rho))
  ));
  return steps === 1 ? [first, CLEAN] : [first, ...between, last, CLEAN];
}

/** The level where sigma / alpha is s. */
export function levelOf({ levelAt }: Pick<Process, "levelAt">, s: number): NoiseLevel {
  return levelAt(-2 * elementary.log(s));
}

/** x one step of Euler's method on, from a level to another: y' = y + (s' - s) eps. */
export function eulerStep(x: Tensor, eps: Tensor, at: Amounts, to: Amounts): Tensor {
  return combine(to.alpha / at.alpha, x, to.alpha * (noiseToSignal(to) - noiseToSignal(at)), eps);
}

/** Noise that is added on the way and removed again (Karras et al. 2022, algorithm 2). */
export interface ChurnOptions {
  /** S_churn: how much noise all steps together add before they take it away; 0 none. */
  churn: number;
  /** S_tmin and S_tmax: noise is added where sigma / alpha lies between. */
  churnFrom: number;
  churnTo: number;
  /** S_noise: standard deviation of that noise. */
  churnNoise: number;
}

export const churnFields: Fields<ChurnOptions> = {
  churn: field(number({ from: 0 }), 0, "noise that the steps add before they take it away, 0 none"),
  churnFrom: field(number({ from: 0 }), 0, "least sigma / alpha at which it is added"),
  churnTo: field(number({ above: 0 }), 1e9, "largest sigma / alpha at which it is added", { shown: "no limit" }),
  churnNoise: field(number({ above: 0 }), 1, "standard deviation of that noise"),
};

/**
 * x and its level with some noise added (Karras et al. 2022, algorithm 2, lines 4 to 6): s^ = s + gamma s,
 * gamma = min(churn / n, sqrt(2) - 1) in a path of n steps, y^ = y + sqrt(s^^2 - s^2) churnNoise z. Never beyond the path's first level.
 */
export function churned(
  x: Tensor, at: NoiseLevel, path: readonly NoiseLevel[], { options, levelAt, noise }: StepContext<ChurnOptions>,
): { x: Tensor; at: NoiseLevel } {
  const s = noiseToSignal(at);
  const { churn, churnFrom, churnTo, churnNoise } = options;
  const gamma = s >= churnFrom && s <= churnTo ? Math.min(churn / (path.length - 1), Math.SQRT2 - 1) : 0;
  const more = Math.min(s * (1 + gamma), noiseToSignal(path[0]));
  if (!(more > s)) return { x, at };
  const to = levelOf({ levelAt }, more);
  const added = multiply(noise(), to.alpha * Math.sqrt(more * more - s * s) * churnNoise);
  return { x: add(multiply(x, to.alpha / at.alpha), added), at: to };
}
