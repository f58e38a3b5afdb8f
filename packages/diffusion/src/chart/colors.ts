/** The colours of charts, each on light paper and on dark. */
import { element } from "./svg.js";

/** What a part of a chart is drawn in: on light paper, which is written into the part, and on dark, which a style sheet says. */
type Pair = readonly [light: string, dark: string];

/** What is not a series: the paper, names, numbers along the axes, lines of the grid. */
const PARTS = {
  paper: ["#ffffff", "#1b1b1f"], ink: ["#343a40", "#dee2e6"], soft: ["#5f6770", "#a0a8b0"], rule: ["#e9ecef", "#34373c"],
} as const satisfies Readonly<Record<string, Pair>>;

/** Series by number: they differ in lightness too, so that neighbours stay apart for colour-blind readers and in print. */
const SERIES: readonly Pair[] = [
  ["#1f6feb", "#6ea8fe"], ["#d9480f", "#ff922b"], ["#2b8a3e", "#69db7c"], ["#862e9c", "#da77f2"], ["#b08500", "#ffe066"], ["#495057", "#ced4da"],
  ["#0b7285", "#3bc9db"], ["#c2255c", "#faa2c1"], ["#5c940d", "#c0eb75"], ["#364fc7", "#91a7ff"], ["#a61e4d", "#e64980"], ["#087f5b", "#38d9a9"],
];

/** Colours before they come again, with hollow marks and dashed lines. */
export const COLOR_COUNT = SERIES.length;

/** The fill of a part that is no series. */
export function fillOf(part: keyof typeof PARTS): { class: string; fill: string } {
  return { class: part, fill: PARTS[part][0] };
}

/** What makes `currentColor` within a group that of a series, by its number; "ink" is that of names. */
export function colorOf(series: number | "ink"): { class: string; color: string } {
  if (series === "ink") return { class: "inked", color: PARTS.ink[0] };
  const index = series % COLOR_COUNT;
  return { class: `series-${index}`, color: SERIES[index][0] };
}

/** A whole document: its paper, and the colours on dark paper where the reader prefers it. */
export function documentOf(width: number, height: number, label: string, body: readonly string[]): string {
  const text = body.join("\n");
  const rules = [
    ...Object.entries(PARTS).map(([part, [, dark]]) => [part, `fill:${dark}`]),
    ["inked", `color:${PARTS.ink[1]}`], ...SERIES.map(([, dark], i) => [`series-${i}`, `color:${dark}`]),
  ].filter(([name]) => name === "paper" || text.includes(`class="${name}"`)).map(([name, rule]) => `.chart .${name}{${rule}}`);
  return `${element("svg", {
    xmlns: "http://www.w3.org/2000/svg", class: "chart", role: "img", "aria-label": label, viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`,
    width: Math.ceil(width), height: Math.ceil(height), "font-family": "system-ui, sans-serif", "font-size": "14",
  }, `\n<style>@media (prefers-color-scheme: dark){${rules.join("")}}</style>\n`,
  element("rect", { width: "100%", height: "100%", ...fillOf("paper") }), "\n", text, "\n")}\n`;
}
