/** Images as plain typed arrays, channels-last: data[(y * width + x) * channels + c]. No Node, no tensors. */
import { ImageError } from "@fromnoise/tensor";

/** 1 = gray, 3 = red, green, blue. */
export type Channels = 1 | 3;

/** Sides in pixels: of a square, or height and width. */
export type ImageSize = number | readonly [height: number, width: number];

/** Height and width of a size. */
export function sidesOf(size: ImageSize): readonly [height: number, width: number] {
  return typeof size === "number" ? [size, size] : size;
}

/** An image read from a file: floats in [0, 1]. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: Channels;
  readonly data: Float32Array;
}

/** An image about to be written: bytes 0..255. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly channels: Channels;
  readonly data: Uint8Array;
}

/** Images as the networks see them: values in [-1, 1], shape [N, H, W, C] with C = 1 or 3. */
export interface ImageBatch {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * The picture with the wanted channels: gray -> RGB repeats the value; RGB -> gray is the luma of Rec. ITU-R BT.601,
 * Y = 0.299 R + 0.587 G + 0.114 B. The same object when nothing is to be done.
 */
export function toChannels(picture: Picture, channels: Channels): Picture {
  if (picture.channels === channels) return picture;
  const { width, height, data } = picture;
  const out = new Float32Array(width * height * channels);
  for (let p = 0; p < width * height; p++) {
    if (channels === 3) out.fill(data[p], 3 * p, 3 * p + 3);
    else out[p] = 0.299 * data[3 * p] + 0.587 * data[3 * p + 1] + 0.114 * data[3 * p + 2];
  }
  return { width, height, channels, data: out };
}

/** [0, 1] -> [-1, 1]: 2 v - 1, the range that the networks see. A new array. */
export function toSigned(data: Float32Array): Float32Array {
  return data.map((v) => 2 * v - 1);
}

/**
 * [-1, 1] -> bytes: round((x + 1) * 127.5), clipped to 0..255; halves round up.
 * The inverse of reading an 8-bit file: every byte comes back as it was.
 * @throws ImageError when a value is NaN: such an image has no colour to show.
 */
export function toBytes(data: ArrayLike<number>): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const x = data[i];
    if (Number.isNaN(x)) throw new ImageError("an image to be written holds NaN", [`first at index ${i} of ${data.length}`]);
    out[i] = Math.min(255, Math.max(0, Math.round((x + 1) * 127.5)));
  }
  return out;
}

/**
 * The sizes of a batch of images. @throws ImageError when the shape is not [N, H, W, 1] or [N, H, W, 3] with N, H, W > 0
 * or the data has another length.
 */
export function batchSizes(images: ImageBatch): { n: number; height: number; width: number; channels: Channels } {
  const [n = 0, height = 0, width = 0, channels = 0] = images.shape;
  const length = n * height * width * channels;
  if (images.shape.length !== 4 || length === 0 || (channels !== 1 && channels !== 3) || length !== images.data.length) {
    throw new ImageError("images to be drawn have a wrong shape", [
      "expected   [N, H, W, 1] or [N, H, W, 3], none of them 0",
      `found      [${images.shape.join(", ")}] with ${images.data.length} values`,
    ]);
  }
  return { n, height, width, channels };
}
