/** The report as Markdown: times and ratios bench by bench, share of the peak, growth, transfers, errors, and what did not run. */
import type { BenchName } from "./bench.js";
import { titleOf } from "./cases.js";
import { withoutPlace } from "./contender.js";
import { contenderTable, digits, isTimed, milliseconds, unique, type TimedRow } from "./contender-table.js";
import { growthSection, imagesPerSecond } from "./growth.js";
import { labelOf, type Report, type Row } from "./rows.js";
import { table } from "./table.js";

/** The peers that ratios are taken to: on the CPU at the same number of threads, on a GPU by what computes on one. */
const BASELINES: readonly Pick<Row, "peer" | "device" | "threads">[] = [
  { peer: "torch", device: "cpu", threads: 1 }, { peer: "onnxruntime", device: "cpu", threads: 1 },
  { peer: "tfjs", device: "webgl", threads: 0 }, { peer: "tfjs", device: "webgpu", threads: 0 },
];
/** Benches whose rate is shown in bytes, though they count operations. */
const MEMORY_BOUND: readonly BenchName[] = ["elementwise", "reduce"];

export function markdownReport(report: Report): string {
  const { rows } = report;
  const timed = rows.filter(isTimed);
  const groups = unique(timed.map((row) => groupOf(row.bench)));
  return [
    "# Benchmarks", ...header(report), ...groups.flatMap((group) => timeSection(group, timed)),
    ...peakSection(report), ...growthSection(timed), ...transferSection(timed), ...accuracySection(rows), ...failureSection(rows),
  ].filter((block) => block !== "").join("\n\n") + "\n";
}

function header({ machine, date, commit, node, command, complete }: Report): string[] {
  const { peaks } = machine;
  const fused = peaks.fused_gflops === null ? "" : `, fused ${peaks.fused_gflops.toFixed(1)}`;
  return [
    [
      `* ${date}, commit ${commit.replace("+", " with changes")}${complete ? "" : ", INTERRUPTED: what was measured until then"}`,
      `* \`${command}\``,
      `* ${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB, ${machine.os}; Node ${node}, V8 ${machine.v8}`,
      `* one thread of WebAssembly in this run: 128-bit mul+add ${peaks.muladd_gflops.toFixed(1)}${fused} GFLOP/s; ` +
        `copies ${peaks.cache_gbps.toFixed(0)} GB/s in cache, ${peaks.memory_gbps.toFixed(0)} GB/s in memory`,
      ...Object.entries(machine.contenders).map(([name, description]) => `* ${name}: ${description.split("\n")[0]}`),
    ].join("\n"),
    "Medians in milliseconds, +- the 95 % margin of the mean over rounds. In brackets after a contender: its threads. " +
      "GFLOP/s are effective: the operations of the direct algorithm over time, whatever algorithm ran. Every result was checked " +
      "against the reference in f64 before it was timed; the contenders took turns, round by round.",
  ];
}

/** Benches that share a table. */
const groupOf = (bench: BenchName): string => /^(conv2d|groupnorm-silu)/.exec(bench)?.[0] ?? bench;

/** Times, times over the baselines' times; images per second and peak memory of models. */
function timeSection(group: string, all: readonly TimedRow[]): string[] {
  const rows = all.filter((row) => groupOf(row.bench) === group);
  const nameOf = (row: Row): string => `${row.bench.slice(group.length + 1)} ${titleOf(row)}`.trim();
  const ratios = BASELINES.map(({ peer, device, threads: least }) => {
    const isBaseline = (row: Row): boolean => row.peer === peer && row.device === device;
    const baseline = (row: Row): TimedRow | undefined =>
      rows.find((other) => isBaseline(other) && nameOf(other) === nameOf(row) && other.threads === Math.max(least, row.threads));
    const compared = rows.filter((row) => !isBaseline(row) && baseline(row) !== undefined);
    const ratio = (row: TimedRow): string => (row.median_ms / baseline(row)!.median_ms).toFixed(2);
    return contenderTable(`time / ${labelOf({ peer, device, threads: 0 })}: ${group}`, compared, nameOf, ratio);
  });
  const models = rows.filter((row) => row.peak_rss_mb !== null);
  const rates = rows.filter((row) => imagesPerSecond(row) !== null);
  return [
    `## ${group}`, contenderTable(group, rows, nameOf, timeCell), ...ratios,
    contenderTable(`images per second: ${group}`, rates, nameOf, (row) => digits(imagesPerSecond(row)!)),
    contenderTable(`peak MB: ${group}`, models, nameOf, (row) => String(row.peak_rss_mb)),
  ];
}

