/** Drawing on the page's canvases. */
import { chartBitmap, type Bitmap } from "@fromnoise/diffusion";

/** The bitmap, pixel for pixel; the canvas takes its size. */
export function drawBitmap(canvas: HTMLCanvasElement, { width, height, channels, data }: Bitmap): void {
  const pixels = new ImageData(width, height);
  for (let p = 0; p < width * height; p++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * p + c] = data[channels * p + (channels === 1 ? 0 : c)];
    pixels.data[4 * p + 3] = 255;
  }
  Object.assign(canvas, { width, height });
  canvas.getContext("2d")!.putImageData(pixels, 0, 0);
}

/** The loss of every step so far. */
export function drawLoss(canvas: HTMLCanvasElement, losses: readonly number[]): void {
  const x = losses.map((_, i) => i + 1);
  drawBitmap(canvas, chartBitmap([{ name: "loss", x, y: losses }], { width: 480, height: 300, logY: true }));
}

/** Points x, y in [-1.5, 1.5], x to the right and y up: given points in gray, sampled ones in blue. */
export function drawPoints(canvas: HTMLCanvasElement, given: ArrayLike<number>, sampled: ArrayLike<number>): void {
  const side = 300;
  Object.assign(canvas, { width: side, height: side });
  const context = canvas.getContext("2d")!;
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, side, side);
  for (const [points, color] of [[given, "#ced4da"], [sampled, "#1f6feb"]] as const) {
    context.fillStyle = color;
    for (let i = 0; i < points.length; i += 2) {
      context.fillRect((points[i] / 3 + 0.5) * side - 1, (0.5 - points[i + 1] / 3) * side - 1, 2, 2);
    }
  }
}
