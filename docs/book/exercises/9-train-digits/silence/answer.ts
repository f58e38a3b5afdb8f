/** E[x0^2] = mean^2 + variance, E[eps^2] = 1, and the two are independent with E[eps] = 0, so that v has no mixed term. */
export function lossOfSilence(target: "eps" | "x0" | "v", alphaBar: number, mean: number, variance: number): number {
  const x0 = mean ** 2 + variance;
  return { eps: 1, x0, v: alphaBar + (1 - alphaBar) * x0 }[target];
}
