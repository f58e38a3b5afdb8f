/** Rows = samples, columns = times: the denoising strip (frames x_t) and the x0-prediction strip (frames x0 predicted at t). */
import { ImageError } from "@fromnoise/tensor";
import { TEXT_HEIGHT, textWidth } from "./font.js";
import { layoutGrid, type GridOptions } from "./grid.js";
import { batchSizes, type Bitmap, type ImageBatch } from "./picture.js";

/** How moments of samples are laid out, a sample a row. */
export interface StripOptions extends Omit<GridOptions, "columns"> {
  /** A caption above each column, for example "t=500"; left out where it is wider than its column. */
  readonly labels?: readonly string[];
}

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
  const { labels, ...gridOptions } = options;
  const images = { shape: [n * frames.length, height, width, channels], data };
  const top = labels ? TEXT_HEIGHT + 6 : 0;
  const { canvas, left, cell } = layoutGrid(images, { ...gridOptions, columns: frames.length }, top);
  const ink = (options.background ?? 1) > 0 ? "#303030" : "#e0e0e0";
  labels?.slice(0, frames.length).forEach((label, t) => {
    if (textWidth(label) <= cell) canvas.text(label, left(t) + cell / 2, top - 2, "middle", ink);
  });
  return canvas.bitmap();
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
