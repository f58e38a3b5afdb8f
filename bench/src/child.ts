/**
 * A contender's own process. It reads one JSON object a line and answers with one a line:
 *   {op: "open", engine: "device" | "peer" | "module", spec, threads}              -> {description}
 *   {op: "setup", bench, shape, results: FILE}  writes the results to FILE in f64  -> {first_ms, sizes, upload_ms?, readback_ms?}
 *   {op: "warm", seconds}                                                          -> {best_ms}
 *   {op: "run", seconds}                                                           -> {ms: [...]}
 *   {op: "memory"}                                                                 -> {peak_rss_mb}
 * An answer {error} carries the contender's own words. bench/peers/torch/peer.py speaks the same.
 */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { BenchName, BenchShape } from "./bench.js";
import { openDeviceEngine } from "./device-engine.js";
import type { Engine, Session } from "./engine.js";
import { openPeerEngine } from "./peer-engine.js";
import { Sampler } from "./sampling.js";

type Request =
  | { op: "open"; engine: "device" | "peer" | "module"; spec: string; threads: number }
  | { op: "setup"; bench: BenchName; shape: BenchShape; results: string }
  | { op: "warm" | "run"; seconds: number }
  | { op: "memory" };

let engine: Engine | undefined, session: Session | undefined, sampler: Sampler | undefined;

async function openEngine({ engine: kind, spec, threads }: Request & { op: "open" }): Promise<Engine> {
  if (kind === "module") return (await import(spec) as { openEngine(): Promise<Engine> }).openEngine();
  return kind === "device" ? openDeviceEngine(spec) : openPeerEngine(spec, threads);
}

async function answer(request: Request): Promise<object> {
  switch (request.op) {
    case "open":
      engine = await openEngine(request);
      return { description: engine.description };
    case "setup": {
      session?.dispose();
      session = sampler = undefined;
      session = await engine!.open(request.bench, request.shape);
      const start = performance.now();
      const results = await session.results();
      const first_ms = performance.now() - start;
      writeFileSync(request.results, Buffer.concat(results.map((values) => Buffer.from(Float64Array.from(values).buffer))));
      sampler = new Sampler(session);
      const transfer = await session.transfer?.();
      const sizes = results.map((values) => values.length);
      return { first_ms, sizes, upload_ms: transfer?.upload, readback_ms: transfer?.readback };
    }
    case "warm":
      return { best_ms: await sampler!.warmUp(request.seconds) };
    case "run":
      return { ms: await sampler!.sample(request.seconds) };
    case "memory":
      return { peak_rss_mb: process.resourceUsage().maxRSS / 1024 };
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.name === "Error" ? error.message : `${error.name}: ${error.message}`) : String(error);
}

console.log = console.error; // standard output belongs to the answers
for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(JSON.parse(line) as Request).catch((error: unknown) => ({ error: describeError(error) }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
