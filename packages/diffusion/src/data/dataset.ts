/** What every set of images looks like to the trainer. */
import type { Channels } from "../image/picture.js";

/** A set of images, all of one size. Images are made when asked for; asking twice gives equal values. */
export interface ImageDataset {
  readonly name: string;
  readonly count: number;
  /** Height and width in pixels. */
  readonly size: number;
  readonly channels: Channels;
  /** Image i as [size, size, channels] in [-1, 1]. @throws RangeError unless 0 <= i < count; ImageError on a bad file. */
  image(i: number): Float32Array;
  /** The class of image i, 0 .. classes - 1; absent where images have no classes. */
  label?(i: number): number;
  readonly classes?: number;
  /** One line for people: how many images, of what size, from where. */
  describe(): string;
}

/** The size and channels that a network wants; what is left out follows the data. */
export interface ImageFormat {
  readonly size?: number;
  readonly channels?: Channels;
}

/** @throws RangeError unless i is an index of the dataset. */
export function checkIndex(name: string, i: number, count: number): void {
  if (Number.isInteger(i) && i >= 0 && i < count) return;
  throw new RangeError(`${name}: no image ${i}, there are ${count} (0 .. ${count - 1})`);
}

/** "10,000 images, 28x28 gray". */
export function describeImages(count: number, size: number, channels: Channels): string {
  return `${count.toLocaleString("en-US")} image${count === 1 ? "" : "s"}, ${size}x${size} ${channels === 1 ? "gray" : "RGB"}`;
}
