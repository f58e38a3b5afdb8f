/** The report as Markdown: header, targets, a table of times and of ratios for each bench, growth, accuracy, and what did not run. */
import { benchNames, type BenchName, type ModelShape } from "./bench.js";
import { titleOf } from "./cases.js";
import { labelOf, type Report, type Row } from "./rows.js";
import { table } from "./table.js";

/** Benches whose rate is shown in bytes, though they count operations. */
const MEMORY_BOUND: readonly BenchName[] = ["elementwise", "reduce"];
/** The peers that ratios are taken to, at the same number of threads. */
const BASELINES = ["torch", "onnxruntime"];

const isTimed = (row: Row): row is Row & { median_ms: number; best_ms: number } => row.median_ms !== null;
const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

export function markdownReport(report: Report): string {
  const { rows } = report;
  const benches = benchNames.filter((bench) => rows.some((row) => row.bench === bench && isTimed(row)));
  return [
    "# Benchmarks", header(report), ...groups(benches).flatMap(({ title, names }) => section(title, names, rows)),
    ...peakSection(report), ...growthSection(rows), ...transferSection(rows), ...accuracySection(rows), ...failureSection(rows),
  ].filter((text) => text !== "").join("\n\n") + "\n";
}

function header({ machine, date, commit, node, command, complete }: Report): string {
  const { peaks } = machine;
  const fused = peaks.fused_gflops === null ? "" : `, fused ${peaks.fused_gflops.toFixed(1)}`;
  return [
    `* ${date}, commit ${commit.replace("+", " with changes")}${complete ? "" : ", INTERRUPTED: what was measured until then"}`,
    `* \`${command}\``,
    `* ${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB, ${machine.os}; Node ${node}, V8 ${machine.v8}`,
    `* 128-bit peak of one thread in WebAssembly, measured in this run: mul+add ${peaks.muladd_gflops.toFixed(1)}${fused} GFLOP/s; ` +
      `copying ${peaks.cache_gbps.toFixed(0)} GB/s in cache, ${peaks.memory_gbps.toFixed(0)} GB/s in memory`,
    ...Object.entries(machine.contenders).map(([name, description]) => `* ${name}: ${description.split("\n")[0]}`),
    "",
    "Times are medians in milliseconds, +- the 95 % margin of the mean over rounds; the number in brackets after a contender is its " +
      "threads. GFLOP/s are effective: operations of the direct algorithm over time, whatever algorithm ran. Every result was checked " +
      "against the reference in f64 before it was timed; contenders took turns round by round.",
  ].join("\n");
}

function groups(benches: readonly BenchName[]): { title: string; names: BenchName[] }[] {
  const convolutions = benches.filter((name) => name.startsWith("conv2d"));
  const groupNorms = benches.filter((name) => name.startsWith("groupnorm"));
  return unique(benches.map((name) => (convolutions.includes(name) ? "conv2d" : groupNorms.includes(name) ? "groupnorm-silu" : name)))
    .map((title) => ({ title, names: title === "conv2d" ? convolutions : title === "groupnorm-silu" ? groupNorms : [title as BenchName] }));
}

type Timed = Row & { median_ms: number };

/** Times, below them times over the baselines' times, and peak memory of models. */
function section(title: string, names: readonly BenchName[], rows: readonly Row[]): string[] {
  const timed = rows.filter((row) => names.includes(row.bench)).filter(isTimed);
  const nameOf = (row: Row): string =>
    (names.length > 1 ? `${row.bench.replace(/^(conv2d|groupnorm-silu)-/, "")} ${titleOf(row)}` : titleOf(row));
  const byCase = (head: string, shown: readonly Timed[], cell: (row: Timed) => string): string => {
    const contenders = unique(shown.map(labelOf));
    return shown.length === 0 ? "" : table([head, ...contenders], unique(shown.map(nameOf)).map((name) => [name, ...contenders.map((contender) => {
      const row = shown.find((r) => nameOf(r) === name && labelOf(r) === contender);
      return row === undefined ? "-" : cell(row);
    })]));
  };
  const ratios = BASELINES.map((peer) => {
    const baseline = (row: Row): Timed | undefined =>
      timed.find((other) => other.peer === peer && nameOf(other) === nameOf(row) && other.threads === Math.max(1, row.threads));
    const compared = timed.filter((row) => row.peer !== peer && baseline(row) !== undefined);
    return byCase(`time / ${peer}: ${title}`, compared, (row) => (row.median_ms / baseline(row)!.median_ms).toFixed(2));
  });
  const memory = byCase(`peak MB: ${title}`, timed.filter((row) => row.peak_rss_mb !== null), (row) => String(row.peak_rss_mb));
  return [`## ${title}`, byCase(title, timed, timeCell), ...ratios, memory];
}

function timeCell(row: Timed): string {
  const rate = row.gflops !== null && !MEMORY_BOUND.includes(row.bench) ? ` (${digits(row.gflops)} GFLOP/s)` : row.gbps !== null ? ` (${digits(row.gbps)} GB/s)` : "";
  return `${milliseconds(row.median_ms)}${row.rme === null ? "" : ` +-${row.rme.toFixed(0)}%`}${rate}`;
}

/** Two digits at least. */
const digits = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toPrecision(2));
const milliseconds = (ms: number): string => (ms >= 1000 ? ms.toFixed(0) : ms.toPrecision(3));

