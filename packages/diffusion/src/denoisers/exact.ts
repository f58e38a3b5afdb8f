/**
 * Denoisers in closed form, for data whose density is known: with them schedules and samplers can be tested, and understood,
 * without training. For a mixture of K isotropic Gaussians, p(x0) = sum_k w_k N(mu_k, s^2 I), the noised density is
 *   q(x_t) = sum_k w_k N(alpha mu_k, v I),  v = alpha^2 s^2 + sigma^2,
 * and the eps that minimises the loss is its scaled score, with the guess of x0 that belongs to it:
 *   eps*(x_t) = -sigma grad log q(x_t) = sigma / v (x_t - alpha m),   x0*(x_t) = E[x0 | x_t] = (alpha s^2 x_t + sigma^2 m) / v,
 *   m = sum_k r_k mu_k,   r = softmax over k of (log w_k - |x_t - alpha mu_k|^2 / (2 v)).
 */
import { add, ConfigError, expandDims, matmul, multiply, reshape, softmax, square, subtract, sum, tensor } from "@fromnoise/tensor";
import { combine } from "../process/q-sample.js";
import type { Denoiser } from "./denoiser.js";

/** A distribution whose best guess is known: q(x_0) = sum over i of w_i N(x_0; m_i, sd^2 I). */
export interface GaussianMixture {
  /** K weights, summing to 1. */
  weights: readonly number[];
  /** K means of D numbers each; D is the number of elements of one sample. */
  means: readonly (readonly number[])[];
  /** Standard deviation s of every component, >= 0. */
  sd: number;
}

/**
 * The best denoiser there is for samples of the mixture, x_t [N, ...] with D elements each, as above.
 * Throws ConfigError when a weight is negative, the weights do not sum to 1 or do not match the means, the means differ in length, or
 * sd is not a number from 0.
 */
export function exactDenoiser({ weights, means, sd }: GaussianMixture): Denoiser {
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
  return (xt, { alpha, sigma }) => xt.device.scope(() => {
    const options = { device: xt.device, dtype: xt.dtype };
    const v = alpha * alpha * sd * sd + sigma * sigma;
    const x = reshape(xt, [xt.shape[0], means[0].length]);                                 // [N, D]
    const centres = tensor(means.map((mean) => [...mean]), options);                        // [K, D]
    const distances = sum(square(subtract(expandDims(x, 1), multiply(centres, alpha))), { axes: 2 });   // [N, K]
    const logWeights = tensor(weights.map((w) => Math.log(w)), options);
    const r = softmax.forward(add(multiply(distances, -1 / (2 * v)), logWeights));          // [N, K]
    const m = matmul(r, centres);                                                           // [N, D]
    const x0 = reshape(combine(alpha * sd * sd / v, x, sigma * sigma / v, m), xt.shape);
    return { x0, eps: reshape(combine(sigma / v, x, -sigma * alpha / v, m), xt.shape), rawX0: x0 };
  });
}
