/** q(x_s | x_t, x_0), the step back from a level t to a cleaner one s, when x_0 is known (Ho et al. 2020, equations 6 and 7). */
import { ConfigError, type Tensor } from "@fromnoise/tensor";
import type { Amounts } from "./level.js";
import { assertSameShape, combineEach, levelsOf, type Levels } from "./q-sample.js";

/** N(x0 x_0 + xt x_t, small I); `large` is the variance of q(x_t | x_s), the other end of what a reverse step may use (section 3.2). */
export interface Posterior { readonly x0: number; readonly xt: number; readonly small: number; readonly large: number }

/**
 * With r = SNR_t / SNR_s, SNR = alpha^2 / sigma^2, the noise added between s and t has the variance sigma_t^2 (1 - r), and
 *   mean = alpha_s (1 - r) x_0 + alpha_t sigma_s^2 / (alpha_s sigma_t^2) x_t,   variance = sigma_s^2 (1 - r).
 * For neighbouring steps these are equation 7 and betaTilde_t, and the noise between them is beta_t.
 * Throws ConfigError unless s is cleaner than t.
 */
export function posterior(t: Amounts, s: Amounts): Posterior {
  const r = ((t.alpha * s.sigma) / (s.alpha * t.sigma)) ** 2;
  if (!(s.alpha > 0 && r < 1)) {
    throw new ConfigError("posterior: the step does not lead to less noise", [
      `from       alpha ${t.alpha}, sigma ${t.sigma}`, `to         alpha ${s.alpha}, sigma ${s.sigma}`,
    ]);
  }
  return {
    x0: s.alpha * (1 - r), xt: (t.alpha / s.alpha) * (s.sigma / t.sigma) ** 2, small: s.sigma ** 2 * (1 - r), large: t.sigma ** 2 * (1 - r),
  };
}

/**
 * Mean of q(x_s | x_t, x_0) on tensors, every image at its own level: x0 and xt [N, ...] of one shape.
 * Throws ShapeError where the shapes differ, ConfigError as posterior does.
 */
export function posteriorMean(x0: Tensor, xt: Tensor, t: Levels, s: Levels): Tensor {
  assertSameShape("posteriorMean", { x0, xt });
  const to = levelsOf(x0, s);
  const posteriors = levelsOf(x0, t).map((from, i) => posterior(from, to[i]));
  return combineEach(posteriors.map((q) => q.x0), x0, posteriors.map((q) => q.xt), xt);
}
