import { ConfigError, mean, multiply, tensor } from "@fromnoise/tensor";
import { predictionOf } from "../denoisers/prediction.js";
import { boundOfOutput, joined } from "./bound-of-output.js";
import { perImage as asColumn } from "../process/q-sample.js";
import { drawWeights, type Loss, type LossOptions } from "./loss.js";

/**
 * The variational bound itself (Ho et al. 2020, equation 5), by one step of each image, in bits per dimension but for the prior
 * term, which nothing is learned in:  L = 1/N sum over n of w_n T L_t(n), w_n the weight of a draw.
 * With a fixed variance the network has one head, and with a learned one two.
 * Throws ConfigError for a prediction that is none, without a process of T steps, and for a weighting: the bound has its own.
 */
export function vlbLoss(options: LossOptions): Loss {
  const { weighting = "simple" } = options;
  if (weighting !== "simple") {
    throw new ConfigError(`weighting: ${weighting} means nothing to the loss vlb: the bound has its own`, ["allowed  simple"]);
  }
  const bound = boundOfOutput("vlb", options);
  return {
    name: "vlb", prediction: predictionOf(options.prediction), heads: bound.heads,
    forward: (output, terms) => output.device.scope(() => {
      const perImage = bound.forward(output, terms);
      return { loss: mean(multiply(asColumn(drawWeights(terms), perImage), perImage)), perImage };
    }),
    backward: (dy, output, terms) => output.device.scope(() => {
      const { device, dtype, shape: [n] } = output;
      const shares = tensor(drawWeights(terms).map((w) => w / n), { device, dtype, shape: [n] });
      return joined(bound.backward(multiply(shares, dy), output, terms));
    }),
  };
}
