/** p(x_(t-1) | x_t), the model's step back, as the bound compares it. */
import type { Tensor } from "@fromnoise/tensor";
import { learnedLogVariance, type SaidVariance } from "../denoisers/variance.js";
import { combineEach, perImage } from "../process/q-sample.js";
import { isLearned, type VarianceKind } from "../process/schedules.js";
import type { Decoder } from "./decoder.js";
import type { Gaussian } from "./gaussian.js";
import type { StepBack } from "./steps-back.js";

/** A guess of x0 [N, ...], and what the network says of the variance. */
interface Guess { readonly x0: Tensor; readonly variance?: SaidVariance | undefined }

/**
 * The mean of the posterior with the guess in place of x0 (Ho et al. 2020, equation 7), and the variance of this kind, every image
 * at its own step. At t = 0 fixed-small is that of t = 1, and fixed-large as the decoder wants it; learned-range lies between them
 * there.
 * Throws ShapeError where x0 and xt differ in shape, ConfigError where a variance is to be learned that the network does not say.
 */
export function stepGaussian(
  { x0, variance }: Guess, xt: Tensor, steps: readonly StepBack[], kind: VarianceKind, { lastVariance }: Decoder,
): Gaussian {
  const mean = combineEach(steps.map(({ posterior }) => posterior.x0), x0, steps.map(({ posterior }) => posterior.xt), xt);
  const small = perImage(steps.map(({ logSmall }) => logSmall), xt);
  if (kind === "fixed-small") return { mean, logVariance: small };
  if (isLearned(kind)) {
    const bounds = { logSmall: small, logLarge: perImage(steps.map(({ logLarge }) => logLarge), xt) };
    return { mean, logVariance: learnedLogVariance("the bound", kind, variance, bounds) };
  }
  const large = steps.map(({ t, logSmall, logLarge }) => (t === 0 && lastVariance === "clipped" ? logSmall : logLarge));
  return { mean, logVariance: perImage(large, xt) };
}
