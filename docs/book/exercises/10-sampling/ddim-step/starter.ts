/** Amounts of image and noise in a level. */
export interface Level { alpha: number; sigma: number }

/**
 * Task: a DDIM step from a level to a cleaner one, for guesses x0 and eps, fresh noise z, and eta from 0 to 1. What stands here keeps all
 * of eps and adds sigma z on top. What is the variance of the result, given x0, and what should it be?
 */
export function ddimStep(x0: number, eps: number, z: number, from: Level, to: Level, eta: number): number {
  const sigma = eta * (to.sigma / from.sigma) * Math.sqrt(1 - (from.alpha / to.alpha) ** 2);
  return to.alpha * x0 + to.sigma * eps + sigma * z;
}
