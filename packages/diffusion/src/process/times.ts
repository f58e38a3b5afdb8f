/** How training draws the times of a continuous process, n of them between its cleanest time `low` and its noisiest `high`. */
import { elementary } from "@fromnoise/tensor";
import type { Random } from "@fromnoise/tensor";

/** n times within a range, drawn from `random`. */
export type Times = (n: number, random: Random, range: readonly [low: number, high: number]) => ArrayLike<number>;

/** Each on its own, all times alike. */
export const uniformTimes: Times = (n, random, [low, high]) => random.uniform(n).map((f) => low + f * (high - low));

/**
 * All times alike, but spread over the batch: u_i = (r + i / n) mod 1 with one draw r, so that each n-th of the range has exactly one
 * and the loss of a batch varies less (Kingma et al. 2021, the low-discrepancy sampler).
 */
export const lowDiscrepancyTimes: Times = (n, random, [low, high]) => {
  const [r] = random.uniform(1);
  return Float64Array.from({ length: n }, (_, i) => low + ((r + i / n) % 1) * (high - low));
};

/** 1 / (1 + e^-z) of the range, z ~ N(0, 1): the middle, where guesses are hardest, is drawn more often (Esser et al. 2024, section 3.1). */
export const logitNormalTimes: Times = (n, random, [low, high]) => random.normal(n).map((z) => low + (high - low) / (1 + elementary.exp(-z)));
