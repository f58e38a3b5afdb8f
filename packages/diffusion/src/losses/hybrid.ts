import { add, ConfigError, mean, multiply, tensor, type Tensor } from "@fromnoise/tensor";
import { isLearned, LEARNED_VARIANCES } from "../process/schedules.js";
import { boundOfOutput, joined } from "./bound-of-output.js";
import { perImage as asColumn } from "../process/q-sample.js";
import { drawWeights, type Loss, type LossOptions, type LossTerms } from "./loss.js";
import { mseLoss } from "./mse.js";

/** lambda of Nichol, Dhariwal 2021. */
const LAMBDA = 0.001;

/**
 * L_simple for the prediction and the bound for the variance (Nichol, Dhariwal 2021, equation 16):
 *   L = L_simple + lambda 1/N sum over n of w_n T L_t(n),   lambda = 0.001, L_t in bits per dimension, w_n the weight of a draw,
 * where the bound sees the mean as a constant: the derivative of the second term reaches v alone, and that of the first the
 * prediction. (improved-diffusion's RESCALED_MSE has L_t times T / 1000.) The errors of images are those of L_simple; a weighting
 * is its.
 * Throws ConfigError for a variance that is not learned, as mseLoss, and without a process of T steps.
 */
export function hybridLoss(options: LossOptions): Loss {
  const { variance = "learned-range" } = options;
  if (!isLearned(variance)) {
    throw new ConfigError(`variance: ${variance} leaves the loss hybrid nothing to learn beside mse`, [
      `allowed  ${LEARNED_VARIANCES.join(", ")}`,
    ]);
  }
  const simple = mseLoss(options);
  const bound = boundOfOutput("hybrid", options);
  const said = (output: Tensor, terms: LossTerms): Tensor => bound.parts(output, terms)[0];
  return {
    name: "hybrid", prediction: simple.prediction, heads: bound.heads,
    forward: (output, terms) => output.device.scope(() => {
      const { loss, perImage } = simple.forward(said(output, terms), terms);
      const bounds = bound.forward(output, terms);
      return { loss: add(loss, multiply(mean(multiply(asColumn(drawWeights(terms), bounds), bounds)), LAMBDA)), perImage };
    }),
    backward: (dy, output, terms) => output.device.scope(() => {
      const { device, dtype, shape: [n] } = output;
      const shares = tensor(drawWeights(terms).map((w) => (LAMBDA * w) / n), { device, dtype, shape: [n] });
      const { v } = bound.backward(multiply(shares, dy), output, terms);
      return joined({ said: simple.backward(dy, said(output, terms), terms), v });
    }),
  };
}
