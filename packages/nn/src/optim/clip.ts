import { sqrt, sumSquares, zeros, type Tensor } from "@fromnoise/tensor";
import { assertGrads, type Grads } from "../parameters/grads.js";

/** The norm of all gradients taken as one vector, [1]: sqrt of the sum of squares. Reading it is the caller's step. */
export function globalNorm(grads: Grads): Tensor {
  assertGrads("globalNorm: there are no gradients", grads);
  const all = [...grads].map(([, g]) => g);
  if (all.length === 0) return zeros([1], grads);
  return grads.device.scope(() => sqrt(sumSquares(all)));
}

/**
 * Clipping by the global norm (Pascanu et al. 2013), as PyTorch: every gradient times min(1, maxNorm / (norm + 1e-6)).
 * The factor goes into `Optimizer.step` as gradScale.
 */
export function clipCoefficient(norm: number, maxNorm: number): number {
  return Math.min(1, maxNorm / (norm + 1e-6));
}
