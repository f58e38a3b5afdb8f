/**
 * Var(eps | x_t) = 1 - cov(eps, x_t)^2 / Var(x_t) = 1 - sigma^2 / v = alpha^2 sdData^2 / v, with v = alpha^2 sdData^2 + sigma^2. Near 1 for
 * little noise, which cannot be told from the data; near 0 for much, which is all there is to see; 0 for neither.
 */
export function floor(alpha: number, sigma: number, sdData: number): number {
  const signal = (alpha * sdData) ** 2;
  return signal / (signal + sigma ** 2);
}
