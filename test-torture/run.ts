/**
 * `npm run torture`: damaged files, kills, signals, starts at once, failing disks, no memory, and many steps. Prints a table of what
 * was tried, held and failed; exit code 1 where anything failed.
 *
 *   npm run torture                       everything, in about half an hour
 *   npm run torture -- --short            the same in two minutes, as CI does it
 *   npm run torture -- --only kills,soak  some of it
 *   npm run torture -- --only mutants --mutants 2000 --formats golden,config    so many damaged files of these formats
 *   npm run torture -- --seed 7           other random draws; printed unless given
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { attackFormats } from "./mutants.js";
import { kills, Playground, signals, starts } from "./processes.js";
import { table, type Tried } from "./report.js";
import { soak } from "./soak.js";

const { values } = parseArgs({ options: { short: { type: "boolean", default: false }, only: { type: "string" }, seed: { type: "string" }, mutants: { type: "string" }, formats: { type: "string" } } });
const seed = Number(values.seed ?? Date.now() % 1e6);
const counts = values.short
  ? { mutants: 250, kills: 6, signals: 2, starts: 4, steps: 2000 }
  : { mutants: 10000, kills: 200, signals: 100, starts: 100, steps: 100000 };
const wanted = values.only?.split(",");
const rows: (Tried & { seconds: number })[] = [];

function add(row: Tried & { seconds: number }): void {
  rows.push(row);
  console.log(`${row.failed.length === 0 ? "held  " : "FAILED"}  ${row.what}: ${row.tried} tried, ${row.failed.length} failed; ${row.note} (${Math.round(row.seconds)} s)`);
  for (const failure of row.failed.slice(0, 10)) console.log(`        ${failure.replaceAll("\n", " | ")}`);
}

async function part(name: string, run: () => Promise<Tried>): Promise<void> {
  if (wanted !== undefined && !wanted.includes(name)) return;
  const began = performance.now();
  add({ ...await run(), seconds: (performance.now() - began) / 1000 });
}

/** A mocha file in which every fault is a case of its own. */
async function faults(what: string, file: string): Promise<Tried> {
  const mocha = fileURLToPath(new URL("../node_modules/mocha/bin/mocha.js", import.meta.url));
  const path = fileURLToPath(new URL(`../packages/diffusion/test/train/${file}`, import.meta.url));
  const env = { ...process.env, ...(values.short ? {} : { FROMNOISE_TORTURE: "1" }) };
  try {
    const out = execFileSync(process.execPath, [mocha, path], { env, encoding: "utf8", cwd: fileURLToPath(new URL("..", import.meta.url)) });
    return { what, tried: Number(/^ *tried (\d+)$/m.exec(out)?.[1] ?? 0), failed: [], note: "goes on to the same bits" };
  } catch (error) {
    return { what, tried: 1, failed: [String((error as { stdout?: string }).stdout ?? error).slice(-2000)], note: "" };
  }
}

console.log(`Node ${process.versions.node}, seed ${seed}`);
if (wanted === undefined || wanted.includes("mutants")) await attackFormats({ count: Number(values.mutants ?? counts.mutants), seed, formats: values.formats?.split(",") }, add);
const ground = new Playground(process.execPath, 150, seed), long = new Playground(process.execPath, 200, seed);
await part("kills", () => kills(ground, counts.kills));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) await part("signals", () => signals(ground, counts.signals, signal));
await part("starts", () => starts(long, counts.starts));
await part("faults", () => faults("operations of a disk that fail, by error and three kinds of power cut", "every-fault.test.ts"));
await part("memory", () => faults("allocations of a step that find no room", "out-of-memory.test.ts"));
await part("soak", () => soak(counts.steps));
for (const each of [ground, long]) each.dispose();
console.log(`\n${table(rows)}`);
process.exitCode = rows.every(({ failed }) => failed.length === 0) ? 0 : 1;
