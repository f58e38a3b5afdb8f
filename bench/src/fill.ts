/** Inputs that every contender can make itself: base + scale sin(phase (k + 1) + step j + chirp j j), as in the golden files. */
import { goldenFill } from "@fromnoise/nn";

export const COEFFICIENTS = { phase: 0.7, step: 1.3, chirp: 0.01 };

/** Tensor k of a bench: n values in f64. */
export function fill(n: number, k: number, scale = 1, base = 0): Float64Array {
  return goldenFill(COEFFICIENTS, n, k, scale, base);
}
