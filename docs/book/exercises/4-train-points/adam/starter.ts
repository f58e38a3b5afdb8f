/** The running means of one parameter. */
export interface Moments { m: number; w: number }

/**
 * Task: one step of Adam for one parameter p with gradient g, in step number k = 1, 2, ..., with beta1 = 0.9 and beta2 = 0.999. Its first
 * step is three times too long: what was left out? The moments are changed in place.
 */
export function adamStep(p: number, g: number, moments: Moments, _k: number, lr: number): number {
  moments.m = 0.9 * moments.m + 0.1 * g;
  moments.w = 0.999 * moments.w + 0.001 * g * g;
  return p - (lr * moments.m) / (Math.sqrt(moments.w) + 1e-8);
}
