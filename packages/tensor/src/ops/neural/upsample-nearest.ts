import { run } from "../../core/device.js";
import type { Tensor } from "../../core/tensor.js";
import { matchShapes } from "../shared/match-shapes.js";
import { dividedSides, scaleOf, type ScaleOptions } from "../shared/scale.js";

/**
 * Nearest-neighbour upsampling by an integer factor s: y[n, p, q, c] = x[n, floor(p / s), floor(q / s), c].
 * Backward: dx[n, p, q, c] = sum over i, j < s of dy[n, s p + i, s q + j, c]: every pixel was copied s^2 times.
 * Shapes: x [N, H, W, C], y [N, s H, s W, C].
 */
export const upsampleNearest = {
  /** Repeats every pixel scale x scale times. Throws ShapeError. */
  forward(x: Tensor, options: ScaleOptions): Tensor {
    const scale = scaleOf("upsampleNearest", options);
    const { N: n, H: h, W: w, C: c } = matchShapes("upsampleNearest", { x: [x, "N H W C"] });
    return run("upsampleNearest", { x }, { n, h, w, c, scale }, {}, { y: [n, h * scale, w * scale, c] }).y;
  },

  /** Sums dy over the copies. dy [N, s H, s W, C] -> [N, H, W, C]. Throws ShapeError. */
  backward(dy: Tensor, options: ScaleOptions): Tensor {
    const { n, h, w, c, scale } = dividedSides("upsampleNearest.backward", "dy", dy, options);
    return run("sumPool", { x: dy }, { n, h: h * scale, w: w * scale, c, scale }, {}, { y: [n, h, w, c] }).y;
  },
};
