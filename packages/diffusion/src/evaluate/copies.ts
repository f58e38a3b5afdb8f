/** Which samples are copies of what was trained on. */
import { ConfigError } from "@fromnoise/tensor";
import type { Nearest } from "./nearest.js";

/**
 * A sample is a copy when it is nearer to a training image than COPY_RATIO times the distance from that image to its nearest other
 * training image. docs/evaluation.md has the figures by which it was chosen.
 */
export const COPY_RATIO = 0.5;

/** Of each sample the nearest training image, and which samples are copies of theirs. */
export interface Copies {
  /** Part of the samples that are copies, 0 .. 1. */
  readonly share: number;
  /** Of each sample d1 / d0: 0 an exact copy, about 1 what a further image of the same kind has. */
  readonly ratios: Float64Array;
  /** Of each sample its nearest training image. */
  readonly indices: Int32Array;
}

/**
 * Copies among samples: those with d1 < ratio d0, d1 the distance of the sample to its nearest training image t, `nearest`, and d0 the
 * distance of t to the nearest training image that is not the same, `spacing[i]` for sample i: the `distinct` search among the training
 * images. Exact duplicates among them thus do not make d0 = 0. With no other image d0 = Infinity, and everything finite is a copy of the
 * only one. Throws ConfigError for a ratio that is not in (0, 1], and where spacings are missing.
 */
export function copies({ distances, indices }: Nearest, spacing: ArrayLike<number>, ratio = COPY_RATIO): Copies {
  if (!(ratio > 0 && ratio <= 1)) throw new ConfigError(`copies: ratio is ${ratio}`, ["allowed  above 0, at most 1"]);
  if (distances.length === 0 || spacing.length !== distances.length) {
    throw new ConfigError("copies: there is not one spacing a sample", [`got      ${spacing.length} of ${distances.length}`]);
  }
  return copiesOf(distances.map((d1, i) => d1 / spacing[i]), indices, ratio);
}

/** Copies among samples by their d1 / d0: those with less than a ratio. */
export function copiesOf(ratios: Float64Array, indices: Int32Array, ratio = COPY_RATIO): Copies {
  return { share: ratios.filter((value) => value < ratio).length / ratios.length, ratios, indices };
}
