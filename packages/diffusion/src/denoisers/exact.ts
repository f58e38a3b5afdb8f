/**
 * Denoisers in closed form, for data whose density is known: with them schedules and samplers can be tested, and understood,
 * without training. For a mixture of K isotropic Gaussians, p(x0) = sum_k w_k N(mu_k, s^2 I), the noised density is
 *   q(x_t) = sum_k w_k N(sqrt(alphaBar_t) mu_k, v_t I),  v_t = alphaBar_t s^2 + 1 - alphaBar_t,
 * and the epsilon that minimises the loss is its scaled score:
 *   eps*(x_t) = -sqrt(1 - alphaBar_t) grad log q(x_t) = sqrt(1 - alphaBar_t) / v_t (x_t - sqrt(alphaBar_t) sum_k r_k mu_k),
 *   r = softmax over k of (log w_k - |x_t - sqrt(alphaBar_t) mu_k|^2 / (2 v_t)).
 */
import { add, ConfigError, expandDims, matmul, multiply, reshape, softmax, square, subtract, sum, tensor, type Tensor } from "@fromnoise/tensor";
import type { Denoiser } from "../samplers/step.js";
import type { NoiseSchedule } from "../process/schedules.js";

export interface GaussianMixture {
  /** K weights, summing to 1. */
  weights: readonly number[];
  /** K means of D numbers each; D is the number of elements of one sample. */
  means: readonly (readonly number[])[];
  /** Standard deviation s of every component, >= 0. */
  sd: number;
}

/**
 * eps*(x_t, t) of the mixture for samples x_t [N, ...] with D elements each, as above.
 * Throws ConfigError when a weight is negative, the weights do not sum to 1 or do not match the means, the means differ in length, or
 * sd is not a number from 0.
 */
export function exactEpsilon(schedule: NoiseSchedule, { weights, means, sd }: GaussianMixture): Denoiser {
  if (weights.length !== means.length || !weights.every((w) => w >= 0) || !(Math.abs(weights.reduce((a, b) => a + b, 0) - 1) <= 1e-9)) {
    throw new ConfigError("mixture: the weights are not the probabilities of the means", [
      `weights  ${weights.join(", ")}   allowed ${means.length} numbers from 0, summing to 1`,
    ]);
  }
  const odd = means.findIndex((mean) => mean.length !== means[0].length || !mean.every(Number.isFinite));
  if (odd !== -1) {
    throw new ConfigError(`mixture: the mean ${odd} does not fit the others`, [`means    finite numbers, ${means[0].length} each, as the first has`]);
  }
  if (!(sd >= 0 && sd < Infinity)) throw new ConfigError(`mixture: ${sd} is not a standard deviation`, ["allowed  finite numbers from 0"]);
  return (xT, t) => xT.device.scope(() => {
    const options = { device: xT.device, dtype: xT.dtype };
    const signal = schedule.sqrtAlphaBar[t];
    const variance = schedule.alphaBar[t] * sd * sd + 1 - schedule.alphaBar[t];
    const x = reshape(xT, [xT.shape[0], means[0].length]);                                 // [N, D]
    const centres = tensor(means.map((mean) => mean.map((m) => signal * m)), options);      // [K, D]
    const distances = sum(square(subtract(expandDims(x, 1), centres)), { axes: 2 });        // [N, K]
    const logWeights = tensor(weights.map((w) => Math.log(w)), options);
    const r = softmax.forward(add(multiply(distances, -1 / (2 * variance)), logWeights));   // [N, K]
    const eps: Tensor = multiply(subtract(x, matmul(r, centres)), schedule.sqrtOneMinusAlphaBar[t] / variance);
    return reshape(eps, xT.shape);
  });
}
