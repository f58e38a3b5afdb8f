/** How the cost of the networks grows along batch, pixels, width and a sampler's steps, against growth in proportion. */
import { benchNames, type BenchName, type ModelShape } from "./bench.js";
import { benchOf } from "./cases.js";
import { contenderTable, milliseconds, unique, type TimedRow } from "./contender-table.js";

/** Images a second: of a training step, a forward pass, or a sampler's whole run; null for kernels. */
export function imagesPerSecond({ shape, median_ms }: TimedRow): number | null {
  return "config" in shape ? (1e3 * (shape as ModelShape).batch) / median_ms : null;
}

/** A timed model with the four sizes by which it may grow. */
interface Point { row: TimedRow; batch: number; side: number; width: number; T: number }

function pointOf(row: TimedRow): Point {
  const { batch, config, steps = 1 } = row.shape as ModelShape;
  return { row, batch, side: config["sample_size"] as number, width: (config["block_out_channels"] as number[])[0], T: steps };
}

/** A way to grow: what changes, in what unit cost is given, and what it would be proportional to. */
interface Axis {
  key: keyof Omit<Point, "row">;
  head: string;
  perUnit: (point: Point) => number;
  linear: (point: Point) => number;
}

const operations = ({ row }: Point): number => benchOf(row.bench).cost(row.shape).flops;

const axes: readonly Axis[] = [
  { key: "batch", head: "ms an image, by batch", perUnit: (p) => p.batch, linear: (p) => p.batch },
  {
    key: "side", head: "ms an image and 1024 pixels, by side",
    perUnit: (p) => (p.batch * p.side ** 2) / 1024, linear: (p) => p.side ** 2,
  },
  { key: "width", head: "ms an image, by width; growth against operations", perUnit: (p) => p.batch, linear: operations },
  { key: "T", head: "ms an image and step, by T", perUnit: (p) => p.batch * p.T, linear: (p) => p.T },
];

/** What is the same along an axis: all sizes but its own, the widths of deeper levels and the rest of the network included. */
function restOf(point: Point, axis: Axis): string {
  const { batch, config, steps } = point.row.shape as ModelShape;
  const sizes = { ...config, batch, steps: steps ?? 1 };
  const own = { batch: "batch", side: "sample_size", width: "block_out_channels", T: "steps" }[axis.key];
  return JSON.stringify(Object.entries(sizes).filter(([name]) => name !== own));
}

/** One table for each axis along which at least two sizes of a bench were timed; of several series the longest. */
function growthTable(bench: BenchName, axis: Axis, points: readonly Point[]): string {
  const series = unique(points.map((point) => restOf(point, axis))).map((rest) => points.filter((p) => restOf(p, axis) === rest));
  const sizes = (of: readonly Point[]): number => unique(of.map((p) => p[axis.key])).length;
  const longest = series.reduce((a, b) => (sizes(b) > sizes(a) ? b : a));
  if (sizes(longest) < 2) return "";
  const sorted = [...longest].sort((a, b) => a[axis.key] - b[axis.key]);
  const pointFor = new Map<TimedRow, Point>(sorted.map((point) => [point.row, point]));
  const first = ({ row }: Point): Point => sorted.find((p) =>
    p.row.device === row.device && p.row.peer === row.peer && p.row.threads === row.threads)!;
  const cell = (row: TimedRow): string => {
    const point = pointFor.get(row)!, from = first(point);
    const growth = (row.median_ms / from.row.median_ms) / (axis.linear(point) / axis.linear(from));
    return `${milliseconds(row.median_ms / axis.perUnit(point))} (${growth.toFixed(2)})`;
  };
  return contenderTable(`${bench}: ${axis.head}`, sorted.map((p) => p.row), (row) => String(pointFor.get(row)![axis.key]), cell);
}

/** The section of the report. */
export function growthSection(timed: readonly TimedRow[]): string[] {
  const tables = benchNames.flatMap((bench) => {
    const points = timed.filter((row) => row.bench === bench && "config" in row.shape).map(pointOf);
    return points.length === 0 ? [] : axes.map((axis) => growthTable(bench, axis, points)).filter((text) => text !== "");
  });
  return tables.length === 0 ? [] : [
    "## Growth of cost",
    "In brackets: the time over that of growth in proportion from the smallest size, for width in proportion to the operations. " +
      "Below 1 a larger size costs less for each image; attention grows with the square of the pixels.",
    ...tables,
  ];
}
