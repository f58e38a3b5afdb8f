import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import type { GroupNormAttrs } from "../../kernels/contract.js";
import { formatShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { epsOf } from "../shared/eps.js";
import { groupNormAttrs, type GroupNormOptions } from "./group-norm.js";

/**
 * Adaptive group normalisation followed by SiLU: each image scales and shifts its channels by numbers of its own, which say what time it
 * is. t = [scale, shift] [N, 2C]:
 *   y = silu(z), z = groupNorm(x) (1 + scale) + shift, groupNorm(x) = gamma xhat + beta.
 * Backward, with dz = dy silu'(z): the gradients of groupNorm at dz (1 + scale), and of each image
 *   dscale = sum of dz groupNorm(x), dshift = sum of dz, over the positions; z and xhat are recomputed.
 * Shapes: x [N, ..., C], gamma and beta [C], t [N, 2C], stats [N, G, 2].
 * One kernel where a device has it fused, else the composition with the same result.
 * Source: Nichol and Dhariwal (2021), Improved Denoising Diffusion Probabilistic Models, appendix A (scale and shift); Dhariwal and Nichol
 * (2021), Diffusion Models Beat GANs on Image Synthesis, section 3.1 ("AdaGN").
 */
export const adaGroupNormSilu = {
  /** y in the shape of x, and the statistics of x, which backward needs. Throws ShapeError. */
  forwardWithStats(
    x: Tensor, gamma: Tensor, beta: Tensor, t: Tensor, options: GroupNormOptions & { eps: number },
  ): { y: Tensor; stats: Tensor } {
    const op = "adaGroupNormSilu.forwardWithStats";
    const attrs = groupNormAttrs(op, x, options, { gamma: [gamma, "C"], beta: [beta, "C"], t: [t, "N 2C"] });
    checkTime(op, t, attrs);
    return run("adaGroupNormSilu", { x, gamma, beta, t }, attrs, { eps: epsOf(op, options) }, { y: x.shape });
  },

  /** Gradients through SiLU, scale and shift, the normalisation and the statistics. Throws ShapeError. */
  backward(
    dy: Tensor, x: Tensor, stats: Tensor, gamma: Tensor, beta: Tensor, t: Tensor, options: GroupNormOptions,
  ): { dx: Tensor; dgamma: Tensor; dbeta: Tensor; dt: Tensor } {
    const op = "adaGroupNormSilu.backward";
    const attrs = groupNormAttrs(op, x, options, {
      dy: [dy, "N ... C"], stats: [stats, "N G 2"], gamma: [gamma, "C"], beta: [beta, "C"], t: [t, "N 2C"],
    });
    checkTime(op, t, attrs);
    return run("adaGroupNormSiluGrad", { dy, x, stats, gamma, beta, t }, attrs, {}, { dx: x.shape, dt: t.shape });
  },
};

/** Throws ShapeError unless t has a scale and a shift for every channel. */
function checkTime(op: string, t: Tensor, { n, c }: GroupNormAttrs): void {
  if (t.shape[1] === 2 * c) return;
  throw new ShapeError(`${op}: t has ${t.shape[1]} numbers an image where 2 C = ${2 * c} are needed`, [
    `t        ${formatShape(t.shape)}   expected ${formatShape([n, 2 * c])}`,
  ]);
}
