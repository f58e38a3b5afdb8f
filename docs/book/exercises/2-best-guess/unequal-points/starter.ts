/**
 * Task: the data is two points, -1 with probability 1/4 and +1 with probability 3/4. Give E[x0 | x_t] at x_t = alpha x0 + sigma eps. The
 * formula below is that of equal probabilities: what becomes of it, and what of the guess where there is nothing but noise?
 */
export function bestGuess(xt: number, alpha: number, sigma: number): number {
  return Math.tanh((alpha * xt) / sigma ** 2);
}
