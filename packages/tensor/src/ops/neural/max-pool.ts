import type { Tensor } from "../../core/tensor.js";
import { multiply } from "../array/arithmetic.js";
import { equal } from "../array/compare.js";
import { arange } from "../array/create.js";
import { expandDims, permute, reshape } from "../array/layout.js";
import { argmax, max } from "../array/reduce.js";
import { matchShapes } from "../shared/match-shapes.js";
import { dividedSides, type ScaleOptions } from "../shared/scale.js";

/**
 * Maximum pooling over s x s tiles: y[n, p, q, c] = max over i, j < s of x[n, s p + i, s q + j, c].
 * Backward: dx is dy at the first place of its tile, row by row, at which the maximum stands, and 0 elsewhere.
 * Shapes: x [N, H, W, C] with sides divisible by s, y [N, H / s, W / s, C].
 * Source: Ranzato et al. (2007), Unsupervised Learning of Invariant Feature Hierarchies, section 2.
 */
export const maxPool = {
  /** The largest element of each tile; NaN where there is one. Throws ShapeError where a side is not divisible. */
  forward(x: Tensor, options: ScaleOptions): Tensor {
    const { scale } = dividedSides("maxPool", "x", x, options);
    return x.device.scope(() => max(tiles(x, scale), { axes: -1 }));
  },

  /** dy [N, H / s, W / s, C] at the maxima of x [N, H, W, C]. Throws ShapeError. */
  backward(dy: Tensor, x: Tensor, options: ScaleOptions): Tensor {
    const { n, h, w, c, scale } = dividedSides("maxPool.backward", "x", x, options);
    matchShapes("maxPool.backward", { x: [x, "N H W C"], dy: [dy, "N OH OW C"] });
    return x.device.scope(() => {
      const places = argmax(tiles(x, scale), { axis: -1, keepDims: true });                             // [N, OH, OW, C, 1]
      const isMaximum = equal(places, arange(0, scale * scale, 1, x));                                  // [N, OH, OW, C, s s]
      const spread = multiply(isMaximum, expandDims(reshape(dy, [n, h, w, c]), -1));
      const apart = permute(reshape(spread, [n, h, w, c, scale, scale]), [0, 1, 4, 2, 5, 3]);           // [N, OH, s, OW, s, C]
      return reshape(apart, x.shape);
    });
  },
};

/** Every tile as the last axis, row by row. [N, s OH, s OW, C] -> [N, OH, OW, C, s s]. */
function tiles(x: Tensor, s: number): Tensor {
  const [n, h, w, c] = x.shape;
  const apart = reshape(x, [n, h / s, s, w / s, s, c]);
  return reshape(permute(apart, [0, 1, 3, 5, 2, 4]), [n, h / s, w / s, c, s * s]);
}
