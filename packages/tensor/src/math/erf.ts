/**
 * The error function and its complement, from two textbook expansions (Abramowitz and Stegun, "Handbook of Mathematical
 * Functions", 1964, chapter 7), and the normal distribution made of them. Only positive terms are added, so nothing cancels.
 */

const TWO_OVER_SQRT_PI = 1.1283791670955126;
const SQRT_HALF = 0.7071067811865476;
const INV_SQRT_2PI = 0.3989422804014327;

/** Below it the series is used, above it the continued fraction; at 2.5 both need about 40 terms. */
const CROSSOVER = 2.5;
/** Depth of the continued fraction: the error is below 1e-16 relative from the crossover on. */
const DEPTH = 60;

/** erf x = 2/sqrt(pi) e^(-x^2) (x + 2 x^3/3 + 4 x^5/(3 5) + 8 x^7/(3 5 7) + ...), equation 7.1.6. */
function erfSeries(x: number): number {
  const xx = x * x;
  let term = x, sum = x;
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum); k++) {
    term *= 2 * xx / (2 * k + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * Math.exp(-xx) * sum;
}

/** erfc x = e^(-x^2)/sqrt(pi) 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + ...)))), equation 7.1.14, for x > 0. */
function erfcFraction(x: number): number {
  let tail = x;
  for (let k = DEPTH; k >= 1; k--) tail = x + k / 2 / tail;
  return 0.5 * TWO_OVER_SQRT_PI * Math.exp(-x * x) / tail;
}

/**
 * The error function, erf x = 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x; odd, from -1 to 1.
 * Relative error below 2e-15. NaN gives NaN.
 */
export function erf(x: number): number {
  if (x >= CROSSOVER) return 1 - erfcFraction(x);
  if (x <= -CROSSOVER) return erfcFraction(-x) - 1;
  return erfSeries(x);
}

/** The complement 1 - erf x, from 0 to 2, without cancellation for large x: relative error below 1e-12 for x < 25. */
export function erfc(x: number): number {
  return x >= CROSSOVER ? erfcFraction(x) : 1 - erf(x);
}

/** Phi(x) = (1 + erf(x / sqrt 2)) / 2: the probability that a standard normal number is below x. */
export function normalCdf(x: number): number {
  return 0.5 * erfc(-x * SQRT_HALF);
}

/** phi(x) = exp(-x^2 / 2) / sqrt(2 pi): the density of the standard normal distribution. */
export function normalDensity(x: number): number {
  return INV_SQRT_2PI * Math.exp(-0.5 * x * x);
}
