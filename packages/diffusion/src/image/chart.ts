/** Line charts such as the loss curve, drawn once for both PNG and SVG. Pure: encodePng turns the bitmap into a file. */
import { linearAxis, logAxis, type Axis } from "./axis.js";
import { Canvas } from "./canvas.js";
import type { Bitmap } from "./picture.js";
import type { Surface } from "./surface.js";
import { Svg } from "./svg.js";

/** One curve: points (x[i], y[i]), x not decreasing. Points that are not finite, or <= 0 with logY, are left out. */
export interface Series {
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/** Title, axes and size of a chart. */
export interface ChartOptions {
  readonly title?: string;
  /** Under the x axis; default "step". */
  readonly xLabel?: string;
  readonly logY?: boolean;
  /** Points in the moving average, an odd number; 1 = the curve through the points; default a 40th of the longest series. */
  readonly window?: number;
  /** Pixels; default 960 x 540. */
  readonly width?: number;
  readonly height?: number;
}

/** Colours that differ in lightness too, so that they stay apart for colour-blind readers and in print. */
const COLORS = ["#1f6feb", "#d9480f", "#2b8a3e", "#862e9c", "#c99700", "#495057"];
const INK = "#343a40", SOFT = "#868e96", RULE = "#e9ecef";
const MAX_DOTS = 2000, MAX_VERTICES = 1000;

/** The chart as a bitmap: see drawChart. */
export function chartBitmap(series: readonly Series[], options: ChartOptions = {}): Bitmap {
  const canvas = new Canvas(options.width ?? 960, options.height ?? 540, 3);
  drawChart(canvas, canvas.width, canvas.height, series, options);
  return canvas.bitmap();
}

/** The chart as an SVG document: see drawChart. */
export function chartSvg(series: readonly Series[], options: ChartOptions = {}): string {
  const svg = new Svg(options.width ?? 960, options.height ?? 540);
  drawChart(svg, svg.width, svg.height, series, options);
  return svg.toString();
}

/**
 * Draws the points of each series faintly and over them their moving average: the mean of the y within (window - 1) / 2
 * points on either side (at the ends, of those that are there). At most 2,000 points and 1,000 vertices a series are
 * drawn, evenly picked.
 */
function drawChart(
  surface: Surface, width: number, height: number, series: readonly Series[], options: ChartOptions = {},
): void {
  const logY = options.logY ?? false;
  const curves = series.map((s) => drawablePoints(s, logY));
  const longest = Math.max(0, ...curves.map((c) => c.x.length));
  const window = 1 + 2 * Math.max(0, Math.floor(((options.window ?? longest / 40) - 1) / 2));
  const xs = curves.flatMap((c) => (c.x.length > 0 ? [c.x[0], c.x.at(-1)!] : []));
  const [yMin, yMax] = extent(curves.map((c) => c.y));
  const frame = { left: 84, right: width - 28, top: 64, bottom: height - 74 };
  const xAxis = xs.length > 0 ? linearAxis(Math.min(...xs), Math.max(...xs), 8) : linearAxis(0, 1, 4);
  const yAxis = xs.length === 0 ? linearAxis(0, 1, 4) : (logY ? logAxis : linearAxis)(yMin, yMax, 8, 0.05);
  const place = {
    x: (value: number): number => frame.left + xAxis.position(value) * (frame.right - frame.left),
    y: (value: number): number => frame.bottom - yAxis.position(value) * (frame.bottom - frame.top),
  };

  surface.rect(0, 0, width, height, "#ffffff");
  drawAxes(surface, frame, place, xAxis, yAxis);
  const middle = (frame.left + frame.right) / 2;
  surface.text(options.xLabel ?? "step", middle, height - 16, "middle", SOFT);
  if (options.title) surface.text(options.title, frame.left, 38, "start", INK);
  if (xs.length === 0) surface.text("no data yet", middle, (frame.top + frame.bottom) / 2, "middle", SOFT);
  const along = (c: Curve, most: number): number[] => evenly(c.x.length, most).flatMap((i) => [place.x(c.x[i]), place.y(c.y[i])]);
  if (window > 1) curves.forEach((c, i) => surface.dots(along(c, MAX_DOTS), 3, colorOf(i), 0.25));
  curves.forEach((c, i) => {
    const smooth = { x: c.x, y: movingAverage(c.y, window) };
    const points = along(smooth, MAX_VERTICES);
    if (points.length === 2) surface.dots(points, 6, colorOf(i), 1);
    else surface.line(points, 2.5, colorOf(i));
  });
  drawLegend(surface, frame.right, series.map((s) => s.name), window);
}

interface Curve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function drawablePoints(series: Series, logY: boolean): Curve {
  const x: number[] = [], y: number[] = [];
  for (let i = 0; i < Math.min(series.x.length, series.y.length); i++) {
    const xi = series.x[i], yi = series.y[i];
    if (!Number.isFinite(xi) || !Number.isFinite(yi) || (logY && yi <= 0)) continue;
    x.push(xi);
    y.push(yi);
  }
  return { x, y };
}

/** The means of y[i - h .. i + h], h = floor((window - 1) / 2), over the indices that exist. */
function movingAverage(y: readonly number[], window: number): number[] {
  const sums = [0];
  for (const v of y) sums.push(sums.at(-1)! + v);
  const half = Math.floor((window - 1) / 2);
  return y.map((_, i) => {
    const from = Math.max(0, i - half), to = Math.min(y.length, i + half + 1);
    return (sums[to] - sums[from]) / (to - from);
  });
}

function drawAxes(
  surface: Surface, frame: Frame, place: { x(value: number): number; y(value: number): number }, xAxis: Axis, yAxis: Axis,
): void {
  const { left, right, top, bottom } = frame;
  for (const { value, label } of yAxis.ticks) {
    surface.rect(left, Math.round(place.y(value)), right - left, 1, RULE);
    surface.text(label, left - 12, place.y(value) + 7, "end", SOFT);
  }
  for (const { value, label } of xAxis.ticks) {
    surface.rect(Math.round(place.x(value)), bottom, 1, 7, SOFT);
    surface.text(label, place.x(value), bottom + 28, "middle", SOFT);
  }
  surface.rect(left, top, 1, bottom - top, SOFT);
  surface.rect(left, bottom, right - left + 1, 1, SOFT);
}

/** A stroke and a name for each series, right-aligned above the frame. */
function drawLegend(surface: Surface, right: number, names: readonly string[], window: number): void {
  const labels = names.map((name) => (window > 1 ? `${name}, mean of ${window}` : name));
  let x = right - labels.reduce((sum, label) => sum + surface.textWidth(label) + 64, -28);
  labels.forEach((label, i) => {
    surface.line([x, 32, x + 26, 32], 2.5, colorOf(i));
    surface.text(label, x + 36, 38, "start", INK);
    x += surface.textWidth(label) + 64;
  });
}

function colorOf(index: number): string {
  return COLORS[index % COLORS.length];
}

function extent(values: readonly (readonly number[])[]): [min: number, max: number] {
  let min = Infinity, max = -Infinity;
  for (const y of values) {
    for (const v of y) {
      min = Math.min(min, v);
      max = Math.max(max, v);
    }
  }
  return [min, max];
}

/** At most `most` of the indices 0 .. n - 1, evenly spaced, with both ends. */
function evenly(n: number, most: number): number[] {
  if (n <= most) return Array.from({ length: n }, (_, i) => i);
  return Array.from({ length: most }, (_, k) => Math.round((k * (n - 1)) / (most - 1)));
}
