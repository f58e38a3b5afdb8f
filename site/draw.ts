/** Drawing: samples in the worker, the loss in the page. */
import { chartBitmap, type Bitmap } from "@fromnoise/diffusion";

/**
 * For canvases of the worker: drawn by the CPU, in memory. What a browser's GPU process has yet to draw is lost, now and then, when the
 * worker ends right behind its last picture.
 */
const inMemory: CanvasRenderingContext2DSettings = { willReadFrequently: true };

/** The pixels of a bitmap. */
function imageData({ width, height, channels, data }: Bitmap): ImageData {
  const pixels = new ImageData(width, height);
  for (let p = 0; p < width * height; p++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * p + c] = data[channels * p + (channels === 1 ? 0 : c)];
    pixels.data[4 * p + 3] = 255;
  }
  return pixels;
}

/** The bitmap on a canvas of its size. */
export function drawBitmap(bitmap: Bitmap): OffscreenCanvas {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d", inMemory)!.putImageData(imageData(bitmap), 0, 0);
  return canvas;
}

/** The loss of every step so far, on a canvas of the page. */
export function drawLoss(canvas: HTMLCanvasElement, losses: readonly number[]): void {
  const x = losses.map((_, i) => i + 1);
  const { width, height } = canvas;
  const chart = chartBitmap([{ name: "loss", x, y: losses }], { width, height, logY: true });
  canvas.getContext("2d")!.putImageData(imageData(chart), 0, 0);
}

/** Points x, y in [-2.5, 2.5], x to the right and y up: given points in gray, sampled ones in blue. */
export function drawPoints(given: ArrayLike<number>, sampled: ArrayLike<number>): OffscreenCanvas {
  const side = 600, dot = 3;
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d", inMemory)!;
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, side, side);
  for (const [points, color] of [[given, "#ced4da"], [sampled, "#1f6feb"]] as const) {
    context.fillStyle = color;
    for (let i = 0; i < points.length; i += 2) {
      context.beginPath();
      context.arc((points[i] / 5 + 0.5) * side, (0.5 - points[i + 1] / 5) * side, dot, 0, 2 * Math.PI);
      context.fill();
    }
  }
  return canvas;
}
