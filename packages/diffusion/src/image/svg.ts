/** Drawing as SVG text. */
import type { Anchor, Points, Surface } from "./surface.js";

/** Collects SVG elements; toString() is the document. Coordinates are rounded to 1/10 pixel. */
export class Svg implements Surface {
  private readonly elements: string[] = [];

  constructor(readonly width: number, readonly height: number) {}

  rect(x: number, y: number, width: number, height: number, color: string): void {
    const [left, top, wide, high] = [x, y, width, height].map(short);
    this.elements.push(`<rect x="${left}" y="${top}" width="${wide}" height="${high}" fill="${color}"/>`);
  }

  line(points: Points, width: number, color: string): void {
    this.elements.push(`<polyline points="${points.map(short).join(" ")}" fill="none" stroke="${color}" ` +
      `stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"/>`);
  }

  /** One path of strokes without length, whose round ends are the dots: a few bytes each. */
  dots(points: Points, diameter: number, color: string, opacity: number): void {
    let path = "";
    for (let i = 0; i + 1 < points.length; i += 2) path += `M${short(points[i])} ${short(points[i + 1])}h0`;
    this.elements.push(`<path d="${path}" fill="none" stroke="${color}" stroke-width="${diameter}" ` +
      `stroke-linecap="round" stroke-opacity="${opacity}"/>`);
  }

  textWidth(text: string): number {
    return text.length * 8.5;  // the mean advance of sans-serif fonts is about half the font size
  }

  text(text: string, x: number, y: number, anchor: Anchor, color: string): void {
    this.elements.push(`<text x="${short(x)}" y="${short(y)}" text-anchor="${anchor}" fill="${color}">${escape(text)}</text>`);
  }

  toString(): string {
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${this.height}" ` +
      `viewBox="0 0 ${this.width} ${this.height}" font-family="sans-serif" font-size="17">\n` +
      `${this.elements.join("\n")}\n</svg>\n`;
  }
}

function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
