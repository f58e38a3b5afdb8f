/** The JSON that a run writes, and what a change of it must raise: `SCHEMA`. */
import {
  any, array, boolean, check, finite, gtValue, literal, minValue, nullable, number, object, picklist, pipe, record, string, type GenericSchema,
} from "valibot";
import { benchNames, type BenchName, type BenchShape } from "./bench.js";

export const SCHEMA = 1;

/** One bench at one size by one contender. Times are null where nothing was timed; `note` says why. */
export interface Row {
  bench: BenchName;
  shape: BenchShape;
  /** Our device string without its threads ("wasm:exact"), or what a peer computes on ("cpu", "wasm"). */
  device: string;
  /** The other library, null for ours. */
  peer: string | null;
  threads: number;
  /** The first run, which compiles what is compiled late. */
  first_ms: number | null;
  median_ms: number | null;
  best_ms: number | null;
  p95_ms: number | null;
  /** How many samples the statistics are of. */
  samples: number;
  /** Effective: operations of the direct algorithm over the median. */
  gflops: number | null;
  gbps: number | null;
  /** Of the contender's process, models only. */
  peak_rss_mb: number | null;
  /** max |difference| / max |reference| over the results, the reference in f64. */
  max_error: number | null;
  note: string;
  /** Moving the inputs to the device and the results back; kernels on our devices only. */
  upload_ms: number | null;
  readback_ms: number | null;
  /** Relative margin of error of the mean at 95 %, in percent, from the rounds. */
  rme: number | null;
  /** The median of each round, which `compare` reads: samples of one round are not independent, rounds are more so. */
  rounds_ms: number[];
  /** Median time of the anchor (see probe.ts) in the same rounds. */
  anchor_ms: number | null;
}

export interface Machine {
  cpu: string;
  cores: number;
  memory_gb: number;
  os: string;
  v8: string;
  /** Peaks measured in this run by WebAssembly probes, one thread. */
  peaks: Peaks;
  /** Contender label to its own description, such as the renderer of a GPU or the BLAS of PyTorch. */
  contenders: Record<string, string>;
}

/** GFLOP/s of 128-bit operations, mul+add and (where the engine has them) fused; GB/s of a copying loop. */
export interface Peaks { muladd_gflops: number; fused_gflops: number | null; cache_gbps: number; memory_gbps: number }

export interface Report {
  schema: typeof SCHEMA;
  machine: Machine;
  date: string;
  commit: string;
  node: string;
  /** The command line, and whether the run was interrupted. */
  command: string;
  complete: boolean;
  rows: Row[];
}

const figure = pipe(number(), finite());
const measured = nullable(figure);

const row: GenericSchema<unknown, Row> = pipe(
  object({
    bench: picklist(benchNames), shape: record(string(), any()), device: string(), peer: nullable(string()), threads: figure,
    first_ms: measured, median_ms: measured, best_ms: measured, p95_ms: measured, samples: pipe(number(), minValue(0)), gflops: measured, gbps: measured,
    peak_rss_mb: measured, max_error: measured, note: string(), upload_ms: measured, readback_ms: measured, rme: measured,
    rounds_ms: array(pipe(number(), gtValue(0))), anchor_ms: measured,
  }),
  check(({ samples, rounds_ms }) => rounds_ms.length > 0 === samples > 0, "rounds where there are samples, and none where there are none"),
);

/** What a run has written. */
export const reportSchema: GenericSchema<unknown, Report> = object({
  schema: literal(SCHEMA), date: string(), commit: string(), node: string(), command: string(), complete: boolean(), rows: array(row),
  machine: object({
    cpu: string(), cores: figure, memory_gb: figure, os: string(), v8: string(), contenders: record(string(), string()),
    peaks: object({ muladd_gflops: figure, fused_gflops: measured, cache_gbps: figure, memory_gbps: figure }),
  }),
});

/** "wasm:exact, 2 threads"; "torch, 1 thread"; the name of a contender in tables. */
export function labelOf({ device, peer, threads }: Pick<Row, "device" | "peer" | "threads">): string {
  const name = peer === null ? device : device === "cpu" ? peer : `${peer} ${device}`;
  return threads > 0 ? `${name} (${threads})` : name;
}
