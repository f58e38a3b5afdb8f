/** Images seen by a feature network. */
import { sizeOf, tensor } from "@fromnoise/tensor";
import type { Dataset } from "../data/dataset.js";
import { blocksOf, datasetRows, type Watched } from "./dataset-rows.js";
import type { Features } from "./features/feature-file.js";
import { fitImages } from "./features/fit-images.js";
import type { Rows } from "./rows.js";

/** Of N images, in host memory. */
export interface SeenImages {
  /** [N, F] */
  readonly features: Rows & { readonly data: Float64Array };
  /** Of a network that knows classes: probabilities [N, classes], the softmax of its answers. */
  readonly classes?: Rows & { readonly data: Float64Array };
}

/** N images, by parts. */
export interface Images {
  readonly count: number;
  part(start: number, end: number): Rows;
}

export const imagesOfRows = (rows: Rows): Images => {
  const each = sizeOf(rows.shape.slice(1));
  return { count: rows.shape[0], part: (start, end) => ({ shape: [end - start, ...rows.shape.slice(1)], data: rows.data.subarray(start * each, end * each) }) };
};

export const imagesOfDataset = (dataset: Dataset, indices: Int32Array): Images => ({
  count: indices.length, part: (start, end) => datasetRows(dataset, indices.subarray(start, end)),
});

/**
 * Features, and classes where the network knows them, of images in [-1, 1], which `fitImages` brings to its size and colour. Each image's
 * are its own: they depend on no other image. Throws as `fitImages`, and the signal's reason.
 */
export async function readFeatures({ network }: Features, images: Images, what: string, watched: Watched = {}): Promise<SeenImages> {
  const { config: { features: width, heads } } = network;
  const classes = Object.hasOwn(heads, "class") ? heads["class"] : undefined;
  const seen = new Float64Array(images.count * width), probabilities = new Float64Array(images.count * (classes ?? 0));
  const { device, dtype } = network.parameters[0].tensor;
  for await (const { start, end } of blocksOf(images.count, what, watched)) {
    const { shape, data } = fitImages(images.part(start, end), network.config);
    const read = device.scope(() => {
      const { features, answers } = network.read(tensor(data, { device, dtype, shape }));
      return classes === undefined ? [features] : [features, network.answersByHead(answers)[Object.keys(heads).indexOf("class")]];
    });
    const [values, answers] = await Promise.all(read.map((t) => t.data())).finally(() => read.forEach((t) => t.dispose()));
    seen.set(values, start * width);
    if (classes !== undefined) probabilities.set(softmaxRows(answers, classes), start * classes);
  }
  const features = { shape: [images.count, width], data: seen };
  return classes === undefined ? { features } : { features, classes: { shape: [images.count, classes], data: probabilities } };
}

function softmaxRows(answers: ArrayLike<number>, classes: number): Float64Array {
  const out = Float64Array.from(answers);
  for (let at = 0; at < out.length; at += classes) {
    const row = out.subarray(at, at + classes);
    const largest = Math.max(...row);
    row.forEach((value, k) => (row[k] = Math.exp(value - largest)));
    const sum = row.reduce((a, b) => a + b);
    row.forEach((value, k) => (row[k] = value / sum));
  }
  return out;
}
