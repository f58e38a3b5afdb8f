/**
 * Task: v = alpha eps - sigma x0, and x_t = alpha x0 + sigma eps. Give eps from x_t and v, for every level of noise, also where
 * alpha^2 + sigma^2 is not 1. The formula below has a wrong sign, and is right, if that, only where it is 1.
 */
export function epsFromV(xt: number, v: number, alpha: number, sigma: number): number {
  return sigma * xt - alpha * v;
}
