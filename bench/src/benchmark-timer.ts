/** Samples by the `benchmark` package. */
import Benchmark from "benchmark";
import type { Timer } from "./sampling.js";

/** For Node: in browsers the package knows no clock finer than a millisecond. */
export const benchmarkTimer: Timer = async (fn, seconds) => {
  let failure: unknown;
  const benchmark = new Benchmark({
    defer: true, minTime: 1e-9, initCount: 1, minSamples: 1, maxTime: seconds, delay: 0,
    fn: (deferred: { resolve(): void; benchmark: Benchmark }) => {
      fn().catch((error: unknown) => {
        failure = error;
        deferred.benchmark.abort();
      }).finally(() => deferred.resolve());
    },
  });
  await new Promise<void>((resolve) => {
    benchmark.on("complete", () => resolve());
    benchmark.run({ async: true });
  });
  if (failure !== undefined) throw failure;
  return benchmark.stats.sample.map((s) => 1e3 * s);
};
