/** Digits side by side on a canvas, a pixel of a digit for a pixel of the canvas, which the page enlarges. */
import { make } from "./elements.js";
import { PIXELS, SIDE } from "./digits.js";

/** A tile and the gap around it. */
const CELL = SIDE + 2;

export interface Tiles {
  readonly canvas: HTMLCanvasElement;
  /** Shows levels 0 .. 255, [tile * PIXELS + pixel], and says what is seen to those who do not see it. */
  draw(levels: Uint8Array, label: string): void;
  /** Tiles in a row. */
  columns: number;
}

/** A canvas for so many tiles. */
export function tiles(count: number, columns: number): Tiles {
  const canvas = make("canvas", { role: "img", style: "width: 100%; image-rendering: pixelated; display: block" });
  const context = canvas.getContext("2d")!;
  const self: Tiles = {
    canvas, columns,
    draw(levels, label) {
      const width = self.columns * CELL, height = Math.ceil(count / self.columns) * CELL;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const image = new ImageData(width, height);
      for (let n = 0; n < count; n++) {
        const left = (n % self.columns) * CELL + 1, top = Math.floor(n / self.columns) * CELL + 1;
        for (let p = 0; p < PIXELS; p++) {
          const at = 4 * ((top + Math.floor(p / SIDE)) * width + left + p % SIDE), level = levels[n * PIXELS + p];
          image.data.set([level, level, level, 255], at);
        }
      }
      context.putImageData(image, 0, 0);
      if (canvas.getAttribute("aria-label") !== label) canvas.setAttribute("aria-label", label);
    },
  };
  return self;
}
