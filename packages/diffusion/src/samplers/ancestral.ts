import { add, exp, multiply, elementary, type Tensor } from "@fromnoise/tensor";
import { field, optional } from "../config/fields.js";
import { oneOf } from "@fromnoise/nn/kinds";
import { learnedLogVariance, type SaidVariance } from "../denoisers/variance.js";
import { isClean } from "../process/level.js";
import { posterior, posteriorMean, type Posterior } from "../process/posterior.js";
import { isLearned, VARIANCES, type VarianceKind } from "../process/schedules.js";
import { SPACINGS, stepCount, type Spacing, type StepCount } from "../process/timesteps.js";
import { stridedPath } from "./path.js";
import type { Sampler } from "./sampler.js";

/** Options of the ancestral sampler. */
export interface AncestralOptions {
  /** Steps taken out of T; default all, 1000 of a process without steps. */
  steps: StepCount | undefined;
  /** Which, where not all are taken. */
  spacing: Spacing;
  /**
   * sigma^2 of a step: the posterior's (fixed-small), that of q(x_t | x_s) (fixed-large), or what the network says of it, between
   * the two (learned-range) or freely (learned); default the model's.
   */
  variance: VarianceKind | undefined;
}

/**
 * Algorithm 2 of Ho et al. 2020: x_s = mean of q(x_s | x_t, x0) + sigma z with the network's guess of x0, and no noise in the last step.
 * Over all T steps mean and sigma are those of equation 7; over fewer they belong to the longer strides (Nichol, Dhariwal 2021,
 * section 4).
 */
export const ancestral: Sampler<AncestralOptions> = {
  name: "ancestral",
  summary: "the paper's own: every step a sample of the posterior",
  fields: {
    steps: optional(stepCount, "steps taken out of T", { value: "S", shown: "all" }),
    spacing: field(oneOf(SPACINGS), "trailing", "which steps"),
    variance: optional(oneOf(VARIANCES), "of every step", { shown: "the model's" }),
  },

  path: (process, { steps, spacing }) => stridedPath("ancestral", process, (T) => steps ?? T, spacing),

  step(xt, i, path, { denoise, noise, options, variance }) {
    const at = path[i], to = path[i + 1];
    const { x0, eps, variance: said } = denoise(xt, at);
    const mean = posteriorMean(x0, xt, at, to);
    const sigma = isClean(to) ? 0 : sigmaOf(options.variance ?? variance, posterior(at, to), said);
    return { at, to, xt, x0, eps, mean, sigma, next: sigma === 0 ? mean : add(mean, multiply(noise(), sigma)) };
  },
};

/** The standard deviation of a step: a number, or what the network says for every element. */
function sigmaOf(kind: VarianceKind, { small, large }: Posterior, said: SaidVariance | undefined): number | Tensor {
  if (!isLearned(kind)) return Math.sqrt(kind === "fixed-small" ? small : large);
  const log = learnedLogVariance("ancestral", kind, said, { logSmall: elementary.log(small), logLarge: elementary.log(large) });
  return exp(multiply(log, 0.5));
}
