import { run } from "../../core/device.js";
import type { Tensor } from "../../core/tensor.js";
import { multiply } from "../array/arithmetic.js";
import { matchShapes } from "../shared/match-shapes.js";
import { dividedSides, scaleOf, type ScaleOptions } from "../shared/scale.js";
import { upsampleNearest } from "./upsample-nearest.js";

/**
 * Average pooling over s x s tiles: y[n, p, q, c] = s^-2 sum over i, j < s of x[n, s p + i, s q + j, c].
 * Backward: dx[n, p, q, c] = s^-2 dy[n, floor(p / s), floor(q / s), c].
 * Shapes: x [N, H, W, C] with sides divisible by s, y [N, H / s, W / s, C].
 */
export const averagePool = {
  /** The mean of each tile. Throws ShapeError where a side is not divisible. */
  forward(x: Tensor, options: ScaleOptions): Tensor {
    const { n, h, w, c, scale } = dividedSides("averagePool", "x", x, options);
    return x.device.scope(() => {
      const sums = run("sumPool", { x }, { n, h: h * scale, w: w * scale, c, scale }, {}, { y: [n, h, w, c] }).y;
      return multiply(sums, scale ** -2);
    });
  },

  /** Spreads dy evenly over the tiles. dy [N, H / s, W / s, C] -> [N, H, W, C]. Throws ShapeError. */
  backward(dy: Tensor, options: ScaleOptions): Tensor {
    const scale = scaleOf("averagePool.backward", options);
    matchShapes("averagePool.backward", { dy: [dy, "N H W C"] });
    return dy.device.scope(() => upsampleNearest.forward(multiply(dy, scale ** -2), { scale }));
  },
};
