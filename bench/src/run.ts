/** `npm run bench`: measures, shows rows as they come, writes the reports. */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { ConfigError } from "@fromnoise/tensor";
import { casesOf, titleOf } from "./cases.js";
import { label } from "./contender.js";
import { commit, describeMachine } from "./machine.js";
import { measure } from "./measure.js";
import type { RunOptions } from "./options.js";
import { htmlReport } from "./html.js";
import { markdownReport } from "./markdown.js";
import { labelOf, SCHEMA, type Report, type Row } from "./rows.js";

/** Seconds in a round, of warm-up, and for all rounds of a contender in a case (see MeasureOptions). */
const FULL = { roundSeconds: 0.1, warmSeconds: 0.3, caseSeconds: { kernel: 4, model: 30 } };
const QUICK = { roundSeconds: 0.05, warmSeconds: 0.1, caseSeconds: { kernel: 1, model: 3 } };

/** Runs the benches. Returns the exit code. */
export async function runCommand(options: RunOptions): Promise<number> {
  const report: Report = {
    schema: SCHEMA, machine: describeMachine(), date: new Date().toISOString(), commit: commit(), node: process.version,
    command: `npm run bench -- ${process.argv.slice(2).join(" ")}`.trim(), complete: true, rows: [],
  };
  let stop = (): void => undefined;
  const onInterrupt = (): void => {
    if (!report.complete) process.exit(130); // the second time
    report.complete = false;
    stop();
  };
  process.on("SIGINT", onInterrupt);
  const all = casesOf(options.only, options.quick, options.batch), cases = all.filter((c) => options.takesSize(titleOf(c)));
  if (cases.length === 0) {
    throw new ConfigError("--sizes: no size of these benches has such a title", [`allowed  ${[...new Set(all.map(titleOf))].join(", ")}`]);
  }
  for (const file of [options.json, options.md, options.html]) if (file !== undefined) assertWritable(file);
  const measuring = measure(cases, {
    ...(options.quick ? QUICK : FULL), contenders: options.contenders, rounds: options.rounds, limitMs: options.limitMs,
    interrupted: () => !report.complete,
    onOpen: (contender, description) => void (report.machine.contenders[label(contender)] = description),
    onRow: (row) => {
      report.rows.push(row);
      showProgress("");
      console.error(lineOf(row));
    },
    onProgress: showProgress,
  });
  stop = measuring.stop;
  await measuring.done;
  showProgress("");
  const markdown = markdownReport(report);
  console.log(markdown); // first, so that nothing is lost where a file cannot be written after all
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, undefined, 1)}\n`);
  if (options.md !== undefined) writeFileSync(options.md, markdown);
  if (options.html !== undefined) writeFileSync(options.html, htmlReport(report));
  if (!report.complete) return 130;
  return report.rows.some((row) => row.samples > 0) ? 0 : 1;
}

/** Throws ConfigError where a report could not be written, before anything is measured; leaves what a file holds. */
function assertWritable(file: string): void {
  try {
    closeSync(openSync(file, "a"));
  } catch (error) {
    throw new ConfigError(`${file} cannot be written`, [`reason   ${(error as Error).message}`]);
  }
}

/** One line that the next one overwrites; nothing where standard error is no terminal. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
}

function lineOf(row: Row): string {
  const { bench, median_ms, rme, gflops, max_error, note } = row;
  const time = median_ms === null ? "-" : `${median_ms.toPrecision(4)} ms${rme === null ? "" : ` +-${rme.toFixed(1)}%`}`;
  const rate = gflops === null ? "" : `${gflops.toFixed(1)} GFLOP/s`;
  const error = max_error === null ? "" : `error ${max_error.toExponential(1)}`;
  const facts = [time, rate, error, note.split("\n")[0]].filter((fact) => fact !== "");
  return `${bench.padEnd(23)} ${titleOf(row).padEnd(24)} ${labelOf(row).padEnd(20)} ${facts.join("  ")}`;
}
