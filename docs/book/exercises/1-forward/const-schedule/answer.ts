/** alphaBar after n steps is (1 - beta)^n, and SNR < 1 where it is below 1/2: n > ln(1/2) / ln(1 - beta). */
export function stepsToEqualNoise(beta: number): number {
  return Math.floor(Math.log(0.5) / Math.log(1 - beta)) + 1;
}
