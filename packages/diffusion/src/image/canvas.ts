/** Drawing into a bitmap: rectangles, images, smooth lines and dots, text. Pure TypeScript. */
import { forEachTextPixel, textWidth } from "./font.js";
import type { Bitmap, Channels } from "./picture.js";
import type { Anchor, Points, Surface } from "./surface.js";

/** A bitmap of one gray value at first. Everything outside its bounds is cut off. */
export class Canvas implements Surface {
  private readonly data: Uint8Array;

  constructor(readonly width: number, readonly height: number, readonly channels: Channels, background = 255) {
    this.data = new Uint8Array(width * height * channels).fill(background);
  }

  /** What has been drawn so far (not a copy). */
  bitmap(): Bitmap {
    return { width: this.width, height: this.height, channels: this.channels, data: this.data };
  }

  rect(x: number, y: number, width: number, height: number, color: string): void {
    const rgb = this.color(color);
    const left = Math.max(0, Math.round(x)), right = Math.min(this.width, Math.round(x + width));
    const top = Math.max(0, Math.round(y)), bottom = Math.min(this.height, Math.round(y + height));
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) this.blend(row * this.width + column, rgb, 1);
    }
  }

  /** Bytes [H, W, C] (C as the canvas) with each pixel drawn as scale x scale equal pixels, corner at (x, y). */
  image(bytes: Uint8Array, width: number, x: number, y: number, scale: number): void {
    const { channels } = this;
    const height = bytes.length / (width * channels);
    for (let row = 0; row < height * scale; row++) {
      const source = Math.floor(row / scale) * width;
      const target = (y + row) * this.width + x;
      for (let column = 0; column < width * scale; column++) {
        const from = (source + Math.floor(column / scale)) * channels;
        for (let c = 0; c < channels; c++) this.data[(target + column) * channels + c] = bytes[from + c];
      }
    }
  }

  /** A polyline with round ends and joints. */
  line(points: Points, width: number, color: string): void {
    const mask = new Coverage(this.width, this.height);
    for (let i = 0; i + 3 < points.length; i += 2) {
      mask.segment(points[i], points[i + 1], points[i + 2], points[i + 3], width / 2);
    }
    this.paint(mask, color, 1);
  }

  dots(points: Points, diameter: number, color: string, opacity: number): void {
    const mask = new Coverage(this.width, this.height);
    for (let i = 0; i + 1 < points.length; i += 2) {
      mask.segment(points[i], points[i + 1], points[i], points[i + 1], diameter / 2);
    }
    this.paint(mask, color, opacity);
  }

  textWidth(text: string): number {
    return textWidth(text);
  }

  text(text: string, x: number, y: number, anchor: Anchor, color: string): void {
    const shift = anchor === "start" ? 0 : anchor === "middle" ? textWidth(text) / 2 : textWidth(text);
    const left = Math.round(x - shift), baseline = Math.round(y);
    forEachTextPixel(text, (dx, dy, size) => this.rect(left + dx, baseline + dy, size, size, color));
  }

  private paint(mask: Coverage, color: string, opacity: number): void {
    const rgb = this.color(color);
    mask.share.forEach((share, pixel) => {
      if (share > 0) this.blend(pixel, rgb, share * opacity);
    });
  }

  /** new = old + opacity (colour - old). */
  private blend(pixel: number, rgb: readonly number[], opacity: number): void {
    for (let c = 0; c < this.channels; c++) {
      const at = pixel * this.channels + c;
      this.data[at] = Math.round(this.data[at] + opacity * (rgb[c] - this.data[at]));
    }
  }

  /** "#rrggbb" as bytes; its luma on a gray canvas. */
  private color(hex: string): number[] {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) as [number, number, number];
    return this.channels === 3 ? [r, g, b] : [Math.round(0.299 * r + 0.587 * g + 0.114 * b)];
  }
}

/** The share of each pixel that a stroke covers; where parts of a stroke overlap the larger share counts. */
class Coverage {
  readonly share: Float32Array;

  constructor(private readonly width: number, private readonly height: number) {
    this.share = new Float32Array(width * height);
  }

  /** All within `radius` of the segment a-b: share = clip(radius + 1/2 - distance of the pixel's centre, 0, 1). */
  segment(ax: number, ay: number, bx: number, by: number, radius: number): void {
    const dx = bx - ax, dy = by - ay, length2 = dx * dx + dy * dy;
    const left = Math.max(0, Math.floor(Math.min(ax, bx) - radius - 1));
    const right = Math.min(this.width - 1, Math.ceil(Math.max(ax, bx) + radius + 1));
    const top = Math.max(0, Math.floor(Math.min(ay, by) - radius - 1));
    const bottom = Math.min(this.height - 1, Math.ceil(Math.max(ay, by) + radius + 1));
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const px = x + 0.5 - ax, py = y + 0.5 - ay;
        const along = length2 === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length2));
        const distance = Math.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2);
        const share = Math.min(1, radius + 0.5 - distance);
        const at = y * this.width + x;
        if (share > this.share[at]) this.share[at] = share;
      }
    }
  }
}
