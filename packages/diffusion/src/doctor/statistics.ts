/** Means, spreads and other numbers of arrays and of images. */
import type { Images } from "./patient.js";

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/** Standard deviation about the mean, of N values over N. */
export function spreadOf(values: ArrayLike<number>): number {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(Array.from(values, (v) => (v - mean) ** 2)));
}

export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Mean and variance of every number of an image over images: [D] each. */
export interface PixelMoments { readonly mean: Float64Array; readonly variance: Float64Array }

export function pixelMoments({ count, size, data }: Images): PixelMoments {
  const mean = new Float64Array(size), variance = new Float64Array(size);
  data.forEach((v, i) => (mean[i % size] += v / count));
  data.forEach((v, i) => (variance[i % size] += (v - mean[i % size]) ** 2 / count));
  return { mean, variance };
}

/** Image n of some. */
export function imageAt({ size, data }: Images, n: number): Float64Array {
  return data.subarray(n * size, (n + 1) * size);
}

/** The value of a statistic for every image. */
export function perImage(images: Images, statistic: (image: Float64Array) => number): Float64Array {
  return Float64Array.from({ length: images.count }, (_, n) => statistic(imageAt(images, n)));
}

/**
 * The energy of an image [H, W, C] in its finest detail: the mean square of (a - b - c + d) / 2 over its squares of 2x2 pixels, the
 * diagonal coefficients of a Haar transform. Of white noise it is the variance; real images have little of it (Donoho, Johnstone 1994
 * estimate noise by it). Of samples that are no images it is the mean square.
 */
export function detailEnergy(image: Float64Array, shape: readonly number[]): number {
  const [h, w, c] = shape;
  if (shape.length !== 3 || h < 2 || w < 2) return meanOf(image.map((v) => v * v));
  const at = (y: number, x: number, k: number): number => image[(y * w + x) * c + k];
  let sum = 0, count = 0;
  for (let y = 0; y + 1 < h; y += 2) {
    for (let x = 0; x + 1 < w; x += 2) {
      for (let k = 0; k < c; k++, count++) sum += ((at(y, x, k) - at(y, x + 1, k) - at(y + 1, x, k) + at(y + 1, x + 1, k)) / 2) ** 2;
    }
  }
  return sum / count;
}