function timeCell({ bench, median_ms, rme, gflops, gbps }: TimedRow): string {
  const inBytes = gflops === null || MEMORY_BOUND.includes(bench);
  const rate = inBytes ? (gbps === null ? "" : ` (${digits(gbps)} GB/s)`) : ` (${digits(gflops)} GFLOP/s)`;
  return `${milliseconds(median_ms)}${rme === null ? "" : ` +-${rme.toFixed(0)}%`}${rate}`;
}

/** How much of the 128-bit peak one thread reaches in the product of 512 x 512 matrices. */
function peakSection({ rows, machine: { peaks } }: Report): string[] {
  const peak = Math.max(peaks.muladd_gflops, peaks.fused_gflops ?? 0);
  const products = rows.filter((row) => row.bench === "matmul" && titleOf(row) === "512^3" && row.threads === 1).filter(isTimed);
  if (products.length === 0) return [];
  const head = ["contender", "GFLOP/s, median", "best", `best / ${peak.toFixed(1)}`];
  return ["## Product of 512 x 512 matrices against the 128-bit peak, one thread", table(head, products.map((row) => {
    const best = 2 * 512 ** 3 / row.best_ms / 1e6;
    return [labelOf(row), row.gflops!.toFixed(1), best.toFixed(1), `${(100 * best / peak).toFixed(0)} %`];
  }))];
}

/** Moving inputs to a GPU and results back, beside computing; and the smallest size at which a GPU is faster than wasm. */
function transferSection(timed: readonly TimedRow[]): string[] {
  const moved = timed.filter((row) => row.upload_ms !== null && withoutPlace(row.device).startsWith("gpu"));
  if (moved.length === 0) return [];
  const computing = (row: TimedRow): number => row.median_ms;
  const withTransfers = (row: TimedRow): number => row.median_ms + row.upload_ms! + row.readback_ms!;
  const rivals = (row: Row): TimedRow[] =>
    timed.filter((r) => r.bench === row.bench && r.device === "wasm" && titleOf(r) === titleOf(row));
  const wasm = (row: Row): number => Math.min(...rivals(row).map(computing));
  const compared = moved.filter((row) => rivals(row).length > 0);
  const pairs = new Map(compared.map((row) => [`${row.bench} ${labelOf(row)}`, row]));
  const crossings = [...pairs.values()].map((pair) => {
    const sizes = compared.filter((row) => row.bench === pair.bench && labelOf(row) === labelOf(pair));
    const first = (time: (row: TimedRow) => number): string => {
      const row = sizes.find((r) => time(r) < wasm(r));
      return row === undefined ? "none" : titleOf(row);
    };
    return [pair.bench, labelOf(pair), first(computing), first(withTransfers)];
  });
  const splits = moved.map((row) =>
    [row.bench, titleOf(row), labelOf(row), ...[row.upload_ms!, row.median_ms, row.readback_ms!].map(milliseconds)]);
  return [
    "## Upload, compute and read-back", table(["bench", "shape", "contender", "upload ms", "compute ms", "read-back ms"], splits),
    crossings.length === 0 ? "" : table(["smallest size faster than wasm", "contender", "computing", "with transfers"], crossings),
  ];
}

/** The largest error of each contender in each bench. */
function accuracySection(rows: readonly Row[]): string[] {
  const checked = rows.filter((row) => row.max_error !== null && row.threads <= 1);
  if (checked.length === 0) return [];
  const largest = (row: Row): number =>
    Math.max(...checked.filter((r) => r.bench === row.bench && labelOf(r) === labelOf(row)).map((r) => r.max_error!));
  return [
    "## Error against f64, one thread: max |difference| / max |reference|, the largest over the sizes",
    contenderTable("bench", checked, (row) => row.bench, (row) => largest(row).toExponential(1)),
  ];
}

const MAX_NOTE = 200;

/** What was not timed, with the contender's own words; the same words once. */
function failureSection(rows: readonly Row[]): string[] {
  const failed = rows.filter((row) => !isTimed(row));
  if (failed.length === 0) return [];
  const alike = new Map<string, Row[]>();
  for (const row of failed) {
    const key = JSON.stringify([labelOf(row), row.note]);
    alike.set(key, [...(alike.get(key) ?? []), row]);
  }
  const cases = (same: readonly Row[]): string => unique(same.map((row) => row.bench)).join(", ");
  return ["## Not timed", table(["contender", "benches", "in its own words"], [...alike.values()].map((same) =>
    [labelOf(same[0]), cases(same), same[0].note.replace(/\n\s*/g, "; ").slice(0, MAX_NOTE)]))];
}
