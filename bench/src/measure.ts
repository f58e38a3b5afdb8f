/**
 * The run: case by case, every contender prepared and checked against the f64 reference, then timed round by round, one contender
 * after the other, so that whatever slows the machine slows all of them.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchCase } from "./bench.js";
import { benchOf, titleOf, workOf } from "./cases.js";
import { label, type Contender } from "./contender.js";
import { maxError } from "./max-error.js";
import { anchor } from "./probe.js";
import { ContenderError, ContenderProcess } from "./process.js";
import { referenceResults } from "./reference.js";
import type { Row } from "./rows.js";
import { median, quantile, relativeMargin } from "./statistics.js";

export interface MeasureOptions {
  contenders: readonly Contender[];
  rounds: number;
  /** Seconds of samples in a round and of warm-up before the first; one run at least. */
  roundSeconds: number;
  warmSeconds: number;
  limitMs: number;
  /** About the longest time for the rounds of one contender in one case: slow ones get fewer rounds, two at least. */
  caseSeconds: { kernel: number; model: number };
  /** True once the user wants to stop: what was measured is kept. */
  interrupted: () => boolean;
  /** Called with each contender's description, and with each row when its case is done. */
  onOpen: (contender: Contender, description: string) => void;
  onRow: (row: Row) => void;
  onProgress: (text: string) => void;
}

/**
 * A case is not tried where the one before it, scaled by the work, says that a run takes this many times the limit. Small cases are
 * mostly overhead, so they overestimate: the bench U-Net at 128 times the work took software renderers 30 to 50 times as long.
 */
const HOPELESS = 3;

/** Starting takes a second or two, more on a busy machine: no contender is judged by it. */
const START_MS = 60_000;

interface Setup { first_ms: number; sizes: number[]; upload_ms?: number; readback_ms?: number; note?: string }

/** A contender in a case that passed its check, and what was timed so far. */
interface Entrant { process: ContenderProcess; row: Row; samples: number[]; anchors: number[]; rounds: number }

/** Processes that stay alive from case to case, and those that failed to start, with their error. */
class Pool {
  readonly #running = new Map<Contender, ContenderProcess>();
  readonly #failed = new Map<Contender, ContenderError>();
  /** By bench and contender: the last case, and how long a run of it took; Infinity where it did not answer in time. */
  readonly #last = new Map<string, { c: BenchCase; ms: number }>();

  constructor(readonly options: MeasureOptions) {}

  /** The contender's process; a new one when `fresh`, for memory that no earlier case has touched. Throws ContenderError. */
  async get(contender: Contender, fresh: boolean): Promise<ContenderProcess> {
    const failure = this.#failed.get(contender);
    if (failure) throw failure;
    const running = this.#running.get(contender);
    if (running && !fresh && !running.ended) return running;
    running?.kill();
    try {
      const { process, description } = await ContenderProcess.start(contender, Math.max(START_MS, this.options.limitMs));
      this.#running.set(contender, process);
      this.options.onOpen(contender, description);
      return process;
    } catch (error) {
      if (!this.options.interrupted()) this.#failed.set(contender, error as ContenderError);
      throw error;
    }
  }

  /** Why the case, which has more work than the one before it of the bench, is not worth trying; undefined where it is. */
  hopeless(c: BenchCase, contender: Contender): string | undefined {
    const last = this.#last.get(`${c.bench} ${label(contender)}`);
    if (last === undefined) return undefined;
    const limit = this.options.limitMs, expected = last.ms * workOf(c) / workOf(last.c);
    if (last.ms === Infinity) return `not tried: ${titleOf(last.c)} took longer than ${seconds(limit)}`;
    if (expected <= HOPELESS * limit) return undefined;
    return `not tried: ${titleOf(last.c)} took ${seconds(last.ms)}, so this would take some ${seconds(expected)}`;
  }

  remember(c: BenchCase, contender: Contender, ms: number): void {
    this.#last.set(`${c.bench} ${label(contender)}`, { c, ms });
  }

