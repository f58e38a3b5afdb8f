/** Charts as SVG text. */
import type { Peaks } from "./rows.js";

/** Colours that differ in lightness too, so that they stay apart for colour-blind readers and in print. */
export const COLORS = [
  "#1f6feb", "#d9480f", "#2b8a3e", "#862e9c", "#c99700", "#495057",
  "#0b7285", "#c2255c", "#5c940d", "#364fc7", "#a61e4d", "#087f5b",
  "#74c0fc", "#ffa94d", "#8ce99a", "#da77f2", "#ffe066", "#adb5bd",
  "#3bc9db", "#faa2c1", "#c0eb75", "#91a7ff", "#e599f7", "#63e6be",
];
const INK = "#343a40", SOFT = "#868e96", RULE = "#e9ecef";

type Points = readonly (readonly [x: number, y: number])[];
type Anchor = "start" | "middle" | "end";

export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

const fixed = (value: number): string => value.toFixed(1);

function element(name: string, attributes: Readonly<Record<string, number | string>>, content = ""): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${typeof value === "number" ? fixed(value) : value}"`);
  return `<${name}${written.join("")}>${content}</${name}>`;
}

const write = (text: string, x: number, y: number, anchor: Anchor = "start", color = INK): string =>
  element("text", { x, y, "text-anchor": anchor, fill: color }, escapeHtml(text));
const box = (x: number, y: number, width: number, height: number, color: string): string =>
  element("rect", { x, y, width, height, fill: color });
const dot = ([x, y]: readonly [number, number], r: number, color: string): string =>
  element("circle", { cx: x, cy: y, r, fill: color, "fill-opacity": "0.8" });
const path = (points: Points, color: string, dashes = "none"): string =>
  element("polyline", {
    points: points.map(([x, y]) => `${fixed(x)},${fixed(y)}`).join(" "), fill: "none",
    stroke: color, "stroke-width": "2", "stroke-dasharray": dashes,
  });

function svg(width: number, height: number, body: readonly string[]): string {
  const attributes = { viewBox: `0 0 ${width} ${height}`, width, height, "font-family": "sans-serif", "font-size": "13" };
  return element("svg", attributes, body.join(""));
}

/** Pixels that the longest of some labels may take in this font. */
const roomFor = (labels: readonly string[]): number => 7.5 * Math.max(0, ...labels.map((label) => label.length));

export interface Bar { label: string; value: number; text: string; color: string }

/** Bars longer than this many times the shortest are cut, so that plain loops do not hide what differs between the fast ones. */
const CUT = 12;

/** Horizontal bars from zero, with the value written at their end; cut ones end in a gap. */
export function barChart(bars: readonly Bar[]): string {
  const [bar, right, step] = [400, 190, 24], left = 16 + roomFor(bars.map(({ label }) => label)), width = left + bar + right;
  const values = bars.map((bar) => bar.value);
  const most = Math.min(Math.max(...values), CUT * Math.min(...values));
  return svg(width, bars.length * step + 8, bars.flatMap(({ label, value, text, color }, i) => {
    const y = 4 + i * step, length = Math.max(1, (Math.min(value, most) / most) * bar);
    const gap = value > most ? [box(left + length - 14, y, 5, step - 2, "#ffffff")] : [];
    return [
      write(label, left - 8, y + 15, "end"), box(left, y + 2, length, step - 6, color), ...gap,
      write(text, left + length + 6, y + 15, "start", SOFT),
    ];
  }));
}

const HEIGHT = 360;
const FRAME = { left: 70, right: 580, top: 20, bottom: HEIGHT - 50 };

/** Where a value lies between the powers of ten around all values, from 0 to 1, and those powers as marks. */
function logAxis(values: readonly number[]): { place: (value: number) => number; marks: number[] } {
  const from = Math.floor(Math.log10(Math.min(...values)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    place: (value) => (Math.log10(value) - from) / (to - from),
    marks: Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i)),
  };
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  return value >= 1e3 ? `${value / 1e3}k` : String(Number(value.toPrecision(3)));
}

