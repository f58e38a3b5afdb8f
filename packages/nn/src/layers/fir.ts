/**
 * Resampling by the filter (1, 3, 3, 1) / 8 along both axes, with zeros around the image (Karras et al. 2020, StyleGAN2, appendix B;
 * Song et al. 2021). With D the matrix that halves one axis,
 *   (D x)_p = (x_(2p-1) + 3 x_2p + 3 x_(2p+1) + x_(2p+2)) / 8,
 * an image is halved as D x D'. Doubling puts zeros between the pixels and filters with four times the weight: that is 4 D' x D, so that
 * each of the two is the other's backward but for the factor.
 */
import { conv2d, multiply, permute, reshape, tensor, type Tensor } from "@fromnoise/tensor";
import type { Resample } from "./resample.js";

const taps = [1, 3, 3, 1].map((tap) => tap / 8);
const options = { stride: 2, padding: 1 } as const;

/** The filter as the weight of a convolution of one channel, [4, 4, 1, 1]. */
function filterLike({ device, dtype }: Tensor): Tensor {
  return tensor(Float64Array.from(taps.flatMap((a) => taps.map((b) => a * b))), { device, dtype, shape: [4, 4, 1, 1] });
}

/** Every channel becomes an image of its own: [N, H, W, C] -> [N C, H, W, 1]. */
function planes(x: Tensor): Tensor {
  const [n, h, w, c] = x.shape;
  return reshape(permute(x, [0, 3, 1, 2]), [n * c, h, w, 1]);
}

/** And back: [N C, H, W, 1] -> [N, H, W, C]. */
function channelsOf(x: Tensor, c: number): Tensor {
  const [nc, h, w] = x.shape;
  return permute(reshape(x, [nc / c, c, h, w]), [0, 2, 3, 1]);
}

/** D x D': [N, H, W, C] -> [N, H/2, W/2, C], H and W even. */
function reduce(x: Tensor): Tensor {
  return x.device.scope(() => channelsOf(conv2d.forward(planes(x), filterLike(x), undefined, options), x.shape[3]));
}

/** D' y D: [N, H, W, C] -> [N, 2H, 2W, C]. */
function expand(y: Tensor): Tensor {
  const [n, h, w, c] = y.shape;
  return y.device.scope(() => channelsOf(conv2d.gradInput(planes(y), filterLike(y), [n * c, 2 * h, 2 * w, 1], options), c));
}

/** D x D': [N, H, W, C] -> [N, H/2, W/2, C], H and W even. */
export const firHalve: Resample = { forward: reduce, backward: expand };

/** 4 D' x D: [N, H, W, C] -> [N, 2H, 2W, C]. */
export const firDouble: Resample = {
  forward: (x) => x.device.scope(() => multiply(expand(x), 4)),
  backward: (dy) => dy.device.scope(() => multiply(reduce(dy), 4)),
};
