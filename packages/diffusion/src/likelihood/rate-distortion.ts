import type { Bound } from "./variational-bound.js";

/** What has been told of a sample when x_t is known, and how far off the guess from it is. */
export interface RatePoint {
  readonly t: number;
  /** Bits per dimension. */
  readonly rate: number;
  /** Root mean squared error on the scale of pixels, 0 .. 255. */
  readonly distortion: number;
}

/**
 * Progressive lossy coding (Ho et al. 2020, section 4.3, figure 5), from nothing to all: to say x_t takes the prior term and the
 * terms of all steps above t; its distortion is that of the guess of x0 at t. The term of t = 0 makes the guess exact, and is no
 * point. Terms between computed ones are interpolated, as the bound has them.
 */
export function rateDistortion({ prior, steps }: Pick<Bound, "prior" | "steps">): RatePoint[] {
  const points: RatePoint[] = [];
  let above = prior;
  for (let k = steps.length - 1; k >= 0; k--) {
    const { t, bits, weight, rmse } = steps[k];
    const between = k === 0 || k + 1 === steps.length ? 0 : (steps[k + 1].t - t - 1) / 2 * bits;
    points.push({ t, rate: above + between, distortion: rmse });
    above += weight * bits;
  }
  return points;
}
