import { mean, multiply, ShapeError, square, subtract, type Tensor } from "@fromnoise/tensor";
import { perImage, sameShape } from "../process/q-sample.js";

/**
 * The training loss, a weighted mean squared error with one weight per image:
 *   L = 1/N sum over n of w_n e_n,   e_n = mean over the elements of image n of (prediction - target)^2
 *   dL/dprediction = 2 w_n / (N D) (prediction - target),   D elements per image
 * With the target eps and weights 1 it is L_simple (Ho et al. 2020, equation 14).
 */
export const diffusionLoss = {
  /**
   * prediction and target [N, ...], one weight per image: {loss: scalar, perImage: [N] the unweighted errors e_n}.
   * Throws ShapeError where prediction and target differ in shape, or there is not one weight an image.
   */
  forward(prediction: Tensor, target: Tensor, weights: readonly number[]): { loss: Tensor; perImage: Tensor } {
    check(prediction, target, weights);
    return prediction.device.scope(() => {
      const axes = prediction.shape.map((_, axis) => axis).slice(1);
      const errors = mean(square(subtract(prediction, target)), { axes });
      return { loss: mean(multiply(perImage(weights, errors), errors)), perImage: errors };
    });
  },

  /** dprediction for dL = `scale` (1, or 1/k when k micro-batches are accumulated). Throws as `forward` does. */
  backward(prediction: Tensor, target: Tensor, weights: readonly number[], scale = 1): Tensor {
    check(prediction, target, weights);
    return prediction.device.scope(() => {
      const factors = weights.map((w) => (2 * scale * w) / prediction.size);
      return multiply(perImage(factors, prediction), subtract(prediction, target));
    });
  },
};

function check(prediction: Tensor, target: Tensor, weights: readonly number[]): void {
  sameShape("diffusionLoss", "prediction", prediction, "target", target);
  if (weights.length === prediction.shape[0]) return;
  throw new ShapeError(`diffusionLoss: ${weights.length} weights for a batch of ${prediction.shape[0]}`, ["allowed    one weight an image"]);
}
