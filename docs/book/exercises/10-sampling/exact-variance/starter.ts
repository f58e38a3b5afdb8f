/** A step back of a schedule: alphaBar, betaTilde, and the factor of x0 in the posterior mean. */
export interface Step { alphaBar: number; betaTilde: number; c1: number }

/**
 * Task: extend the variance of a step back, betaTilde, by what the guess of x0 does not know, for data N(mean, sdData^2). The check runs a
 * recursion over 21 steps with it and looks at the deviation of the samples.
 */
export function stepVariance({ betaTilde }: Step, _sdData: number): number {
  return betaTilde;
}
