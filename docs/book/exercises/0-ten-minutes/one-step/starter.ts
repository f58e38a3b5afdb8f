/** Amounts of image and noise in a level; the last level of a path is alpha 1, sigma 0. */
export interface Level { alpha: number; sigma: number }

/**
 * Task: a sampler. It starts from noise x and goes along the path, noisiest level first; guess(x, level) says which x0 it sees in x. What
 * stands here takes that guess for the next x, though it is one without noise. Fix it: at the next level belong alpha of the guess and
 * sigma of the noise that the guess leaves in x.
 */
export function sample(x: number, path: readonly Level[], guess: (x: number, at: Level) => number): number {
  for (let i = 0; i + 1 < path.length; i++) x = guess(x, path[i]);
  return x;
}
