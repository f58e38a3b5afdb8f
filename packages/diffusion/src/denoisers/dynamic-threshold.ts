import {
  abs, add, ConfigError, divide, lessEqual, max, maximum, mean, minimum, multiply, where, zerosLike, type Tensor,
} from "@fromnoise/tensor";

/** Halvings of the interval in which the quantile is looked for: 2^-30 of the largest value is below what f32 tells apart. */
const BISECTIONS = 30;

/**
 * Dynamic thresholding (Saharia et al. 2022, Imagen, section 2.3): every image's values are clipped to [-s, s] and divided by s,
 * s = min(max(1, the `quantile` of its |x0|), most). x0 [N, ...]. The quantile is found by bisection, the least b such that at least
 * that share of the values has |x0| <= b, from kernels alone: nothing is read. (torch.quantile goes on from there towards the next value.)
 * Throws ConfigError for a quantile outside 0 .. 1, and a bound `most` that is not above 0.
 */
export function dynamicThreshold(x0: Tensor, quantile: number, most = Infinity): Tensor {
  if (!(most > 0)) throw new ConfigError(`most: ${most} is not allowed`, ["allowed  numbers > 0"]);
  if (!(quantile > 0 && quantile <= 1)) {
    throw new ConfigError(`quantile: ${quantile} is not allowed`, ["allowed  numbers > 0 and <= 1"]);
  }
  return x0.device.scope(() => {
    const axes = x0.shape.map((_, axis) => axis).slice(1);
    const magnitudes = abs(x0);
    let high = max(magnitudes, { axes, keepDims: true });                                    // [N, 1, ..., 1], enough of them below
    let low = zerosLike(high);
    for (let i = 0; i < BISECTIONS; i++) {
      const middle = multiply(add(low, high), 0.5);
      const share = mean(lessEqual(magnitudes, middle), { axes, keepDims: true });
      const enough = lessEqual(quantile, share);
      high = where(enough, middle, high);
      low = where(enough, low, middle);
    }
    const s = most === Infinity ? maximum(high, 1) : minimum(maximum(high, 1), most);
    return divide(maximum(minimum(x0, s), multiply(s, -1)), s);
  });
}
