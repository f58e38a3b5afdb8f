/** The running means of one parameter. */
export interface Moments { m: number; w: number }

/** Both means begin at 0 and know only k gradients: they are divided by the weight that those have, 1 - beta^k. */
export function adamStep(p: number, g: number, moments: Moments, k: number, lr: number): number {
  moments.m = 0.9 * moments.m + 0.1 * g;
  moments.w = 0.999 * moments.w + 0.001 * g * g;
  const m = moments.m / (1 - 0.9 ** k), w = moments.w / (1 - 0.999 ** k);
  return p - (lr * m) / (Math.sqrt(w) + 1e-8);
}
