/** Losses that are a mean over elements of some function of output - target, each image's with a weight. */
import { mean, multiply, subtract, type Tensor } from "@fromnoise/tensor";
import { predictionOf, predictionTarget } from "../denoisers/prediction.js";
import { assertSameShape, perImage } from "../process/q-sample.js";
import type { Loss, LossOptions, LossTerms } from "./loss.js";
import { lossWeight } from "./weighting.js";

/** f(d) element by element, with the factor and the direction of its derivative: f'(d) = factor direction(d). */
export interface ErrorFunction {
  readonly name: string;
  value(difference: Tensor): Tensor;
  readonly factor: number;
  direction(difference: Tensor): Tensor;
}

/**
 * The weighted mean of f(output - target), one weight w_n per image (see `lossWeight`), times that of its draw:
 *   L = 1/N sum over n of w_n e_n,   e_n = mean over the elements of image n of f(output - target)
 *   doutput = dy w_n / (N D) f'(output - target),   D elements per image.
 * Throws ConfigError for a prediction or weighting that is none and a gamma that is not positive.
 */
export function weightedError(
  { name, value, factor, direction }: ErrorFunction, { prediction: given, weighting = "simple", gamma = 5 }: LossOptions,
): Loss {
  const prediction = predictionOf(given);
  lossWeight({ alpha: 1, sigma: 1 }, "x0", weighting, gamma);                              // a wrong option is refused at once
  const weightsOf = ({ levels }: LossTerms): number[] => levels.map((at) => (at.weight ?? 1) * lossWeight(at, prediction, weighting, gamma));
  const differenceOf = (output: Tensor, { x0, eps, levels }: LossTerms): Tensor => {
    assertSameShape(`${name} loss`, { x0, output });
    return subtract(output, predictionTarget(x0, eps, levels, prediction));
  };
  return {
    name, prediction, heads: 1,
    forward: (output, terms) => output.device.scope(() => {
      const axes = output.shape.map((_, axis) => axis).slice(1);
      const errors = mean(value(differenceOf(output, terms)), { axes });
      return { loss: mean(multiply(perImage(weightsOf(terms), errors), errors)), perImage: errors };
    }),
    backward: (dy, output, terms) => output.device.scope(() => {
      const factors = perImage(weightsOf(terms).map((w) => (factor * w) / output.size), output);
      return multiply(multiply(factors, dy), direction(differenceOf(output, terms)));
    }),
  };
}
