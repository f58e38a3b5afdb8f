/** Charts as SVG: curves and clouds of points over two axes, on light paper or dark as the reader prefers. */
import { axis, widened, type Axis } from "./axis.js";
import { colorOf, COLOR_COUNT, documentOf, fillOf } from "./colors.js";
import { element, escapeXml, LINE, tenths, textWidth } from "./svg.js";

/** Points (x[i], y[i]). Points that are not finite, or not positive on a logarithmic axis, are left out. */
export interface Series {
  /** In the legend; series of one name stand there once, without a name not at all. */
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** A line through the points in their order (default), dots, or both. */
  readonly marks?: "line" | "dots" | "both";
  readonly dashed?: boolean;
  /** The number of the colour, default the place among the series; "ink" is that of the names. */
  readonly color?: number | "ink";
}

/** Title, axes and size of a chart. */
export interface ChartOptions {
  readonly title?: string;
  /** Under the x axis; default "step". */
  readonly xLabel?: string;
  /** Above the y axis. */
  readonly yLabel?: string;
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** One unit is as long on both axes: for points in the plane. Not for logarithmic axes. */
  readonly sameUnits?: boolean;
  /** Points in the moving average, an odd number; 1 = the curve through the points; default a 40th of the longest series. */
  readonly window?: number;
  /** Pixels; default 800 x 450. The chart grows where its legend takes more. */
  readonly width?: number;
  readonly height?: number;
}

/** Most points of a series that are drawn, evenly picked: of a curve, of the cloud behind its average, of dots. */
const MAX_VERTICES = 1000, MAX_FAINT = 2000, MAX_DOTS = 10_000;
/** From this many on, the dots of a series are one path of strokes without length, a few bytes each. */
const MANY = 400;

interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A series as it is drawn. */
interface Curve {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly series: Series;
  readonly color: number | "ink";
}

const isLine = ({ series: { marks = "line" } }: Curve): boolean => marks === "line";

/**
 * The chart as an SVG document. Where `window` is more than 1, the points of a series are drawn faintly and over them their moving average:
 * the mean of the y within (window - 1) / 2 points on either side (at the ends, of those that are there).
 */
export function chartSvg(series: readonly Series[], options: ChartOptions = {}): string {
  const { title = "", xLabel = "step", yLabel = "", logX = false, logY = false, sameUnits = false } = options;
  const curves = series.map((one, i): Curve => ({ ...drawable(one, logX, logY), series: one, color: one.color ?? i }));
  const longest = Math.max(0, ...curves.filter(isLine).map(({ x }) => x.length));
  const window = 1 + 2 * Math.max(0, Math.floor(((options.window ?? longest / 40) - 1) / 2));
  const smooth = curves.map((curve) => (window > 1 && isLine(curve) ? { ...curve, y: movingAverage(curve.y, window) } : curve));

  const entries = legendOf(curves, window), legendRoom = Math.max(0, ...entries.map(({ width }) => width));
  let width = options.width ?? 800, height = options.height ?? 450;
  const top = (title === "" ? 4 : 34) + LINE + 8;
  const inRow = entries.length === 0 || textWidth(yLabel) + entries.reduce((sum, entry) => sum + entry.width, 40) <= width - 40;
  if (!inRow) {
    width = Math.max(width, legendRoom + 520);
    height = Math.max(height, top + LINE * entries.length + 20);
  }
  const across = { x: widened(extentOf(curves.map(({ x }) => x)), sameUnits ? 0.04 : 0, logX), y: widened(extentOf(curves.map(({ y }) => y)), sameUnits ? 0.04 : 0.05, logY) };
  const bottom = height - 54, right = width - 26 - (inRow ? 0 : legendRoom + 20);
  const makeY = (domain: readonly [number, number]): Axis => axis(domain, { range: [bottom, top], log: logY, fits: spacedDown });
  const left = 26 + Math.max(20, ...makeY(across.y).ticks.map(({ label }) => textWidth(label)));
  const frame = { left, right, top, bottom };
  const [xs, ys] = sameUnits ? inSameUnits(across.x, across.y, frame) : [across.x, across.y];
  const xAxis = axis(xs, { range: [left, right], log: logX, fits: spacedAcross }), yAxis = makeY(ys);
  const place = ({ x, y }: Pick<Curve, "x" | "y">, most: number): Place[] => evenly(x.length, most).map((i) => [xAxis.at(x[i]), yAxis.at(y[i])]);

  const middle = (left + right) / 2, empty = curves.every(({ x }) => x.length === 0);
  return documentOf(width, height, title || `${yLabel || "values"} over ${xLabel}`, [
    ...grid(frame, xAxis, yAxis),
    ...(title === "" ? [] : [write(title, left, 26, "start", "ink", 17)]),
    write(xLabel, middle, height - 12, "middle", "soft"), write(yLabel, left, top - 12, "start", "soft"),
    ...(empty ? [write("no data yet", middle, (top + bottom) / 2, "middle", "soft")] : []),
    ...curves.filter((_, i) => smooth[i] !== curves[i]).map((curve) => element("g", colorOf(curve.color), specks(place(curve, MAX_FAINT), 3, 0.25))),
    ...smooth.map((curve) => element("g", colorOf(curve.color), ...marksOf(curve, place))),
    ...(inRow ? legendRow(entries, right, top - 12) : legendColumn(entries, right + 36, top + 12)),
  ].filter((part) => part !== ""));
}

