/** Group normalisation (Wu and He 2018). */
import { define } from "./definition.js";
import type { Shape } from "../core/shape.js";

/** x [n, hw, c], its c channels in `groups` groups of c / groups neighbours. */
export interface GroupNormAttrs { readonly n: number; readonly hw: number; readonly c: number; readonly groups: number }

export const normX = ({ n, hw, c }: GroupNormAttrs): Shape => [n, hw, c];
/** (mean, reciprocal standard deviation) of each group of each image. */
export const normStats = ({ n, groups }: GroupNormAttrs): Shape => [n, groups, 2];
/** scale and shift of each image. */
export const normTimes = ({ n, c }: GroupNormAttrs): Shape => [n, 2, c];
export const channels = ({ c }: GroupNormAttrs): Shape => [c];

export const groupNorms = {
  groupNormStats: define<GroupNormAttrs>()({
    equation: "stats[n, g] = (mean, 1 / sqrt(variance + eps)) over the hw positions and c / groups channels of group g",
    inputs: { x: normX }, scalars: ["eps"], outputs: { stats: normStats },
  }),
  groupNorm: define<GroupNormAttrs>()({
    equation: "y = gamma xhat + beta, xhat = (x - mean) rstd",
    inputs: { x: normX, stats: normStats, gamma: channels, beta: channels }, scalars: [], outputs: { y: normX },
  }),
  groupNormGrad: define<GroupNormAttrs>()({
    equation: "dx = rstd (h - mean(h) - xhat mean(h xhat)), h = gamma dy, means over the group; dgamma = sum of dy xhat, dbeta = sum of dy, over n and hw",
    inputs: { dy: normX, x: normX, stats: normStats, gamma: channels }, scalars: [],
    outputs: { dx: normX, dgamma: channels, dbeta: channels },
  }),
} as const;
