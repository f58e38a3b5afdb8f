/** Charts as SVG text. */
import type { Peaks } from "./rows.js";

/** Colours that differ in lightness too, so that they stay apart for colour-blind readers and in print. */
export const COLORS = ["#1f6feb", "#d9480f", "#2b8a3e", "#862e9c", "#c99700", "#495057", "#0b7285", "#c2255c", "#5c940d", "#364fc7", "#a61e4d", "#087f5b"];
const INK = "#343a40", SOFT = "#868e96", RULE = "#e9ecef";

export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

const fixed = (value: number): string => value.toFixed(1);
const write = (text: string, x: number, y: number, anchor: "start" | "middle" | "end" = "start", color = INK): string =>
  `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}" fill="${color}">${escapeHtml(text)}</text>`;
const line = (x1: number, y1: number, x2: number, y2: number, color: string, width = 1): string =>
  `<line x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}" stroke="${color}" stroke-width="${width}"/>`;
const svg = (width: number, height: number, body: readonly string[]): string =>
  `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="13" role="img">${body.join("")}</svg>`;

export interface Bar { label: string; value: number; text: string; color: string }

/** Horizontal bars from zero, with the value written at their end. */
export function barChart(bars: readonly Bar[]): string {
  const [width, left, right, step] = [760, 170, 170, 24];
  const most = Math.max(...bars.map((bar) => bar.value));
  return svg(width, bars.length * step + 8, bars.flatMap(({ label, value, text, color }, i) => {
    const y = 4 + i * step, length = Math.max(1, (value / most) * (width - left - right));
    return [
      write(label, left - 8, y + 15, "end"),
      `<rect x="${left}" y="${y + 2}" width="${fixed(length)}" height="${step - 6}" fill="${color}"/>`,
      write(text, left + length + 6, y + 15, "start", SOFT),
    ];
  }));
}

/** A value of a logarithmic axis at a place between 0 and 1, and its marks: powers of ten. */
function logAxis(low: number, high: number): { place: (value: number) => number; marks: number[] } {
  const [from, to] = [Math.floor(Math.log10(low) - 1e-9), Math.ceil(Math.log10(high) + 1e-9)];
  return {
    place: (value) => (Math.log10(value) - from) / Math.max(1, to - from),
    marks: Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i)),
  };
}

const short = (value: number): string => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e3 ? `${value / 1e3}k` : String(Number(value.toPrecision(3))));

interface Plot { x: (value: number) => number; y: (value: number) => number; frame: string[]; width: number; height: number }

/** A frame with two logarithmic axes. */
function logLogPlot(xs: readonly number[], ys: readonly number[], xName: string, yName: string): Plot {
  const [width, height, left, right, top, bottom] = [760, 360, 70, 180, 20, 50];
  const [xAxis, yAxis] = [xs, ys].map((values) => logAxis(Math.min(...values), Math.max(...values)));
  const x = (value: number): number => left + xAxis.place(value) * (width - left - right);
  const y = (value: number): number => height - bottom - yAxis.place(value) * (height - top - bottom);
  return {
    x, y, width, height, frame: [
      ...yAxis.marks.flatMap((mark) => [line(left, y(mark), width - right, y(mark), RULE), write(short(mark), left - 8, y(mark) + 4, "end", SOFT)]),
      ...xAxis.marks.flatMap((mark) => [line(x(mark), top, x(mark), height - bottom, RULE), write(short(mark), x(mark), height - bottom + 18, "middle", SOFT)]),
      write(xName, (left + width - right) / 2, height - 10, "middle"), write(yName, left, 13),
    ],
  };
}

export interface Curve { label: string; color: string; points: readonly (readonly [x: number, y: number])[] }

/** Curves through points, both axes logarithmic; names at the right. */
export function lineChart(curves: readonly Curve[], xName: string, yName: string): string {
  const points = curves.flatMap((curve) => curve.points);
  const plot = logLogPlot(points.map(([x]) => x), points.map(([, y]) => y), xName, yName);
  return svg(plot.width, plot.height, [...plot.frame, ...curves.flatMap(({ color, points: own }) => [
    `<polyline points="${own.map(([x, y]) => `${fixed(plot.x(x))},${fixed(plot.y(y))}`).join(" ")}" fill="none" stroke="${color}" stroke-width="2"/>`,
    ...own.map(([x, y]) => `<circle cx="${fixed(plot.x(x))}" cy="${fixed(plot.y(y))}" r="3" fill="${color}"/>`),
  ]), ...legend(curves)]);
}

function legend(entries: readonly { label: string; color: string }[]): string[] {
  return entries.flatMap(({ label, color }, i) => [
    `<rect x="592" y="${20 + 19 * i}" width="12" height="12" fill="${color}"/>`, write(label, 610, 31 + 19 * i),
  ]);
}

export interface RooflinePoint { label: string; flopsPerByte: number; gflops: number; color: string }

/**
 * Roofline: GFLOP/s a kernel reaches against the operations it does for each byte it must move, under what one thread could do:
 * min(peak, intensity x speed of memory).
 */
export function roofline(peaks: Peaks, points: readonly RooflinePoint[]): string {
  const peak = Math.max(peaks.muladd_gflops, peaks.fused_gflops ?? 0);
  const intensities = points.map((point) => point.flopsPerByte);
  const range = [Math.min(0.05, ...intensities), Math.max(200, ...intensities)];
  const plot = logLogPlot(range, [Math.min(0.5, ...points.map((p) => p.gflops)), Math.max(peak, ...points.map((p) => p.gflops))], "operations a byte", "GFLOP/s");
  const roof = (gbps: number): string => {
    const knee = peak / gbps;
    const corners = [[range[0], range[0] * gbps], [knee, peak], [range[1], peak]].map(([x, y]) => `${fixed(plot.x(x))},${fixed(Math.min(plot.y(y), plot.height - 50))}`);
    return `<polyline points="${corners.join(" ")}" fill="none" stroke="${INK}" stroke-width="1.5" stroke-dasharray="${gbps === peaks.memory_gbps ? "6 4" : "none"}"/>`;
  };
  const names = [...new Map(points.map((point) => [point.label, point])).values()];
  return svg(plot.width, plot.height, [
    ...plot.frame, roof(peaks.cache_gbps), roof(peaks.memory_gbps),
    write(`128-bit peak ${peak.toFixed(0)}`, plot.x(range[1]) - 4, plot.y(peak) - 6, "end"),
    ...points.map((p) => `<circle cx="${fixed(plot.x(p.flopsPerByte))}" cy="${fixed(plot.y(p.gflops))}" r="5" fill="${p.color}" fill-opacity="0.75"/>`),
    ...legend(names),
  ]);
}
