import { add, ConfigError, formatShape, multiply, randomNormal, type Random, type Tensor } from "@fromnoise/tensor";

/** Offset noise moves the brightness of whole images: throws ConfigError for samples, or a batch, that are no images [.., H, W, C]. */
export function checkOffsetNoise(amount: number, sample: readonly number[]): void {
  if (amount === 0 || sample.length === 3) return;
  throw new ConfigError(`offsetNoise: ${amount} is not allowed`, [`allowed  0 for samples ${formatShape(sample)}, which are no images [H, W, C]`]);
}

/**
 * eps' = eps + amount z with one z ~ N(0, 1) for each image and channel, eps and eps' [N, H, W, C]: a network that never saw the mean of an
 * image noised for itself cannot change it, and draws neither dark nor bright pictures (Guttenberg 2023; amount 0.1). The noise has the
 * variance 1 + amount^2 then, and the network predicts eps'. An amount of 0 draws nothing. Throws ConfigError for other shapes.
 */
export function offsetNoise(eps: Tensor, amount: number, random: Random): Tensor {
  if (amount === 0) return eps;
  const { shape: [batch, ...sample], device, dtype } = eps;
  checkOffsetNoise(amount, sample);
  return device.scope(() => add(eps, multiply(randomNormal([batch, 1, 1, sample[2]], random, { device, dtype }), amount)));
}
