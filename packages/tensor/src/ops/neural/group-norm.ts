import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import type { GroupNormAttrs } from "../../kernels/contract.js";
import { givenOptions } from "../../core/expect-options.js";
import { formatShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { epsOf } from "../shared/eps.js";
import { matchShapes, type Pattern } from "../shared/match-shapes.js";

/** Number of groups, which divides the channels. */
export interface GroupNormOptions { groups: number }

/**
 * Group normalisation. With mean m and reciprocal standard deviation r over the positions and channels of each image's group:
 *   xhat = (x - m) r, y = gamma xhat + beta.
 * Backward, with h = gamma dy and means over the group:
 *   dx = r (h - mean(h) - xhat mean(h xhat)), dgamma = sum of dy xhat, dbeta = sum of dy, sums over images and positions.
 * Shapes: x [N, ..., C], gamma and beta [C], stats [N, G, 2] = (m, r); group g holds the C / G channels from g C / G on.
 * Source: Wu and He (2018), Group Normalization, equations 1, 2, 6 and 7.
 */
export const groupNorm = {
  /** (mean, 1 / sqrt(variance + eps)) of each group of each image, the population variance. x [N, ..., C] -> [N, G, 2]. */
  stats(x: Tensor, options: GroupNormOptions & { eps: number }): Tensor {
    const attrs = groupNormAttrs("groupNorm.stats", x, options, {});
    const eps = epsOf("groupNorm.stats", options);
    return run("groupNormStats", { x }, attrs, { eps }).stats;
  },

  /** y = gamma (x - m) r + beta, in the shape of x. Throws ShapeError. */
  forward(x: Tensor, stats: Tensor, gamma: Tensor, beta: Tensor, options: GroupNormOptions): Tensor {
    const attrs = groupNormAttrs("groupNorm", x, options, { stats: [stats, "N G 2"], gamma: [gamma, "C"], beta: [beta, "C"] });
    return run("groupNorm", { x, stats, gamma, beta }, attrs, {}, { y: x.shape }).y;
  },

  /** y and the statistics it was computed with, which backward needs: stats and forward in one kernel. Throws ShapeError. */
  forwardWithStats(
    x: Tensor, gamma: Tensor, beta: Tensor, options: GroupNormOptions & { eps: number },
  ): { y: Tensor; stats: Tensor } {
    const attrs = groupNormAttrs("groupNorm.forwardWithStats", x, options, { gamma: [gamma, "C"], beta: [beta, "C"] });
    const eps = epsOf("groupNorm.forwardWithStats", options);
    return run("groupNormWithStats", { x, gamma, beta }, attrs, { eps }, { y: x.shape });
  },

  /** Gradients through the normalisation and the statistics. Throws ShapeError. */
  backward(
    dy: Tensor, x: Tensor, stats: Tensor, gamma: Tensor, options: GroupNormOptions,
  ): { dx: Tensor; dgamma: Tensor; dbeta: Tensor } {
    const attrs = groupNormAttrs("groupNorm.backward", x, options, {
      dy: [dy, "N ... C"], stats: [stats, "N G 2"], gamma: [gamma, "C"],
    });
    return run("groupNormGrad", { dy, x, stats, gamma }, attrs, {}, { dx: x.shape });
  },
};

/** The tensors that stand beside x. */
type OtherPatterns = {
  readonly dy?: Pattern<"N ... C">;
  readonly stats?: Pattern<"N G 2">;
  readonly gamma?: Pattern<"C">;
  readonly beta?: Pattern<"C">;
  readonly t?: Pattern<"N 2C">;
};

/** Checks x and the tensors beside it, and folds the positions of x into one axis. Throws ShapeError, ConfigError for no groups. */
export function groupNormAttrs(op: string, x: Tensor, options: GroupNormOptions, others: OtherPatterns): GroupNormAttrs {
  const { groups } = givenOptions(op, options, { groups: 8 });
  const { N: n, C: c, G = groups, "...": hw } = matchShapes(op, { x: [x, "N ... C"], ...others });
  if (!Number.isInteger(groups) || groups < 1 || c % groups !== 0) {
    throw new ShapeError(`${op}: ${groups} groups do not divide ${c} channels`, [
      `x        ${formatShape(x.shape)}   expected [N, ..., C]`,
    ]);
  }
  if (G !== groups) {
    throw new ShapeError(`${op}: stats has ${G} groups where the op has ${groups}`, [
      `stats    ${formatShape([n, G, 2])}   expected ${formatShape([n, groups, 2])}`,
    ]);
  }
  return { n, hw, c, groups };
}
