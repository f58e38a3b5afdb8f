/** What every set of data looks like to the trainer. */
import { formatShape, ShapeError, sizeOf, type Shape } from "@fromnoise/tensor";
import type { Channels, ImageSize } from "../image/picture.js";

/**
 * Samples of one shape: images, points, or whatever else numbers stand for, in arrays of type V. They are made when asked for, each
 * time alike.
 */
export interface Dataset<V extends ArrayLike<number> = ArrayLike<number>> {
  readonly name: string;
  readonly count: number;
  /** Of one sample: [H, W, C] of an image, [2] of a point in the plane. */
  readonly shape: Shape;
  /**
   * The values of sample i, row by row; those of images are Float32Arrays in [-1, 1].
   * @throws RangeError unless i is one of 0 .. count - 1; ImageError on a bad file.
   */
  sample(i: number): V;
  /** The class of sample i, 0 .. classes - 1; absent where samples have no classes. */
  label?(i: number): number;
  readonly classes?: number;
  /** One line for people: how many samples, of what shape, from where. */
  describe(): string;
}

/** The size and channels that a network wants of images; what is left out follows the data. */
export interface ImageFormat {
  readonly size?: ImageSize;
  readonly channels?: Channels;
}

/** @throws RangeError unless i is an index of the dataset. */
export function checkIndex(name: string, i: number, count: number): void {
  if (Number.isInteger(i) && i >= 0 && i < count) return;
  throw new RangeError(`${name}: no sample ${i}, there are ${count} (0 .. ${count - 1})`);
}

/** @throws ShapeError when sample i has another number of values than its shape. */
export function checkSample(name: string, shape: Shape, i: number, { length }: ArrayLike<number>): void {
  if (length === sizeOf(shape)) return;
  throw new ShapeError(`${name}: sample ${i} has another length than its shape`, [
    `got        ${length} values`, `expected   ${sizeOf(shape)}, of shape ${formatShape(shape)}`,
  ]);
}

/** Arrays one after the other in a new one: Float32Array where all of them are, else Float64Array, so that no bit is lost. */
export function sideBySide(arrays: readonly ArrayLike<number>[]): Float32Array | Float64Array {
  const length = arrays.reduce((sum, array) => sum + array.length, 0);
  const out = new (arrays.every((array) => array instanceof Float32Array) ? Float32Array : Float64Array)(length);
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}

/** "10,000 images, 28x28 gray", width before height as with pictures; "1 sample, shape [2]" of what is no image. */
export function describeSamples(count: number, shape: Shape): string {
  const [height, width, channels] = shape;
  const some = (what: string): string => `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;
  if (shape.length !== 3 || (channels !== 1 && channels !== 3)) return `${some("sample")}, shape ${formatShape(shape)}`;
  return `${some("image")}, ${width}x${height} ${channels === 1 ? "gray" : "RGB"}`;
}
