/** What charts and captions are drawn on: pixels (canvas.ts) or SVG (svg.ts), with the same calls and coordinates. */

/** x and y in pixels from the top left corner, x0, y0, x1, y1, ... */
export type Points = readonly number[];
export type Anchor = "start" | "middle" | "end";

/** Colours are "#rrggbb"; opacity is that of the whole stroke, so strokes do not darken where they cross themselves. */
export interface Surface {
  rect(x: number, y: number, width: number, height: number, color: string): void;
  line(points: Points, width: number, color: string): void;
  dots(points: Points, diameter: number, color: string, opacity: number): void;
  /** The width of a line of text in pixels; an estimate where the viewer picks the font. */
  textWidth(text: string): number;
  /** One line of text; y is its baseline. */
  text(text: string, x: number, y: number, anchor: Anchor, color: string): void;
}
