/** Which samples come when: a shuffled order without end that is a pure function of a seed and a position. */
import { ConfigError, formatShape, permutation, Random, sizeOf } from "@fromnoise/tensor";
import { flipHorizontal } from "../image/resize.js";
import { checkSample, sideBySide, type Dataset } from "./dataset.js";

/** Streams of the seed used here: 2^50 + epoch for the order, 2^51 for the flips. Other users of the seed stay below 2^50. */
const ORDER_STREAM = 2 ** 50;
const FLIP_STREAM = 2 ** 51;

/** What an order of samples is a function of. */
export interface BatchOrderOptions {
  /** Samples in the dataset. */
  readonly count: number;
  /** Samples in a batch; may exceed count. */
  readonly batch: number;
  readonly seed: number;
}

/**
 * The samples in the order of training. Position p, the number of samples already handed out, lies in epoch floor(p / count);
 * each epoch is the permutation of 0 .. count - 1 given by (seed, epoch). Nothing is dropped: the last samples of an epoch
 * share a batch with the first of the next. Storing the position and seeking it continues exactly.
 */
export class BatchOrder {
  private readonly count: number;
  private readonly batch: number;
  private readonly seed: number;
  private at = 0;
  private epoch = -1;
  private order: Int32Array = new Int32Array(0);

  /** @throws ConfigError when count or batch is not a whole number of at least 1; RangeError on a broken seed. */
  constructor({ count, batch, seed }: BatchOrderOptions) {
    for (const [name, value] of Object.entries({ count, batch })) {
      if (Number.isInteger(value) && value >= 1) continue;
      throw new ConfigError(`${name} is out of range`, [`got        ${value}`, "allowed    a whole number of at least 1"]);
    }
    this.count = count;
    this.batch = batch;
    this.seed = seed;
  }

  /** Samples handed out so far. */
  get position(): number {
    return this.at;
  }

  /** Continues as if `position` samples had been handed out. @throws ConfigError when it is not a whole number >= 0. */
  seek(position: number): void {
    if (!Number.isSafeInteger(position) || position < 0) {
      const allowed = "allowed    a whole number of at least 0";
      throw new ConfigError("data position is out of range", [`got        ${position}`, allowed]);
    }
    this.at = position;
  }

  /** The dataset's indices of the next batch; moves the position on by the batch's size. */
  next(): Int32Array {
    return Int32Array.from({ length: this.batch }, () => this.indexAt(this.at++));
  }

  /**
   * Whether the images of the batch that starts at `position` are mirrored: 1 or 0, each with probability 1/2, drawn anew
   * in every epoch and a function of (seed, position) alone. Ask before `next()`, which moves the position.
   */
  flips(position = this.at): Uint8Array {
    const random = new Random(this.seed, FLIP_STREAM);
    return Uint8Array.from({ length: this.batch }, (_, i) => {
      random.counter = position + i;
      return random.uniform(1)[0] < 0.5 ? 1 : 0;
    });
  }

  private indexAt(position: number): number {
    const epoch = Math.floor(position / this.count);
    if (epoch !== this.epoch) {
      this.order = permutation(this.count, { seed: this.seed, stream: ORDER_STREAM + epoch });
      this.epoch = epoch;
    }
    return this.order[position % this.count];
  }
}

/**
 * The samples at `indices` side by side: [N, ...shape], as Float32Array where all of them are, else as Float64Array, which holds any
 * number. With `flips`, sample k is mirrored where flips[k] is 1.
 * @throws RangeError on an index that the dataset does not have; ImageError on a bad file; ShapeError for a sample of another length
 * than the dataset's shape says; ConfigError for flips of what is no image, [H, W, C].
 */
export function loadBatch(
  dataset: Dataset, indices: ArrayLike<number>, flips?: ArrayLike<number>,
): Float32Array | Float64Array {
  const { name, shape } = dataset;
  if (flips !== undefined && shape.length !== 3) {
    throw new ConfigError(`flip: samples of ${name} have no mirror images`, [
      `shape      ${formatShape(shape)}`, "allowed    [H, W, C]: images alone are mirrored",
    ]);
  }
  const samples = Array.from(indices, (i) => {
    const values = dataset.sample(i);
    checkSample(name, shape, i, values);
    return values;
  });
  const out = sideBySide(samples);
  const length = sizeOf(shape);
  samples.forEach((_, k) => {
    if (!flips?.[k]) return;
    const image = out.subarray(k * length, (k + 1) * length);
    image.set(flipHorizontal(image, shape[1], shape[2]));
  });
  return out;
}