type Place = readonly [x: number, y: number];
type Anchor = "start" | "middle" | "end";

function write(text: string, x: number, y: number, anchor: Anchor, part: "ink" | "soft", size?: number): string {
  if (text === "") return "";
  return element("text", { x, y, "text-anchor": anchor === "start" ? undefined : anchor, "font-size": size, ...fillOf(part) }, escapeXml(text));
}

/** Hollow and dashed where the colours come again. */
const again = (color: number | "ink"): boolean => color !== "ink" && color % (2 * COLOR_COUNT) >= COLOR_COUNT;

function stroke(places: readonly Place[], dashed: boolean): string {
  return element("polyline", {
    points: places.map(([x, y]) => `${tenths(x)},${tenths(y)}`).join(" "), fill: "none", stroke: "currentColor", "stroke-width": 2,
    "stroke-linecap": "round", "stroke-linejoin": "round", "stroke-dasharray": dashed ? "6 5" : undefined,
  });
}

function dot([cx, cy]: Place, r: number, hollow: boolean): string {
  return element("circle", { cx, cy, r, ...(hollow ? { fill: "none", stroke: "currentColor", "stroke-width": 2 } : { fill: "currentColor" }) });
}

/** Dots as one path of strokes without length, whose round ends they are. */
function specks(places: readonly Place[], diameter: number, opacity: number): string {
  return element("path", {
    d: places.map(([x, y]) => `M${tenths(x)} ${tenths(y)}h0`).join(""), fill: "none", stroke: "currentColor", "stroke-width": diameter,
    "stroke-linecap": "round", "stroke-opacity": String(opacity),
  });
}

function marksOf(curve: Curve, place: (curve: Curve, most: number) => Place[]): string[] {
  const { series: { marks = "line", dashed = false }, color } = curve, hollow = again(color);
  const lines = marks === "dots" ? [] : place(curve, MAX_VERTICES), dots = lines.length === 1 || marks !== "line" ? place(curve, MAX_DOTS) : [];
  return [
    ...(lines.length > 1 ? [stroke(lines, dashed || hollow)] : []),
    ...(dots.length >= MANY ? [specks(dots, 3, 0.6)] : dots.map((at) => dot(at, 3.5, hollow))),
  ];
}