/** A frame with two logarithmic axes for the points, and where a point lies in it. */
function logLogPlot(points: Points, xName: string, yName: string) {
  const { left, right, top, bottom } = FRAME;
  const xAxis = logAxis(points.map(([x]) => x)), yAxis = logAxis(points.map(([, y]) => y));
  const at = ([x, y]: readonly [number, number]): [number, number] =>
    [left + xAxis.place(x) * (right - left), bottom - yAxis.place(y) * (bottom - top)];
  const [x0, y0] = [xAxis.marks[0], yAxis.marks[0]];
  const horizontal = yAxis.marks.flatMap((mark) => {
    const y = at([x0, mark])[1];
    return [box(left, y, right - left, 1, RULE), write(short(mark), left - 8, y + 4, "end", SOFT)];
  });
  const vertical = xAxis.marks.flatMap((mark) => {
    const x = at([mark, y0])[0];
    return [box(x, top, 1, bottom - top, RULE), write(short(mark), x, bottom + 18, "middle", SOFT)];
  });
  const names = [write(xName, (left + right) / 2, HEIGHT - 10, "middle"), write(yName, left, 13)];
  return { at, frame: [...horizontal, ...vertical, ...names] };
}

/** What is drawn in the frame, and at its right the names, for which the picture is as wide and high as they need. */
function withLegend(drawn: readonly string[], entries: readonly { label: string; color: string }[]): string {
  const x = FRAME.right + 12;
  const names = entries.flatMap(({ label, color }, i) => [box(x, 20 + 19 * i, 12, 12, color), write(label, x + 18, 31 + 19 * i)]);
  const width = x + 26 + roomFor(entries.map(({ label }) => label));
  return svg(width, Math.max(HEIGHT, 30 + 19 * entries.length), [...drawn, ...names]);
}

export interface Curve { label: string; color: string; points: Points }

/** Curves through points, both axes logarithmic; names at the right. */
export function lineChart(curves: readonly Curve[], xName: string, yName: string): string {
  const { at, frame } = logLogPlot(curves.flatMap((curve) => curve.points), xName, yName);
  const drawn = curves.flatMap(({ color, points }) => {
    const placed = points.map(at);
    return [path(placed, color), ...placed.map((point) => dot(point, 3, color))];
  });
  return withLegend([...frame, ...drawn], curves);
}

export interface RooflinePoint { label: string; color: string; flopsPerByte: number; gflops: number }

/**
 * Roofline: GFLOP/s a kernel reaches against the operations it does for each byte it must move, under what one thread could do:
 * min(peak, operations a byte x speed of memory), with the speed of the cache drawn solid and that of memory dashed.
 */
export function roofline(peaks: Peaks, dots: readonly RooflinePoint[]): string {
  const peak = Math.max(peaks.muladd_gflops, peaks.fused_gflops ?? 0);
  const points = dots.map(({ flopsPerByte, gflops }) => [flopsPerByte, gflops] as const);
  const from = 0.5 * Math.min(0.1, ...points.map(([x]) => x)), to = 2 * Math.max(100, ...points.map(([x]) => x));
  const roof = (gbps: number): Points => [[from, from * gbps], [peak / gbps, peak], [to, peak]];
  const roofs = [roof(peaks.cache_gbps), roof(peaks.memory_gbps)];
  const { at, frame } = logLogPlot([...points, ...roofs.flat()], "operations a byte", "GFLOP/s");
  const names = [...new Map(dots.map((entry) => [entry.label, entry])).values()];
  const [x, y] = at([from, peak]);
  return withLegend([
    ...frame, path(roofs[0].map(at), INK), path(roofs[1].map(at), INK, "6 4"),
    write(`128-bit peak ${peak.toFixed(0)}`, x, y + 5),
    ...dots.map(({ color }, i) => dot(at(points[i]), 5, color)),
  ], names);
}
