/**
 * Adds one vector an image to every position: y[n, h, w, c] = x[n, h, w, c] + v[n, c] (how a time embedding enters a block).
 * Backward: dx = dy, dv[n, c] = sum over h, w of dy[n, h, w, c] = sumPerImage(dy).
 * Shapes: x [N, H, W, C], v [N, C].
 * Source: Ho et al. (2020), Denoising Diffusion Probabilistic Models, appendix B.
 */
import { run } from "../../core/device.js";
import type { Tensor } from "../../core/tensor.js";
import { add } from "../array/arithmetic.js";
import { reshape } from "../array/layout.js";
import { matchShapes } from "../shared/match-shapes.js";

/** y = x + v at every position of its image. x [N, H, W, C], v [N, C] -> [N, H, W, C]. Throws ShapeError. */
export function addPerImage(x: Tensor, v: Tensor): Tensor {
  const { N, C } = matchShapes("addPerImage", { x: [x, "N H W C"], v: [v, "N C"] });
  return x.device.scope(() => add(x, reshape(v, [N, 1, 1, C])));
}

/** The adjoint of addPerImage in v: sums over positions. dy [N, H, W, C] -> [N, C]. Throws ShapeError. */
export function sumPerImage(dy: Tensor): Tensor {
  const { N, H, W, C } = matchShapes("sumPerImage", { dy: [dy, "N H W C"] });
  return run("reduce", { x: dy }, { op: "sum", outer: N, axis: H * W, inner: C }, {}, { y: [N, C] }).y;
}
