/**
 * A contender's own process. It reads one JSON object a line and answers with one a line:
 *   {op: "open", engine: "device" | "peer" | "module", spec, threads, page?}       -> {description, browser?}
 *   {op: "setup", bench, shape, results: FILE}  writes the results to FILE in f64  -> {first_ms, sizes, upload_ms?, readback_ms?}
 *   {op: "warm", seconds}                                                          -> {best_ms}
 *   {op: "run", seconds}                                                           -> {ms: [...]}
 *   {op: "memory"}                                                                 -> {peak_rss_mb}
 * With `page`, the folder of a built page, the contender works in Chromium, whose process is `browser`. An answer {error} carries
 * the contender's own words.
 * bench/peers/torch/peer.py speaks the same.
 */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { BenchName, BenchShape } from "./bench.js";
import { benchmarkTimer } from "./benchmark-timer.js";
import { openDeviceEngine } from "./device-engine.js";
import type { Engine } from "./engine.js";
import { openPeerEngine } from "./peer-engine.js";
import { describeError, EngineStage, type Stage } from "./stage.js";

type Request =
  | { op: "open"; engine: "device" | "peer" | "module"; spec: string; threads: number; page?: string }
  | { op: "setup"; bench: BenchName; shape: BenchShape; results: string }
  | { op: "warm" | "run"; seconds: number }
  | { op: "memory" };

let stage: Stage | undefined, browser: number | undefined;

async function openEngine({ engine: kind, spec, threads }: Request & { op: "open" }): Promise<Engine> {
  if (kind === "module") return (await import(spec) as { openEngine(): Promise<Engine> }).openEngine();
  return kind === "device" ? openDeviceEngine(spec) : openPeerEngine(spec, threads);
}

async function openStage(request: Request & { op: "open" }): Promise<Stage> {
  if (request.page === undefined) return new EngineStage(await openEngine(request), benchmarkTimer);
  const { openPageStage } = await import("./page-stage.js");
  const opened = await openPageStage(request.page, request.spec, request.threads);
  browser = opened.browser;
  return opened.stage;
}

async function answer(request: Request): Promise<object> {
  switch (request.op) {
    case "open":
      stage = await openStage(request);
      return { description: stage.description, browser };
    case "setup": {
      const { results, ...times } = await stage!.setup(request.bench, request.shape);
      writeFileSync(request.results, Buffer.concat(results.map((values) => Buffer.from(values.buffer))));
      return { ...times, sizes: results.map((values) => values.length) };
    }
    case "warm":
      return { best_ms: await stage!.warmUp(request.seconds) };
    case "run":
      return { ms: await stage!.sample(request.seconds) };
    case "memory": // Chromium's is that of many processes, which share some of it
      return { peak_rss_mb: browser !== undefined ? null : process.resourceUsage().maxRSS / 1024 };
  }
}

console.log = console.error; // standard output belongs to the answers
for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(JSON.parse(line) as Request).catch((error: unknown) => ({ error: describeError(error) }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
