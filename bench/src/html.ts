/** The report as one self-contained page: charts, and the tables of the Markdown report. */
import { benchNames, type BenchName } from "./bench.js";
import { benchOf, titleOf } from "./cases.js";
import { barChart, COLORS, escapeHtml, lineChart, roofline, type Curve } from "./charts.js";
import { markdownReport } from "./markdown.js";
import { labelOf, type Report, type Row } from "./rows.js";

type Timed = Row & { median_ms: number; gflops: number | null };

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #212529; max-width: 1100px; margin: 2em auto; padding: 0 1em; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2em; border-top: 1px solid #dee2e6; padding-top: .6em; } h3 { margin: 1.2em 0 .2em; font-size: 1em; }
.scroll { overflow-x: auto; } svg { max-width: 100%; height: auto; display: block; }
table { border-collapse: collapse; font-size: 13px; margin: .8em 0; } th, td { border: 1px solid #dee2e6; padding: .2em .6em; text-align: left; white-space: nowrap; }
td + td { text-align: right; font-variant-numeric: tabular-nums; } th { background: #f1f3f5; } code { background: #f1f3f5; padding: 0 .3em; }
`;

/** The page. */
export function htmlReport(report: Report): string {
  const timed = report.rows.filter((row): row is Timed => row.median_ms !== null);
  const contenders = [...new Set(timed.map(labelOf))];
  const colorOf = (row: Row): string => COLORS[contenders.indexOf(labelOf(row)) % COLORS.length];
  const benches = benchNames.filter((bench) => timed.some((row) => row.bench === bench));
  const [title, ...sections] = markdownReport(report).split(/^(?=## )/m);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>fromnoise benchmarks</title>
<style>${STYLE}</style></head><body>
${htmlOf(title)}
<h2>Roofline of one thread</h2>
<p>Each dot is a kernel at one size. A dot above the line computes less than the direct algorithm (Winograd), or on wider vectors.</p>
${rooflineOf(report, timed, colorOf)}
${benches.map((bench) => chartsOf(bench, timed.filter((row) => row.bench === bench), colorOf)).join("\n")}
${sections.map(htmlOf).join("\n")}
</body></html>
`;
}

function chartsOf(bench: BenchName, rows: readonly Timed[], colorOf: (row: Row) => string): string {
  const titles = [...new Set(rows.map(titleOf))];
  const bars = titles.map((title) => `<h3>${escapeHtml(title)}</h3>${barChart(rows.filter((row) => titleOf(row) === title).map((row) => ({
    label: labelOf(row), value: row.median_ms, color: colorOf(row),
    text: `${row.median_ms.toPrecision(3)} ms${row.gflops === null ? "" : `, ${row.gflops.toPrecision(3)} GFLOP/s`}`,
  })))}`);
  return `<h2>${bench}: milliseconds, shorter is better</h2>${titles.length > 2 ? growth(bench, rows, colorOf) : ""}${bars.join("")}`;
}

/** Time against work, for benches of several sizes. */
function growth(bench: BenchName, rows: readonly Timed[], colorOf: (row: Row) => string): string {
  const { cost } = benchOf(bench);
  const work = (row: Row): number => {
    const { flops, bytes } = cost(row.shape);
    return flops > 0 ? flops / 1e6 : bytes / 1e6;
  };
  const unit = rows.some((row) => cost(row.shape).flops > 0) ? "million operations" : "million bytes";
  const curves: Curve[] = [...new Set(rows.map(labelOf))].map((label) => {
    const own = rows.filter((row) => labelOf(row) === label).sort((a, b) => work(a) - work(b));
    return { label, color: colorOf(own[0]), points: own.map((row) => [work(row), row.median_ms] as const) };
  });
  return lineChart(curves, unit, "ms");
}

function rooflineOf({ machine }: Report, timed: readonly Timed[], colorOf: (row: Row) => string): string {
  const points = timed.filter((row) => row.threads <= 1 && row.gflops !== null && row.gbps !== null).map((row) => {
    const { flops, bytes } = benchOf(row.bench).cost(row.shape);
    return { label: labelOf(row), flopsPerByte: flops / bytes, gflops: row.gflops!, color: colorOf(row) };
  });
  return points.length === 0 ? "<p>No kernel of one thread was timed.</p>" : roofline(machine.peaks, points);
}

/** Markdown as far as the report uses it: headings, tables, lists, paragraphs, code. */
function htmlOf(markdown: string): string {
  const inline = (text: string): string => escapeHtml(text).replace(/`([^`]*)`/g, "<code>$1</code>");
  return markdown.trim().split("\n\n").map((block) => {
    const lines = block.split("\n");
    if (lines[0].startsWith("## ")) return `<h2>${inline(lines[0].slice(3))}</h2>`;
    if (lines[0].startsWith("# ")) return `<h1>${inline(lines[0].slice(2))}</h1>`;
    if (lines[0].startsWith("* ")) return `<ul>${lines.map((text) => `<li>${inline(text.slice(2))}</li>`).join("")}</ul>`;
    if (!lines[0].startsWith("| ")) return `<p>${inline(block)}</p>`;
    const cells = (text: string): string[] => text.slice(1, -1).split(/(?<!\\)\|/).map((cell) => inline(cell.trim().replaceAll("\\|", "|")));
    const row = (text: string, tag: string): string => `<tr>${cells(text).map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
    return `<div class="scroll"><table>${row(lines[0], "th")}${lines.slice(2).map((text) => row(text, "td")).join("")}</table></div>`;
  }).join("\n");
}