/** How much of the 128-bit peak one thread reaches in the product of 512 x 512 matrices. */
function peakSection({ rows, machine: { peaks } }: Report): string[] {
  const peak = Math.max(peaks.muladd_gflops, peaks.fused_gflops ?? 0);
  const products = rows.filter((row) => row.bench === "matmul" && titleOf(row) === "512^3" && row.threads === 1).filter(isTimed);
  if (products.length === 0) return [];
  return ["## Product of 512 x 512 matrices against the 128-bit peak, one thread", table(
    ["contender", "GFLOP/s, median", "best", `share of ${peak.toFixed(1)}, best`],
    products.map((row) => {
      const best = 2 * 512 ** 3 / row.best_ms / 1e6;
      return [labelOf(row), row.gflops!.toFixed(1), best.toFixed(1), `${(100 * best / peak).toFixed(0)} %`];
    }),
  )];
}

/** Milliseconds an image of the training step, along batch, pixels and width. */
function growthSection(rows: readonly Row[]): string[] {
  const steps = rows.filter((row) => row.bench === "unet-train-step").filter(isTimed);
  const contenders = unique(steps.map(labelOf));
  const shapeOf = (row: Row): { batch: number; side: number; width: string } => {
    const { batch, config } = row.shape as ModelShape;
    return { batch, side: config["sample_size"] as number, width: (config["block_out_channels"] as number[]).join("-") };
  };
  const widths = unique(steps.map((row) => shapeOf(row).width));
  const along = (head: string, keep: (s: ReturnType<typeof shapeOf>) => boolean, value: (s: ReturnType<typeof shapeOf>) => number): string => {
    const kept = steps.filter((row) => keep(shapeOf(row)));
    const values = unique(kept.map((row) => value(shapeOf(row)))).sort((a, b) => a - b);
    if (values.length < 2) return "";
    return table([head, ...contenders], values.map((v) => [String(v), ...contenders.map((contender) => {
      const row = kept.find((r) => value(shapeOf(r)) === v && labelOf(r) === contender);
      return row === undefined ? "-" : milliseconds(row.median_ms / shapeOf(row).batch);
    })]));
  };
  const usual = "32-64-128";
  const tables = [
    along("ms an image at 32x32, by batch", (s) => s.side === 32 && s.width === usual, (s) => s.batch),
    along("ms an image in batches of 16, by side", (s) => s.batch === 16 && s.width === usual, (s) => s.side),
    widths.length > 1 ? along("ms an image in batches of 16 at 32x32, by width", (s) => s.batch === 16 && s.side === 32, (s) => Number(s.width.split("-")[0])) : "",
  ].filter((text) => text !== "");
  return tables.length === 0 ? [] : ["## Growth of the training step: cost is linear where a column is constant (pixels: times four a row)", ...tables];
}

/** Moving inputs to a device and results back, beside computing; and the size from which a GPU is faster than wasm. */
function transferSection(rows: readonly Row[]): string[] {
  const moved = rows.filter((row) => row.upload_ms !== null && row.device.startsWith("gpu")).filter(isTimed);
  if (moved.length === 0) return [];
  const crossings = unique(moved.map((row) => `${row.bench}\n${labelOf(row)}`)).map((key) => {
    const [bench, contender] = key.split("\n");
    const sizes = moved.filter((row) => row.bench === bench && labelOf(row) === contender);
    const cpu = (row: Row): number =>
      Math.min(...rows.filter((r) => r.bench === bench && r.device === "wasm" && titleOf(r) === titleOf(row)).filter(isTimed).map((r) => r.median_ms));
    const first = (cost: (row: Timed) => number): string => {
      const row = sizes.find((r) => cost(r) < cpu(r));
      return row === undefined ? "none" : titleOf(row);
    };
    return [bench, contender, first((r) => r.median_ms), first((r) => r.median_ms + r.upload_ms! + r.readback_ms!)];
  });
  return [
    "## Upload, compute and read-back on GPUs", table(["bench", "shape", "contender", "upload ms", "compute ms", "read-back ms"],
      moved.map((row) => [row.bench, titleOf(row), labelOf(row), milliseconds(row.upload_ms!), milliseconds(row.median_ms), milliseconds(row.readback_ms!)])),
    table(["smallest size faster than wasm", "contender", "computing only", "with both transfers"], crossings),
  ];
}

/** The largest error of each contender in each bench. */
function accuracySection(rows: readonly Row[]): string[] {
  const checked = rows.filter((row) => row.max_error !== null);
  const contenders = unique(checked.filter((row) => row.threads <= 1).map(labelOf));
  const benches = unique(checked.map((row) => row.bench));
  if (checked.length === 0) return [];
  return ["## Error against f64: max |difference| / max |reference|, the largest over the sizes", table(["bench", ...contenders],
    benches.map((bench) => [bench, ...contenders.map((contender) => {
      const errors = checked.filter((row) => row.bench === bench && labelOf(row) === contender).map((row) => row.max_error!);
      return errors.length === 0 ? "-" : Math.max(...errors).toExponential(1);
    })]))];
}

/** What was not timed, with the contender's own words; the same words once. */
function failureSection(rows: readonly Row[]): string[] {
  const failed = rows.filter((row) => !isTimed(row));
  if (failed.length === 0) return [];
  const alike = new Map<string, Row[]>();
  for (const row of failed) {
    const key = JSON.stringify([labelOf(row), row.note]);
    alike.set(key, [...(alike.get(key) ?? []), row]);
  }
  return ["## Not timed", table(["contender", "benches", "in its own words"], [...alike.values()].map((same) =>
    [labelOf(same[0]), unique(same.map((row) => row.bench)).join(", "), same[0].note.split("\n")[0]]))];
}
