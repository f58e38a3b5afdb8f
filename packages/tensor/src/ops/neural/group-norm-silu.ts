import { run } from "../../core/device.js";
import type { Tensor } from "../../core/tensor.js";
import { epsOf } from "../shared/eps.js";
import { groupNormAttrs, type GroupNormOptions } from "./group-norm.js";

/**
 * Group normalisation followed by SiLU, the pair that opens every convolution of the U-Net: y = silu(z), z = groupNorm(x).
 * Backward: the gradients of groupNorm at dz = dy silu'(z), silu'(z) = s (1 + z (1 - s)), s = sigmoid(z); z is recomputed.
 * Shapes: x [N, ..., C], gamma and beta [C], stats = groupNorm.stats(x) [N, G, 2].
 * One kernel where a device has it fused, else the composition of groupNorm and silu with the same result.
 * Source: Ho et al. (2020), Denoising Diffusion Probabilistic Models, appendix B (the residual blocks).
 */
export const groupNormSilu = {
  /** y = silu(groupNorm(x)), in the shape of x. Throws ShapeError. */
  forward(x: Tensor, stats: Tensor, gamma: Tensor, beta: Tensor, options: GroupNormOptions): Tensor {
    const attrs = groupNormAttrs("groupNormSilu", x, options, { stats: [stats, "N G 2"], gamma: [gamma, "C"], beta: [beta, "C"] });
    return run("groupNormSilu", { x, stats, gamma, beta }, attrs, {}, { y: x.shape }).y;
  },

  /** y and the statistics it was computed with, which backward needs: stats and forward in one kernel. Throws ShapeError. */
  forwardWithStats(
    x: Tensor, gamma: Tensor, beta: Tensor, options: GroupNormOptions & { eps: number },
  ): { y: Tensor; stats: Tensor } {
    const attrs = groupNormAttrs("groupNormSilu.forwardWithStats", x, options, { gamma: [gamma, "C"], beta: [beta, "C"] });
    const eps = epsOf("groupNormSilu.forwardWithStats", options);
    return run("groupNormSiluWithStats", { x, gamma, beta }, attrs, { eps }, { y: x.shape });
  },

  /** Gradients through SiLU, the normalisation and the statistics. Throws ShapeError. */
  backward(
    dy: Tensor, x: Tensor, stats: Tensor, gamma: Tensor, beta: Tensor, options: GroupNormOptions,
  ): { dx: Tensor; dgamma: Tensor; dbeta: Tensor } {
    const attrs = groupNormAttrs("groupNormSilu.backward", x, options, {
      dy: [dy, "N ... C"], stats: [stats, "N G 2"], gamma: [gamma, "C"], beta: [beta, "C"],
    });
    return run("groupNormSiluGrad", { dy, x, stats, gamma, beta }, attrs, {}, { dx: x.shape });
  },
};
