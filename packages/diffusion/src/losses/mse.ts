import { square } from "@fromnoise/tensor";
import type { Loss, LossOptions } from "./loss.js";
import { weightedError } from "./weighted-error.js";

/**
 * The weighted mean squared error, f(d) = d^2. With the target eps and weights 1 it is L_simple (Ho et al. 2020, equation 14).
 * Throws as weightedError does.
 */
export function mseLoss(options: LossOptions): Loss {
  return weightedError({ name: "mse", value: square, factor: 2, direction: (d) => d }, options);
}
