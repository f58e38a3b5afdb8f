/** Amounts of image and noise in a level; the last level of a path is alpha 1, sigma 0. */
export interface Level { alpha: number; sigma: number }

/** x = alpha x0 + sigma eps is solved for eps, and put together again with the amounts of the next level. */
export function sample(x: number, path: readonly Level[], guess: (x: number, at: Level) => number): number {
  for (let i = 0; i + 1 < path.length; i++) {
    const at = path[i], to = path[i + 1];
    const x0 = guess(x, at), eps = (x - at.alpha * x0) / at.sigma;
    x = to.alpha * x0 + to.sigma * eps;
  }
  return x;
}
