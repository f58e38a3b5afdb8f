/**
 * Adds one vector an image to every position: y[n, h, w, c] = x[n, h, w, c] + v[n, c] (how a time embedding enters a block).
 * Backward: dx = dy, dv[n, c] = sum over h, w of dy[n, h, w, c] = sumPerImage(dy).
 * Shapes: x [N, H, W, C], v [N, C].
 * Source: Ho et al. (2020), Denoising Diffusion Probabilistic Models, appendix B.
 */
import { run } from "../../core/device.js";
import type { Tensor } from "../../core/tensor.js";
import { matchShapes } from "../shared/match-shapes.js";

/** y = x + v at every position of its image. x [N, H, W, C], v [N, C] -> [N, H, W, C]. Throws ShapeError. */
export function addPerImage(x: Tensor, v: Tensor): Tensor {
  const { N, H, W, C } = matchShapes("addPerImage", { x: [x, "N H W C"], v: [v, "N C"] });
  const size = [N, H * W, C] as const;
  return run("binary", { a: x, b: v }, { op: "add", size, a: size, b: [N, 1, C] }, {}, x.shape);
}

/** The adjoint of addPerImage in v: sums over positions. dy [N, H, W, C] -> [N, C]. Throws ShapeError. */
export function sumPerImage(dy: Tensor): Tensor {
  const { N, H, W, C } = matchShapes("sumPerImage", { dy: [dy, "N H W C"] });
  return run("reduce", { x: dy }, { op: "sum", outer: N, axis: H * W, inner: C }, {}, [N, C]);
}