function grid({ left, right, top, bottom }: Frame, xAxis: Axis, yAxis: Axis): string[] {
  const line = (x: number, y: number, width: number, height: number, part: "rule" | "soft"): string => element("rect", { x, y, width, height, ...fillOf(part) });
  return [
    ...yAxis.ticks.flatMap(({ value, label }) => {
      const y = yAxis.at(value);
      return [line(left, y - 0.5, right - left, 1, "rule"), write(label, left - 8, y + 5, "end", "soft")];
    }),
    ...xAxis.ticks.flatMap(({ value, label }) => {
      const x = xAxis.at(value);
      return [line(x - 0.5, top, 1, bottom - top, "rule"), line(x - 0.5, bottom, 1, 5, "soft"), write(label, x, bottom + 20, "middle", "soft")];
    }),
    line(left - 0.5, top, 1, bottom - top, "soft"), line(left - 0.5, bottom - 0.5, right - left + 0.5, 1, "soft"),
  ];
}

interface Entry {
  readonly label: string;
  readonly width: number;
  readonly curve: Curve;
}

function legendOf(curves: readonly Curve[], window: number): Entry[] {
  const first = curves.filter(({ series: { name } }, i) => name !== "" && curves.findIndex(({ series }) => series.name === name) === i);
  return first.map((curve) => {
    const label = window > 1 && isLine(curve) ? `${curve.series.name}, mean of ${window}` : curve.series.name;
    return { label, curve, width: textWidth(label) + 46 };
  });
}

/** The mark and the name of a series; y is the baseline. */
function drawEntry({ label, curve: { series: { marks = "line", dashed = false }, color } }: Entry, x: number, y: number): string[] {
  const hollow = again(color), middle = y - 5;
  return [element("g", colorOf(color),
    ...(marks === "dots" ? [] : [stroke([[x, middle], [x + 22, middle]], dashed || hollow)]), ...(marks === "line" ? [] : [dot([x + 11, middle], 3.5, hollow)]),
  ), write(label, x + 30, y, "start", "ink")];
}

function legendRow(entries: readonly Entry[], right: number, y: number): string[] {
  let x = right - entries.reduce((sum, { width }) => sum + width, -16);
  return entries.flatMap((entry) => {
    const drawn = drawEntry(entry, x, y);
    x += entry.width;
    return drawn;
  });
}

function legendColumn(entries: readonly Entry[], x: number, y: number): string[] {
  return entries.flatMap((entry, i) => drawEntry(entry, x, y + LINE * i));
}

/** Labels side by side keep 12 pixels apart. */
function spacedAcross(ticks: readonly { value: number; label: string }[], at: (value: number) => number): boolean {
  return ticks.every(({ value, label }, i) => i === 0
    || at(value) - at(ticks[i - 1].value) >= (textWidth(label) + textWidth(ticks[i - 1].label)) / 2 + 12);
}

/** Labels above each other have 1.5 lines each. */
function spacedDown(ticks: readonly { value: number }[], at: (value: number) => number): boolean {
  return ticks.every(({ value }, i) => i === 0 || at(ticks[i - 1].value) - at(value) >= 1.5 * LINE);
}

function inSameUnits(x: readonly [number, number], y: readonly [number, number], { left, right, top, bottom }: Frame): [[number, number], [number, number]] {
  const unit = Math.max((x[1] - x[0]) / (right - left), (y[1] - y[0]) / (bottom - top));
  const around = ([a, b]: readonly [number, number], pixels: number): [number, number] => [(a + b - unit * pixels) / 2, (a + b + unit * pixels) / 2];
  return [around(x, right - left), around(y, bottom - top)];
}

function drawable({ x, y }: Series, logX: boolean, logY: boolean): { x: number[]; y: number[] } {
  const ok = (value: number, log: boolean): boolean => Number.isFinite(value) && !(log && value <= 0);
  const kept = Array.from({ length: Math.min(x.length, y.length) }, (_, i) => i).filter((i) => ok(x[i], logX) && ok(y[i], logY));
  return { x: kept.map((i) => x[i]), y: kept.map((i) => y[i]) };
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

function extentOf(values: readonly (readonly number[])[]): [min: number, max: number] {
  let min = Infinity, max = -Infinity;
  for (const row of values) {
    for (const v of row) {
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
