/** Rows = samples, columns = times: the denoising strip (frames x_t) and the x0-prediction strip (frames x0 predicted at t). */
import { ImageError } from "@fromnoise/tensor";
import { grid, type GridOptions } from "./grid.js";
import { batchSizes, type Bitmap, type ImageBatch } from "./picture.js";

/** How moments of samples are laid out, a sample a row. */
export type StripOptions = Omit<GridOptions, "columns">;

/**
 * Frames of the same N samples at T times, each [N, H, W, C] in [-1, 1], as one picture: sample n at time t stands in row n,
 * column t, laid out as `grid` does.
 * @throws ImageError when there is no frame or the frames' shapes differ.
 */
export function strip(frames: readonly ImageBatch[], options: StripOptions = {}): Bitmap {
  const first = frames[0];
  if (!first) throw new ImageError("strip: no frames", ["expected   at least one batch of images"]);
  const { n, height, width, channels } = batchSizes(first);
  const size = height * width * channels;
  const data = new Float64Array(n * frames.length * size);
  frames.forEach((frame, t) => {
    if (frame.shape.join() !== first.shape.join() || frame.data.length !== n * size) {
      throw new ImageError("strip: frames differ in shape", [
        `frame 0    [${first.shape.join(", ")}]`, `frame ${t}    [${frame.shape.join(", ")}]`,
      ]);
    }
    for (let row = 0; row < n; row++) {
      for (let i = 0; i < size; i++) data[(row * frames.length + t) * size + i] = frame.data[row * size + i];
    }
  });
  return grid({ shape: [n * frames.length, height, width, channels], data }, { ...options, columns: frames.length });
}

/**
 * Which of `steps` sampling steps (0 = first) a strip of `columns` shows: evenly spaced, the first and the last included,
 * rounded, each once.
 */
export function stripSteps(steps: number, columns: number): number[] {
  if (columns === 1 || steps <= 1) return steps > 0 ? [steps - 1] : [];
  const picks = Array.from({ length: columns }, (_, k) => Math.round((k * (steps - 1)) / (columns - 1)));
  return [...new Set(picks)];
}
