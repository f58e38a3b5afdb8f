/** Changes of one image [H, W, C] in [-1, 1], given as its values row by row. Each gives a new array. */
import type { Shape } from "@fromnoise/tensor";
import type { Channels } from "../../image/picture.js";
import { areaAverage } from "../../image/resize.js";
import { enlarged } from "./fit-images.js";

/** out[y, x] = in[y - dy, x - dx], whole pixels; what comes in at an edge repeats the edge's pixels, which no border gives away. */
export function shifted(image: ArrayLike<number>, [height, width, channels]: Shape, dx: number, dy: number): Float32Array {
  const out = new Float32Array(height * width * channels);
  for (let y = 0, at = 0; y < height; y++) {
    const row = clamped(y - dy, height) * width;
    for (let x = 0; x < width; x++) {
      const from = (row + clamped(x - dx, width)) * channels;
      for (let c = 0; c < channels; c++) out[at++] = image[from + c];
    }
  }
  return out;
}

function clamped(value: number, side: number): number {
  return Math.min(side - 1, Math.max(0, value));
}

/**
 * Colours turned by `angle` about the axis of grays, clipped to [-1, 1]: out = R in, R the rotation of RGB space about (1, 1, 1) / sqrt 3
 * (Rodrigues): R = cos I + (1 - cos) / 3 J + sin / sqrt 3 [[0, -1, 1], [1, 0, -1], [-1, 1, 0]], J all ones. Grays stay, R + G + B stays
 * where nothing is clipped; a third of a turn moves R to G, G to B and B to R.
 */
export function hueRotated(image: ArrayLike<number>, angle: number): Float32Array {
  const cos = Math.cos(angle), gray = (1 - cos) / 3, turn = Math.sin(angle) / Math.sqrt(3);
  const out = new Float32Array(image.length);
  for (let at = 0; at < image.length; at += 3) {
    const [r, g, b] = [image[at], image[at + 1], image[at + 2]];
    const mean = gray * (r + g + b);
    out[at] = clip(cos * r + mean + turn * (b - g));
    out[at + 1] = clip(cos * g + mean + turn * (r - b));
    out[at + 2] = clip(cos * b + mean + turn * (g - r));
  }
  return out;
}

function clip(value: number): number {
  return Math.min(1, Math.max(-1, value));
}

/** A square image as if it had come at `side` pixels: averaged to that, and drawn larger again. */
export function softened(image: Float32Array, [size, , channels]: Shape, side: number): Float32Array {
  const picture = { width: size, height: size, channels: channels as Channels, data: image };
  return enlarged(areaAverage(picture, side, side), size).data;
}
