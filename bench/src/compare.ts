/** `compare a.json b.json`: b over a, row by row, with the confidence of each ratio. */
import { ConfigError } from "@fromnoise/tensor";
import { titleOf } from "./cases.js";
import { readChecked } from "./checked-json.js";
import { labelOf, reportSchema, type Report, type Row } from "./rows.js";
import { ratioOf, type Ratio } from "./statistics.js";
import { table } from "./table.js";

/**
 * Two runs of the same program differ by a few percent that the rounds of one run do not show (where memory and code lie):
 * one standard deviation of that, relative.
 */
const RELAUNCH = 0.02;

export type Verdict = "same" | "faster" | "slower" | "SLOWER" | "BROKEN" | "not measured" | "only in a" | "only in b";

export interface Comparison { row: Row; a: number | null; b: number | null; ratio: Ratio | null; verdict: Verdict }

const isShared = ({ verdict }: Comparison): boolean => !verdict.startsWith("only");

const keyOf = ({ bench, shape, device, peer, threads }: Row): string => JSON.stringify([bench, shape, device, peer, threads]);

/**
 * Compares the rows that both reports have, and lists those that one has. The interval of a ratio is at 95 %: the scatter of the
 * rounds, how far the anchor (fixed work, timed in the same rounds) moved from one run to the other, and the scatter between
 * launches. SLOWER: past the threshold, and by more than chance. BROKEN: measured in a, not in b, where it was wrong or failed.
 */
export function compareReports(a: Report, b: Report, threshold: number): Comparison[] {
  const others = new Map(b.rows.map((row) => [keyOf(row), row])), keys = new Set(a.rows.map(keyOf));
  const added = b.rows.filter((row) => !keys.has(keyOf(row)))
    .map((row): Comparison => ({ row, a: null, b: row.median_ms, ratio: null, verdict: "only in b" }));
  return [...a.rows.map((row): Comparison => {
    const other = others.get(keyOf(row));
    if (other === undefined) return { row, a: row.median_ms, b: null, ratio: null, verdict: "only in a" };
    if (row.samples === 0 || other.samples === 0) {
      const verdict: Verdict = row.samples > 0 ? "BROKEN" : "not measured";
      return { row, a: row.median_ms, b: other.median_ms, ratio: null, verdict };
    }
    const anchorMoved = row.anchor_ms !== null && other.anchor_ms !== null ? Math.log(other.anchor_ms / row.anchor_ms) : 0;
    const ratio = ratioOf(row.rounds_ms, other.rounds_ms, Math.hypot(anchorMoved, 1.96 * Math.SQRT2 * RELAUNCH));
    return { row, a: row.median_ms, b: other.median_ms, ratio, verdict: judge(ratio, threshold) };
  }), ...added];
}

function judge({ ratio, differs }: Ratio, threshold: number): Verdict {
  if (!differs) return "same";
  if (ratio > threshold) return "SLOWER";
  return ratio > 1 ? "slower" : "faster";
}

/** The ratios as a table, and what they come to. */
export function formatComparison(comparisons: readonly Comparison[], threshold: number): string {
  const ms = (value: number | null): string => (value === null ? "-" : value.toPrecision(4));
  const interval = ({ low, high }: Ratio): string =>
    (high === Infinity ? "one round only" : `${low.toFixed(3)} .. ${high.toFixed(3)}`);
  const rows = comparisons.map(({ row, a, b, ratio, verdict }) => {
    const figures = ratio === null ? ["-", "-"] : [ratio.ratio.toFixed(3), interval(ratio)];
    return [row.bench, titleOf(row), labelOf(row), ms(a), ms(b), ...figures, verdict];
  });
  const count = (verdict: Verdict): number => comparisons.filter((c) => c.verdict === verdict).length;
  return `${table(["bench", "shape", "contender", "a ms", "b ms", "b / a", "95 %", "verdict"], rows)}
${comparisons.filter(isShared).length} rows: ${count("same")} same, ${count("faster")} faster, \
${count("slower")} slower within the threshold, ${count("SLOWER")} slower past ${threshold}, ${count("BROKEN")} broken, \
${count("not measured")} not measured in both; ${count("only in a")} only in a, ${count("only in b")} only in b`;
}

/** Why two reports may differ for other reasons than the code: one line each. */
export function caveats(a: Report, b: Report): string[] {
  const pairs: [what: string, a: string, b: string][] = [
    ["processor", a.machine.cpu, b.machine.cpu], ["cores", String(a.machine.cores), String(b.machine.cores)], ["Node", a.node, b.node],
  ];
  return [
    ...pairs.filter(([, x, y]) => x !== y).map(([what, x, y]) => `NOTE  ${what} of a: ${x}, of b: ${y}`),
    ...Object.entries({ a, b }).filter(([, { complete }]) => !complete).map(([name]) => `NOTE  ${name} was interrupted`),
  ];
}

/** Prints the comparison of two files. Returns 1 when a row is slower past the threshold or broken. */
export function compareCommand(a: string, b: string, threshold: number): number {
  const [first, second] = [readReport(a), readReport(b)];
  const comparisons = compareReports(first, second, threshold);
  if (!comparisons.some(isShared)) throw new ConfigError("the reports have no row in common", [`a        ${a}`, `b        ${b}`]);
  console.log([formatComparison(comparisons, threshold), ...caveats(first, second)].join("\n"));
  return comparisons.some(({ verdict }) => verdict === "SLOWER" || verdict === "BROKEN") ? 1 : 0;
}

/** Reads a report. Throws ConfigError where the file is none, or of another schema. */
export function readReport(file: string): Report {
  return readChecked(file, "a report of this version", reportSchema);
}
