/** Amounts of image and noise in a level. */
export interface Level { alpha: number; sigma: number }

/** eps and z are independent: eps is kept so far that the variances add to that of the level, to.sigma^2. */
export function ddimStep(x0: number, eps: number, z: number, from: Level, to: Level, eta: number): number {
  const sigma = eta * (to.sigma / from.sigma) * Math.sqrt(1 - (from.alpha / to.alpha) ** 2);
  return to.alpha * x0 + Math.sqrt(to.sigma ** 2 - sigma ** 2) * eps + sigma * z;
}
