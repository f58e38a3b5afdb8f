/** Gaussians with a variance of their own for every element, and what one costs where another was meant. */
import { add, exp, multiply, negative, square, subtract, type Tensor } from "@fromnoise/tensor";

/** N(mean, e^logVariance) element by element: mean [N, ...], logVariance of a shape that broadcasts over it. */
export interface Gaussian { readonly mean: Tensor; readonly logVariance: Tensor }

/** ln 2 pi */
const LN_TWO_PI = Math.log(2 * Math.PI);

/**
 * KL(q || p) of each element, in nats:
 *   1/2 (-1 + l_p - l_q + e^(l_q - l_p) + (m_q - m_p)^2 e^-l_p),   l the log-variances.
 * Backward, for p: dm_p = dy (m_p - m_q) e^-l_p,   dl_p = dy/2 (1 - e^(l_q - l_p) - (m_q - m_p)^2 e^-l_p), in the shape of the
 * mean.
 * Throws ShapeError where shapes do not broadcast.
 */
export const gaussianKl = {
  forward: (q: Gaussian, p: Gaussian): Tensor => p.mean.device.scope(() => {
    const difference = subtract(p.logVariance, q.logVariance);
    const spread = subtract(add(difference, exp(negative(difference))), 1);
    return multiply(add(spread, misfit(q.mean, p)), 0.5);
  }),

  backward: (dy: Tensor, q: Gaussian, p: Gaussian): Gaussian => p.mean.device.scope(() => {
    const ratio = exp(subtract(q.logVariance, p.logVariance));
    return {
      mean: multiply(dy, multiply(subtract(p.mean, q.mean), exp(negative(p.logVariance)))),
      logVariance: multiply(multiply(dy, 0.5), subtract(subtract(1, ratio), misfit(q.mean, p))),
    };
  }),
};

/**
 * ln of the density of p at x, element by element, in nats: -1/2 (ln 2 pi + l + (x - m)^2 e^-l).
 * Backward, for p: dm = dy (x - m) e^-l,   dl = dy/2 ((x - m)^2 e^-l - 1). Throws ShapeError where shapes do not broadcast.
 */
export const gaussianLogDensity = {
  forward: (x: Tensor, p: Gaussian): Tensor => x.device.scope(
    () => multiply(add(add(misfit(x, p), p.logVariance), LN_TWO_PI), -0.5),
  ),

  backward: (dy: Tensor, x: Tensor, p: Gaussian): Gaussian => x.device.scope(() => ({
    mean: multiply(dy, multiply(subtract(x, p.mean), exp(negative(p.logVariance)))),
    logVariance: multiply(multiply(dy, 0.5), subtract(misfit(x, p), 1)),
  })),
};

/** (x - m)^2 e^-l */
function misfit(x: Tensor, { mean, logVariance }: Gaussian): Tensor {
  return multiply(square(subtract(x, mean)), exp(negative(logVariance)));
}
