import { ShapeError } from "../../core/errors.js";
import { formatShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { permute, reshape } from "../array/layout.js";
import { matchShapes } from "../shared/match-shapes.js";
import { dividedSides, scaleOf, type ScaleOptions } from "../shared/scale.js";

/**
 * Pixel unshuffle moves each s x s tile of a channel into s^2 channels:
 *   y[n, p, q, (c s + i) s + j] = x[n, s p + i, s q + j, c] (channel order as in PyTorch: c first, then i, then j).
 * Backward: it only moves elements, so that is pixelShuffle.
 * Shapes: x [N, H, W, C], y [N, H / s, W / s, C s^2].
 * Source: Shi et al. (2016), Real-Time Single Image and Video Super-Resolution (sub-pixel convolution), equation 4.
 */
export const pixelUnshuffle = {
  /** [N, H, W, C] -> [N, H / s, W / s, C s^2]. Throws ShapeError where a side is not divisible. */
  forward(x: Tensor, options: ScaleOptions): Tensor {
    return unshuffle("pixelUnshuffle", "x", x, options);
  },

  /** [N, h, w, C s^2] -> [N, s h, s w, C]. Throws ShapeError. */
  backward(dy: Tensor, options: ScaleOptions): Tensor {
    return shuffle("pixelUnshuffle.backward", "dy", dy, options);
  },
};

/**
 * Pixel shuffle, the inverse of pixelUnshuffle: y[n, s p + i, s q + j, c] = x[n, p, q, (c s + i) s + j].
 * Backward: pixelUnshuffle.
 * Shapes: x [N, h, w, C s^2], y [N, s h, s w, C].
 * Source: Shi et al. (2016), equation 4.
 */
export const pixelShuffle = {
  /** [N, h, w, C s^2] -> [N, s h, s w, C]. Throws ShapeError where the channels are not divisible. */
  forward(x: Tensor, options: ScaleOptions): Tensor {
    return shuffle("pixelShuffle", "x", x, options);
  },

  /** [N, H, W, C] -> [N, H / s, W / s, C s^2]. Throws ShapeError. */
  backward(dy: Tensor, options: ScaleOptions): Tensor {
    return unshuffle("pixelShuffle.backward", "dy", dy, options);
  },
};

function unshuffle(op: string, name: string, x: Tensor, options: ScaleOptions): Tensor {
  const { n, h, w, c, scale: s } = dividedSides(op, name, x, options);
  return x.device.scope(() => {
    const tiles = reshape(x, [n, h, s, w, s, c]);                                                   // n, h, i, w, j, c
    return reshape(permute(tiles, [0, 1, 3, 5, 2, 4]), [n, h, w, c * s * s]);                       // n, h, w, c, i, j
  });
}

function shuffle(op: string, name: string, x: Tensor, options: ScaleOptions): Tensor {
  const s = scaleOf(op, options);
  const { N: n, H: h, W: w, C } = matchShapes(op, { [name]: [x, "N H W C"] });
  if (C % s ** 2 !== 0) {
    throw new ShapeError(`${op}: the channels of ${name} are not divisible by ${s ** 2}`, [
      `${name.padEnd(8)} ${formatShape(x.shape)}   expected [N, h, w, ${s ** 2} C]`,
    ]);
  }
  const c = C / s ** 2;
  return x.device.scope(() => {
    const tiles = reshape(x, [n, h, w, c, s, s]);                                                   // n, h, w, c, i, j
    return reshape(permute(tiles, [0, 1, 4, 2, 5, 3]), [n, h * s, w * s, c]);                       // n, h, i, w, j, c
  });
}
