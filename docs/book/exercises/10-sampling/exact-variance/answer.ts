/** A step back of a schedule: alphaBar, betaTilde, and the factor of x0 in the posterior mean. */
export interface Step { alphaBar: number; betaTilde: number; c1: number }

/** betaTilde + c1^2 Var(x0 | x_t); the mean of the data does not enter. */
export function stepVariance({ alphaBar, betaTilde, c1 }: Step, sdData: number): number {
  const unknown = (sdData ** 2 * (1 - alphaBar)) / (alphaBar * sdData ** 2 + 1 - alphaBar);
  return betaTilde + c1 ** 2 * unknown;
}
