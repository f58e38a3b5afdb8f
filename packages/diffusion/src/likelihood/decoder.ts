/** p(x_0 | x_1), the last step back: what turns its mean and variance into a likelihood of the data. */
import {
  add, clip, divide, exp, greater, greaterEqual, less, log, maximum, multiply, negative, subtract, where, type Tensor,
} from "@fromnoise/tensor";
import { gaussianLogDensity, type Gaussian } from "./gaussian.js";
import { exactCdf, type NormalCdf } from "./normal-cdf.js";

/** The last term of the bound: log p(x_0 | x_1), of numbers or of one of 256 levels. */
export interface Decoder {
  readonly name: string;
  /**
   * ln of the variance of the last step that stands for "fixed-large": `clipped` takes that of the posterior of the step before, as
   * "fixed-small" does (Ho et al.'s CIFAR10 code), `large` beta itself, which is right where the data has a smooth density.
   */
  readonly lastVariance: "clipped" | "large";
  /** ln p(x) of each element under the Gaussian p, in nats. */
  forward(x: Tensor, p: Gaussian): Tensor;
  /** The gradients of p's mean and log-variance, in the shape of the mean. */
  backward(dy: Tensor, x: Tensor, p: Gaussian): Gaussian;
}

/** Half the width of a bin: images have 256 levels from -1 to 1. */
const HALF_BIN = 1 / 255;
/** What lies beyond belongs to the outermost bins. */
const EDGE = 0.999;
/** No probability counts as less, so that no single element makes the bound infinite. */
const LEAST = 1e-12;

/**
 * Images of 256 levels, x in [-1, 1] in steps of 2/255 (Ho et al. 2020, equation 13): with z± = (x ± 1/255 - m) e^(-l/2)
 *   ln P = ln (Phi(z+) - Phi(z-)),   Phi(z+) = 1 at x = 1 and Phi(z-) = 0 at x = -1, P at least 1e-12.
 * Backward, phi the density of N(0, 1), 0 where Phi is replaced: dm = -dy e^(-l/2) (phi(z+) - phi(z-)) / P,
 *   dl = -dy/2 (z+ phi(z+) - z- phi(z-)) / P,   both 0 where P is below 1e-12.
 * In f32 the difference of two Phi is exact to 6e-8: probabilities of that size and less are not told apart.
 */
export function discretised(cdf: NormalCdf = exactCdf): Decoder {
  return {
    name: "discretised", lastVariance: "clipped",
    forward: (x, p) => x.device.scope(() => log(clip(probability(x, bounds(x, p), cdf), LEAST, Infinity))),
    backward: (dy, x, p) => x.device.scope(() => {
      const z = bounds(x, p), P = probability(x, z, cdf);
      const plus = where(greater(x, EDGE), 0, cdf.density(z.plus)), minus = where(less(x, -EDGE), 0, cdf.density(z.minus));
      const byP = where(greaterEqual(P, LEAST), divide(dy, maximum(P, LEAST)), 0);
      return {
        mean: negative(multiply(byP, multiply(subtract(plus, minus), z.inverse))),
        logVariance: multiply(byP, multiply(subtract(multiply(z.plus, plus), multiply(z.minus, minus)), -0.5)),
      };
    }),
  };
}

/** Data with a density, such as points: ln p(x) of the Gaussian itself. Bits may be negative then, as entropies of densities. */
export const density: Decoder = { name: "density", lastVariance: "large", ...gaussianLogDensity };

interface Bounds { readonly plus: Tensor; readonly minus: Tensor; readonly inverse: Tensor }

/** The ends of each element's bin, in standard deviations from the mean; inverse = e^(-l/2). */
function bounds(x: Tensor, { mean, logVariance }: Gaussian): Bounds {
  const inverse = exp(multiply(logVariance, -0.5));
  const centred = subtract(x, mean);
  return { plus: multiply(add(centred, HALF_BIN), inverse), minus: multiply(add(centred, -HALF_BIN), inverse), inverse };
}

function probability(x: Tensor, { plus, minus }: Bounds, cdf: NormalCdf): Tensor {
  return subtract(where(greater(x, EDGE), 1, cdf.value(plus)), where(less(x, -EDGE), 0, cdf.value(minus)));
}
