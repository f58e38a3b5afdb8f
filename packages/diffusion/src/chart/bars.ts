/** Horizontal bars as SVG. */
import { scaleLinear } from "d3-scale";
import { colorOf, documentOf, fillOf } from "./colors.js";
import { element, escapeXml, textWidth } from "./svg.js";

/** A bar from zero: its name before it, its text after it. */
export interface Bar {
  readonly label: string;
  /** Not negative. */
  readonly value: number;
  readonly text: string;
  /** The number of its colour. */
  readonly color: number;
}

/** Bars longer than this many times the shortest are cut, so that one slow bar does not hide what differs between the others. */
const CUT = 12;
const LENGTH = 400, STEP = 26, THICK = 18;

/** Bars in their order, those that are cut with a gap near their end. */
export function barsSvg(bars: readonly Bar[], { title }: { readonly title: string }): string {
  const left = 20 + Math.max(0, ...bars.map(({ label }) => textWidth(label))), right = 20 + Math.max(0, ...bars.map(({ text }) => textWidth(text)));
  const values = bars.map(({ value }) => value);
  const most = Math.min(Math.max(...values), CUT * Math.min(...values));
  const length = scaleLinear().domain([0, most || 1]).range([1, LENGTH]).clamp(true);
  return documentOf(left + LENGTH + right, bars.length * STEP + 8, title, bars.flatMap(({ label, value, text, color }, i) => {
    const y = 4 + i * STEP, end = left + length(value), baseline = y + 18;
    return [
      element("text", { x: left - 8, y: baseline, "text-anchor": "end", ...fillOf("ink") }, escapeXml(label)),
      element("g", colorOf(color), element("rect", { x: left, y: y + 4, width: end - left, height: THICK, fill: "currentColor" })),
      ...(value > most ? [element("rect", { x: end - 14, y, width: 5, height: STEP, ...fillOf("paper") })] : []),
      element("text", { x: end + 8, y: baseline, ...fillOf("soft") }, escapeXml(text)),
    ];
  }));
}
