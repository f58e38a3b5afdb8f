/** Where a sampler's noise comes from. */
import { Random, sizeOf, tensor, type Device, type DType, type Shape, type Tensor } from "@fromnoise/tensor";

/** Standard normal values [N, ...] for draw number `draw` of a run: 0 is the start, the steps take the next ones in turn. */
export type NoiseSource = (draw: number, shape: Shape, options: { readonly device: Device; readonly dtype: DType }) => Tensor;

/** Image i draws from stream IMAGE_STREAM + i of the seed: far above the streams of training, below those of the data's order. */
const IMAGE_STREAM = 2 ** 40;

/**
 * Noise that depends on the seed, the number of the image and the number of the draw alone: not on the batch that an image is in, so
 * that batches of any size, and shares of a job, give the same images. `first` is the number of the batch's first image.
 */
export function seededNoise(seed: number, first = 0): NoiseSource {
  const streams: Random[] = [];
  return (draw, shape, options) => {
    const [batch, ...sample] = shape;
    const size = sizeOf(sample);
    const values = new Float64Array(batch * size);
    for (let i = 0; i < batch; i++) {
      const random = streams[i] ??= new Random(seed, IMAGE_STREAM + first + i);
      random.counter = draw * Math.ceil(size / 2);                             // a block of the stream makes two normals
      values.set(random.normal(size), i * size);
    }
    return tensor(values, { ...options, shape });
  };
}
