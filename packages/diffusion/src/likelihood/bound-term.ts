/** The terms of the variational bound, for images that each stand at a step of their own. */
import { divide, equal, mean, multiply, negative, reshape, where, type Tensor } from "@fromnoise/tensor";
import { combineEach, perImage } from "../process/q-sample.js";
import type { Decoder } from "./decoder.js";
import { gaussianKl, type Gaussian } from "./gaussian.js";
import type { StepBack } from "./steps-back.js";

/** What is known of a batch: x0 and xt [N, ...], and the step that each image takes. */
export interface BoundTerms { readonly x0: Tensor; readonly xt: Tensor; readonly steps: readonly StepBack[] }

/**
 * The term of each image in bits per dimension, [N] (Ho et al. 2020, equation 5, divided by D ln 2):
 *   L_t = KL(q(x_(t-1) | x_t, x_0) || p(x_(t-1) | x_t)),   at t = 0 -ln p(x_0 | x_1) by the decoder.
 * Backward: the gradients of p's mean and log-variance, in the shape of the mean; dy [N].
 * Throws ShapeError where shapes do not fit.
 */
export const boundTerm = {
  forward: (p: Gaussian, terms: BoundTerms, decoder: Decoder): Tensor => p.mean.device.scope(() => {
    const [kl, last] = parts(terms, () => gaussianKl.forward(posteriors(terms), p), () => negative(decoder.forward(terms.x0, p)));
    const nats = select(terms, kl, last);
    return divide(mean(nats, { axes: nats.shape.map((_, axis) => axis).slice(1) }), Math.LN2);
  }),

  backward: (dy: Tensor, p: Gaussian, terms: BoundTerms, decoder: Decoder): Gaussian => p.mean.device.scope(() => {
    const { x0 } = terms;
    const each = multiply(overImage(dy, x0), x0.shape[0] / x0.size / Math.LN2);
    const [kl, last] = parts(
      terms, () => gaussianKl.backward(each, posteriors(terms), p), () => decoder.backward(negative(each), x0, p),
    );
    return {
      mean: select(terms, kl?.mean, last?.mean), logVariance: select(terms, kl?.logVariance, last?.logVariance),
    };
  }),
};

/**
 * KL(q(x_T | x_0) || N(0, (alpha^2 + sigma^2) I)), the bound's prior term, of each image in bits per dimension, [N]. The start of
 * samplers has the same variance; it is 1 for the processes of Ho et al. 2020. No network takes part.
 */
export function priorTerm(x0: Tensor, { alpha, sigma }: { readonly alpha: number; readonly sigma: number }): Tensor {
  return x0.device.scope(() => {
    const constant = (value: number): Tensor => perImage(new Array<number>(x0.shape[0]).fill(value), x0);
    const q = { mean: multiply(x0, alpha), logVariance: constant(2 * Math.log(sigma)) };
    const nats = gaussianKl.forward(q, { mean: constant(0), logVariance: constant(2 * Math.log(Math.hypot(alpha, sigma))) });
    return divide(mean(nats, { axes: nats.shape.map((_, axis) => axis).slice(1) }), Math.LN2);
  });
}

/** q(x_(t-1) | x_t, x_0) of every image. */
function posteriors({ x0, xt, steps }: BoundTerms): Gaussian {
  return {
    mean: combineEach(steps.map(({ posterior }) => posterior.x0), x0, steps.map(({ posterior }) => posterior.xt), xt),
    logVariance: perImage(steps.map(({ logSmall }) => logSmall), x0),
  };
}

/** The divergence and the last step, each only where some image needs it. */
function parts<T>({ steps }: BoundTerms, kl: () => T, last: () => T): [kl: T | undefined, last: T | undefined] {
  return [steps.some(({ t }) => t > 0) ? kl() : undefined, steps.some(({ t }) => t === 0) ? last() : undefined];
}

/** `last` for images at t = 0, else `kl`. */
function select({ x0, steps }: BoundTerms, kl: Tensor | undefined, last: Tensor | undefined): Tensor {
  if (kl === undefined || last === undefined) return (kl ?? last)!;
  return where(equal(perImage(steps.map(({ t }) => t), x0), 0), last, kl);
}

/** [N] as [N, 1, ..., 1]. */
function overImage(y: Tensor, x: Tensor): Tensor {
  return reshape(y, [y.size, ...x.shape.slice(1).map(() => 1)]);
}
