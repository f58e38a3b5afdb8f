/**
 * `bench hog`: all threads against one, free and beside a process that holds a core. A thread of ours that lost its core to that
 * process must not make the others wait for it longer than one thread alone would take.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchCase } from "./bench.js";
import { titleOf } from "./cases.js";
import { deviceContenders } from "./contender.js";
import { benchUNet, demoUNet } from "./model-benches.js";
import { ContenderProcess } from "./process.js";
import { median, ratioOf, type Ratio } from "./statistics.js";
import { table } from "./table.js";

export interface HogOptions { threads: number; rounds: number; quick: boolean; threshold: number; seconds: number }

/** Milliseconds of one thread and of all, round by round, with and without the busy process. */
export interface HogResult { case: BenchCase; free: HogTimes; beside: HogTimes }
export interface HogTimes { one: number[]; all: number[] }

/** The small network launches short kernels, at which waiting weighs most. */
const demoStep: BenchCase = { bench: "demo-train-step", shape: { batch: 32, config: demoUNet } };
const benchStep: BenchCase = { bench: "unet-train-step", shape: { batch: 16, config: benchUNet } };

const LIMIT_MS = 60_000;
/** Warm-up, in turns of a round: V8 compiles until then. */
const WARM_TURNS = 2;

/** Starts a process that computes until it is killed; resolves when it computes. */
async function startHog(): Promise<ChildProcess> {
  const hog = spawn(process.execPath, ["-e", "process.stdout.write('busy', () => { for (;;); })"], { stdio: ["ignore", "pipe", "ignore"] });
  await once(hog.stdout!, "data");
  return hog;
}

/** Times a case: in each round, one thread and all take turns, first free, then beside the busy process. */
export async function measureHog(c: BenchCase, { threads, rounds, seconds }: HogOptions): Promise<HogResult> {
  const folder = mkdtempSync(join(tmpdir(), "fromnoise-hog-"));
  const result: HogResult = { case: c, free: { one: [], all: [] }, beside: { one: [], all: [] } };
  const started: ContenderProcess[] = [];
  let hog: ChildProcess | undefined;
  try {
    for (const contender of deviceContenders(["wasm"], [1, threads], false)) {
      const { process: contending } = await ContenderProcess.start(contender, LIMIT_MS);
      started.push(contending);
      await contending.ask({ op: "setup", bench: c.bench, shape: c.shape, results: join(folder, "results.f64") }, LIMIT_MS);
      await contending.ask({ op: "warm", seconds: WARM_TURNS * seconds }, LIMIT_MS);
    }
    const [one, all] = started;
    const time = async (contending: ContenderProcess): Promise<number> =>
      median((await contending.ask<{ ms: number[] }>({ op: "run", seconds }, LIMIT_MS)).ms);
    const takeTurns = async (times: HogTimes, round: number): Promise<void> => {
      if (round % 2 === 0) times.one.push(await time(one));
      times.all.push(await time(all));
      if (round % 2 === 1) times.one.push(await time(one));
    };
    for (let round = 0; round < rounds; round++) {
      await takeTurns(result.free, round);
      hog = await startHog();
      await takeTurns(result.beside, round);
      hog.kill("SIGKILL");
    }
    return result;
  } finally {
    hog?.kill("SIGKILL");
    for (const contending of started) contending.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

const ratioIn = ({ one, all }: HogTimes): Ratio => ratioOf(one, all);

/** True where all threads are slower than one beside the busy process, past the threshold and by more than chance. */
export function isHeldUp({ beside }: HogResult, threshold: number): boolean {
  const { ratio, differs } = ratioIn(beside);
  return differs && ratio > threshold;
}

/** The times and ratios as a Markdown table. */
export function formatHog(results: readonly HogResult[], threads: number, threshold: number): string {
  const ms = (values: readonly number[]): string => median(values).toPrecision(4);
  const line = (result: HogResult, where: string, times: HogTimes): string[] => {
    const { ratio, low, high } = ratioIn(times);
    const { bench } = result.case;
    return [`${bench} ${titleOf(result.case)}`, where, ms(times.one), ms(times.all), ratio.toFixed(3), `${low.toFixed(3)} .. ${high.toFixed(3)}`];
  };
  const rows = results.flatMap((result) => [line(result, "alone", result.free), line(result, "beside a busy process", result.beside)]);
  const held = results.filter((result) => isHeldUp(result, threshold)).length;
  return `${table(["case", "running", "1 thread, ms", `${threads} threads, ms`, "ratio", "95 %"], rows)}
${held === 0 ? "no" : held} case${held === 1 ? "" : "s"} past ${threshold} beside the busy process`;
}

/** Returns 1 where a case is held up. */
export async function hogCommand(options: HogOptions): Promise<number> {
  const results: HogResult[] = [];
  for (const c of options.quick ? [demoStep] : [demoStep, benchStep]) {
    console.error(`${c.bench} ${titleOf(c)}`);
    results.push(await measureHog(c, options));
  }
  console.log(formatHog(results, options.threads, options.threshold));
  return results.some((result) => isHeldUp(result, options.threshold)) ? 1 : 0;
}
