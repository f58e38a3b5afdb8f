/** Bayes: the odds of +1 are 3 e^(2 alpha x_t / sigma^2), so the prior adds ln(3) / 2 inside of the tanh. In noise the guess is 1/2. */
export function bestGuess(xt: number, alpha: number, sigma: number): number {
  return Math.tanh((alpha * xt) / sigma ** 2 + Math.log(3) / 2);
}
