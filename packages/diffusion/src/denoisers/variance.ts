/** The variance of a step back that a network says itself. */
import { add, ConfigError, multiply, subtract, type Tensor } from "@fromnoise/tensor";
import { FIXED_VARIANCES, type LearnedVariance } from "../process/schedules.js";

/** What a network says of the variance, in the shape of x: where it lies between its bounds, 0 .. 1, or its logarithm. */
export type SaidVariance = { readonly range: Tensor } | { readonly log: Tensor };

/**
 * What the second value v of a network means (Nichol, Dhariwal 2021, section 3.1): `learned-range` the place (v + 1) / 2 between
 * the bounds of the step, `learned` the logarithm itself.
 */
export function readVariance(v: Tensor, kind: LearnedVariance): SaidVariance {
  return kind === "learned" ? { log: v } : { range: v.device.scope(() => multiply(add(v, 1), 0.5)) };
}

/**
 * ln of the variance of a step in the shape of x: as said, or  f ln large + (1 - f) ln small  (Nichol, Dhariwal 2021, equation 15),
 * the bounds those of the step that is taken, strides included.
 * Throws ConfigError, in the name of who asks, where the network says none, or says the other kind.
 */
export function learnedLogVariance(
  who: string, kind: LearnedVariance, said: SaidVariance | undefined, { logSmall, logLarge }: LogBounds,
): Tensor {
  if (said !== undefined && kind === "learned" && "log" in said) return said.log;
  if (said !== undefined && kind === "learned-range" && "range" in said) {
    const { range } = said;
    return range.device.scope(() => add(multiply(range, subtractAny(logLarge, logSmall)), logSmall));
  }
  throw new ConfigError(`${who}: the network says no variance of the kind ${kind}`, [`allowed  ${FIXED_VARIANCES.join(", ")}`]);
}

/** ln of the smallest and the largest variance of a step: numbers, or of every image, [N, 1, ..., 1]. */
export interface LogBounds { readonly logSmall: number | Tensor; readonly logLarge: number | Tensor }

function subtractAny(a: number | Tensor, b: number | Tensor): number | Tensor {
  return typeof a === "number" && typeof b === "number" ? a - b : subtract(a, b);
}
