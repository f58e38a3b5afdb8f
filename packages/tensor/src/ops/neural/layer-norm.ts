import { run } from "../../core/device.js";
import type { GroupNormAttrs } from "../../kernels/contract.js";
import type { Tensor } from "../../core/tensor.js";
import { epsOf } from "../shared/eps.js";
import { matchShapes } from "../shared/match-shapes.js";

const rowsAsImages = (n: number, c: number): GroupNormAttrs => ({ n, hw: 1, c, groups: 1 });

/**
 * Layer normalisation: with mean m and reciprocal standard deviation r of each row (the last axis), xhat = (x - m) r,
 *   y = gamma xhat + beta.
 * Backward, with h = gamma dy and means over the row:
 *   dx = r (h - mean(h) - xhat mean(h xhat)), dgamma = sum over rows of dy xhat, dbeta = sum over rows of dy.
 * Shapes: x [..., C], gamma and beta [C], stats [..., 2] = (m, r). It is group normalisation, every row an image of one group.
 * Source: Ba, Kiros and Hinton (2016), Layer Normalization, equations 3 and 4.
 */
export const layerNorm = {
  /** (mean, 1 / sqrt(variance + eps)) of each row, the population variance. x [..., C] -> [..., 2]. */
  stats(x: Tensor, options: { eps: number }): Tensor {
    const { C, "...": n } = matchShapes("layerNorm.stats", { x: [x, "... C"] });
    const eps = epsOf("layerNorm.stats", options);
    return run("groupNormStats", { x }, rowsAsImages(n, C), { eps }, { stats: [...x.shape.slice(0, -1), 2] }).stats;
  },

  /** y = gamma (x - m) r + beta, in the shape of x. Throws ShapeError. */
  forward(x: Tensor, stats: Tensor, gamma: Tensor, beta: Tensor): Tensor {
    const { C, "...": n } = matchShapes("layerNorm", {
      x: [x, "... C"], stats: [stats, "... 2"], gamma: [gamma, "C"], beta: [beta, "C"],
    });
    return run("groupNorm", { x, stats, gamma, beta }, rowsAsImages(n, C), {}, { y: x.shape }).y;
  },

  /** Gradients through the normalisation and the statistics. Throws ShapeError. */
  backward(dy: Tensor, x: Tensor, stats: Tensor, gamma: Tensor): { dx: Tensor; dgamma: Tensor; dbeta: Tensor } {
    const { C, "...": n } = matchShapes("layerNorm.backward", {
      x: [x, "... C"], dy: [dy, "... C"], stats: [stats, "... 2"], gamma: [gamma, "C"],
    });
    return run("groupNormGrad", { dy, x, stats, gamma }, rowsAsImages(n, C), {}, { dx: x.shape });
  },
};
