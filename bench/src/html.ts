/** The report as one self-contained page: charts, and the tables of the Markdown report. */
import MarkdownIt from "markdown-it";
import { barsSvg, chartSvg, escapeXml, type Series } from "@fromnoise/diffusion";
import { benchNames, type BenchName } from "./bench.js";
import { benchOf, titleOf } from "./cases.js";
import { digits, isTimed, milliseconds, unique, type TimedRow } from "./contender-table.js";
import { markdownReport } from "./markdown.js";
import { roofline } from "./roofline.js";
import { labelOf, type Report, type Row } from "./rows.js";

const STYLE = `
html { color-scheme: light dark; background: light-dark(#ffffff, #1b1b1f); }
body { font: 15px/1.5 system-ui, sans-serif; color: light-dark(#212529, #dee2e6); max-width: 1100px; margin: 2em auto; padding: 0 1em; }
h1, h2 { line-height: 1.2; }
h2 { margin-top: 2em; border-top: 1px solid light-dark(#dee2e6, #34373c); padding-top: .6em; }
h3 { margin: 1.2em 0 .2em; font-size: 1em; }
svg { max-width: 100%; height: auto; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; margin: .8em 0; }
th, td { border: 1px solid light-dark(#dee2e6, #34373c); padding: .2em .6em; text-align: left; white-space: nowrap; font-variant-numeric: tabular-nums; }
th { background: light-dark(#f1f3f5, #2a2c31); }
code { background: light-dark(#f1f3f5, #2a2c31); padding: 0 .3em; overflow-wrap: anywhere; }
`;

/** The page. */
export function htmlReport(report: Report): string {
  const timed = report.rows.filter(isTimed);
  const contenders = unique(timed.map(labelOf));
  const colorOf = (row: Row): number => contenders.indexOf(labelOf(row));
  const benches = benchNames.filter((bench) => timed.some((row) => row.bench === bench));
  const [title, ...sections] = markdownReport(report).split(/^(?=## )/m);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>fromnoise benchmarks</title>
<style>${STYLE}</style></head><body>
${htmlOf(title)}
${rooflineOf(report, timed, colorOf)}
${benches.map((bench) => chartsOf(bench, timed.filter((row) => row.bench === bench), colorOf)).join("\n")}
${sections.map(htmlOf).join("\n")}
</body></html>
`;
}

function chartsOf(bench: BenchName, rows: readonly TimedRow[], colorOf: (row: Row) => number): string {
  const titles = unique(rows.map(titleOf));
  const text = ({ median_ms, gflops }: TimedRow): string =>
    `${milliseconds(median_ms)} ms${gflops === null ? "" : `, ${digits(gflops)} GFLOP/s`}`;
  const bars = titles.map((title) => {
    const own = rows.filter((row) => titleOf(row) === title);
    const bars = own.map((row) => ({ label: labelOf(row), value: row.median_ms, color: colorOf(row), text: text(row) }));
    return `<h3>${escapeXml(title)}</h3>${barsSvg(bars, { title: `${bench} ${title}` })}`;
  });
  const growth = titles.length > 2 ? growthOf(bench, rows, colorOf) : "";
  return `<h2>${bench}: milliseconds, shorter is better</h2>${growth}${bars.join("")}`;
}

/** Time against work, for benches of several sizes. */
function growthOf(bench: BenchName, rows: readonly TimedRow[], colorOf: (row: Row) => number): string {
  const { cost } = benchOf(bench);
  const counts = rows.every((row) => cost(row.shape).flops > 0);
  const work = (row: Row): number => (counts ? cost(row.shape).flops : cost(row.shape).bytes) / 1e6;
  const curves = unique(rows.map(labelOf)).map((label): Series => {
    const own = rows.filter((row) => labelOf(row) === label).sort((a, b) => work(a) - work(b));
    return { name: label, color: colorOf(own[0]), x: own.map(work), y: own.map((row) => row.median_ms), marks: "both" };
  });
  return chartSvg(curves, { xLabel: counts ? "million operations" : "million bytes", yLabel: "ms", logX: true, logY: true, window: 1 });
}

function rooflineOf({ machine }: Report, timed: readonly TimedRow[], colorOf: (row: Row) => number): string {
  const points = timed.filter((row) => row.threads <= 1 && row.gflops !== null && row.gbps !== null).map((row) => {
    const { flops, bytes } = benchOf(row.bench).cost(row.shape);
    return { label: labelOf(row), flopsPerByte: flops / bytes, gflops: row.gflops!, color: colorOf(row) };
  });
  if (points.length === 0) return "";
  return `<h2>Roofline of one thread</h2>
<p>Each dot is a kernel at one size. Above the line it computes less than the direct algorithm (Winograd), or on wider vectors.</p>
${roofline(machine.peaks, points)}`;
}

const renderer = new MarkdownIt();
renderer.renderer.rules["table_open"] = () => '<div class="scroll"><table>\n';
renderer.renderer.rules["table_close"] = () => "</table></div>\n";

/** Markdown as HTML, its tables in boxes that scroll. */
function htmlOf(markdown: string): string {
  return renderer.render(markdown);
}
