import { abs, sign } from "@fromnoise/tensor";
import type { Loss, LossOptions } from "./loss.js";
import { weightedError } from "./weighted-error.js";

/**
 * The weighted mean absolute error, f(d) = |d|, f'(0) = 0: fewer, sharper modes than the squared error (Saharia et al. 2022, Palette,
 * section 3). Throws as weightedError does.
 */
export function l1Loss(options: LossOptions): Loss {
  return weightedError({ name: "l1", value: abs, factor: 1, direction: sign }, options);
}
