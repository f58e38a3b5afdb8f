/** sigma x_t + alpha v = (sigma^2 + alpha^2) eps: the x0 terms cancel. */
export function epsFromV(xt: number, v: number, alpha: number, sigma: number): number {
  return (sigma * xt + alpha * v) / (alpha ** 2 + sigma ** 2);
}
