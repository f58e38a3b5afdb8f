/** The numbers of the figure "score": what is known of where x_t came from when the data is a handful of points in the plane. */
import type { Amounts } from "@fromnoise/diffusion";

export type Point = readonly [x: number, y: number];

/** A plain one for the eye: five points, two of them close together. */
export const FIVE: readonly Point[] = [[-1.2, -0.6], [-0.9, 0.8], [0.35, 1.15], [1.2, 0.1], [0.95, -0.25]];

/**
 * ln q(x_t) up to a constant for equally likely points: ln of the sum of exp(-|x_t - alpha x_i|^2 / (2 sigma^2)), the largest exponent
 * taken out so that nothing underflows.
 */
export function logDensity(xt: Point, points: readonly Point[], { alpha, sigma }: Amounts): number {
  const exponents = points.map(([x, y]) => -((xt[0] - alpha * x) ** 2 + (xt[1] - alpha * y) ** 2) / (2 * sigma * sigma));
  const largest = Math.max(...exponents);
  return largest + Math.log(exponents.reduce((sum, e) => sum + Math.exp(e - largest), 0));
}

/** The gradient of ln q(x_t) by differences of a step that is small beside sigma. */
export function numericScore(xt: Point, points: readonly Point[], at: Amounts): Point {
  const step = 1e-5 * at.sigma;
  const slope = (dx: number, dy: number): number =>
    (logDensity([xt[0] + dx, xt[1] + dy], points, at) - logDensity([xt[0] - dx, xt[1] - dy], points, at)) / (2 * step);
  return [slope(step, 0), slope(0, step)];
}

/** The probability of each point given x_t, by Bayes' rule with equal priors: a softmax of the exponents above. */
export function posteriorOver(xt: Point, points: readonly Point[], at: Amounts): number[] {
  const whole = logDensity(xt, points, at);
  return points.map((point) => Math.exp(logDensity(xt, [point], at) - whole));
}

/** Middles of the cells of a grid of side x side over the square from -reach to reach, as [N, 2] numbers. */
export function grid(side: number, reach: number): Float64Array {
  return Float64Array.from({ length: 2 * side * side }, (_, k) => {
    const cell = k >> 1, at = k % 2 === 0 ? cell % side : Math.floor(cell / side);
    return reach * ((2 * at + 1) / side - 1);
  });
}