  killAll(): void {
    for (const process of this.#running.values()) process.kill();
  }
}

/** Measures all cases. Returns a function that ends every process at once, and the promise of the end. */
export function measure(cases: readonly BenchCase[], options: MeasureOptions): { stop: () => void; done: Promise<void> } {
  const pool = new Pool(options);
  const folder = mkdtempSync(join(tmpdir(), "fromnoise-bench-"));
  const done = (async () => {
    try {
      for (const c of cases) {
        if (options.interrupted()) break;
        await measureCase(c, pool, join(folder, "results.f64"));
      }
    } finally {
      pool.killAll();
      rmSync(folder, { recursive: true, force: true });
    }
  })();
  return { stop: () => pool.killAll(), done };
}

async function measureCase(c: BenchCase, pool: Pool, file: string): Promise<void> {
  const { options } = pool;
  const takers = options.contenders.filter((contender) => contender.takes(c.bench));
  const title = `${c.bench} ${titleOf(c)}`;
  options.onProgress(`${title}: reference`);
  const reference = await referenceResults(c);
  const entrants: Entrant[] = [];
  for (const contender of takers) {
    if (options.interrupted()) break;
    options.onProgress(`${title}: ${label(contender)}`);
    const prepared = await prepare(c, contender, pool, file, reference);
    if ("process" in prepared) entrants.push(prepared);
    else if (!options.interrupted()) options.onRow(prepared);
  }
  options.onProgress(`${title}: timing`);
  await runRounds(entrants, options);
  for (const entrant of entrants) {
    if (entrant.samples.length === 0 && options.interrupted()) continue;
    await finish(c, entrant);
    options.onRow(entrant.row);
  }
}

/** Prepares, checks and warms a contender: an entrant, or the row that says why it is not timed. */
async function prepare(
  c: BenchCase, contender: Contender, pool: Pool, file: string, reference: readonly Float64Array[],
): Promise<Entrant | Row> {
  const { limitMs, warmSeconds, caseSeconds, rounds } = pool.options;
  const row = emptyRow(c, contender);
  const { model, tolerance } = benchOf(c.bench);
  const hopeless = pool.hopeless(c, contender);
  if (hopeless !== undefined) return { ...row, note: hopeless };
  try {
    const process = await pool.get(contender, model);
    const setup = await process.ask<Setup>({ op: "setup", bench: c.bench, shape: c.shape, results: file }, limitMs);
    row.max_error = maxError(readResults(file, setup.sizes), reference);
    row.note = setup.note ?? "";
    if (row.max_error > tolerance) {
      row.note = `wrong: error ${row.max_error.toExponential(1)} is above ${tolerance}; not timed`;
      row.max_error = Number.isFinite(row.max_error) ? row.max_error : null;
      return row;
    }
    Object.assign(row, { first_ms: setup.first_ms, upload_ms: setup.upload_ms ?? null, readback_ms: setup.readback_ms ?? null });
    const { best_ms } = await process.ask<{ best_ms: number }>({ op: "warm", seconds: warmSeconds }, limitMs);
    pool.remember(c, contender, best_ms);
    const affordable = Math.max(2, Math.floor(1e3 * caseSeconds[model ? "model" : "kernel"] / best_ms));
    return { process, row, samples: [], anchors: [], rounds: Math.min(rounds, affordable) };
  } catch (error) {
    if (!(error instanceof ContenderError)) throw error;
    if (error.timedOut) pool.remember(c, contender, Infinity);
    row.note = error.message;
    return row;
  }
}

/** Rounds in which every entrant runs once; each begins with the next one, so that none always follows the same neighbour. */
async function runRounds(entrants: readonly Entrant[], options: MeasureOptions): Promise<void> {
  const { rounds, roundSeconds, limitMs, interrupted } = options;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < entrants.length; i++) {
      if (interrupted()) return;
      const entrant = entrants[(i + round) % entrants.length];
      if (round >= entrant.rounds || entrant.process.ended) continue;
      try {
        entrant.anchors.push(anchor());
        const { ms } = await entrant.process.ask<{ ms: number[] }>({ op: "run", seconds: roundSeconds }, limitMs);
        entrant.samples.push(...ms);
        entrant.row.rounds_ms.push(rounded(median(ms)));
      } catch (error) {
        if (!(error instanceof ContenderError)) throw error;
        if (!interrupted()) entrant.row.note = error.message;
        entrant.rounds = 0;
      }
    }
  }
}

/** Fills in the statistics. */
async function finish(c: BenchCase, { row, samples, anchors, process }: Entrant): Promise<void> {
  const { model, cost } = benchOf(c.bench);
  if (samples.length === 0) return;
  const { flops, bytes } = cost(c.shape);
  const middle = median(samples);
  const margin = relativeMargin(row.rounds_ms);
  Object.assign(row, {
    median_ms: rounded(middle), best_ms: rounded(Math.min(...samples)), p95_ms: rounded(quantile(samples, 0.95)),
    samples: samples.length,
    gflops: flops > 0 ? rounded(flops / middle / 1e6) : null, gbps: bytes > 0 ? rounded(bytes / middle / 1e6) : null,
    rme: Number.isNaN(margin) ? null : rounded(margin), anchor_ms: rounded(median(anchors)),
  } satisfies Partial<Row>);
  if (!model || process.ended) return;
  try {
    const { peak_rss_mb } = await process.ask<{ peak_rss_mb: number | null }>({ op: "memory" }, 10_000);
    row.peak_rss_mb = peak_rss_mb === null ? null : Math.round(peak_rss_mb);
  } catch (error) {
    if (!(error instanceof ContenderError)) throw error;
  }
}

function emptyRow({ bench, shape }: BenchCase, { device, peer, threads }: Contender): Row {
  return {
    bench, shape, device, peer, threads, first_ms: null, median_ms: null, best_ms: null, p95_ms: null, samples: 0,
    gflops: null, gbps: null, peak_rss_mb: null, max_error: null, note: "",
    upload_ms: null, readback_ms: null, rme: null, rounds_ms: [], anchor_ms: null,
  };
}

/** The f64 values of the file, cut into tensors. */
function readResults(file: string, sizes: readonly number[]): Float64Array[] {
  const bytes = readFileSync(file);
  const values = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  let at = 0;
  return sizes.map((size) => values.subarray(at, (at += size)));
}

const seconds = (ms: number): string => `${Number((ms / 1000).toPrecision(2))} s`;

/** Five significant digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
