/**
 * Task: with the same beta at every step, how many steps does it take until the signal-to-noise ratio alphaBar / (1 - alphaBar) is
 * below 1? Answer with a formula in beta, no loop. Hint: what is alphaBar after n such steps, and what is it where SNR = 1?
 */
export function stepsToEqualNoise(beta: number): number {
  return Math.ceil(1 / beta);
}
