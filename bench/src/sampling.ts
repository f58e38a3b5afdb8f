/** Timing in the contender's own process, by the `benchmark` package. */
import Benchmark from "benchmark";
import type { Session } from "./engine.js";

/** Below this many milliseconds a sample repeats the run: the clock and the wait must not count. */
const MIN_SAMPLE_MS = 1;

/** Samples of a session. The number of runs in a sample is fixed by an estimate, so that all samples are alike. */
export class Sampler {
  readonly #session: Session;
  #runsPerSample = 1;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Runs until `seconds` are over, once at least, and sets the runs per sample by the fastest, whose milliseconds it returns. */
  async warmUp(seconds: number): Promise<number> {
    const end = performance.now() + 1e3 * seconds;
    let best = Infinity, batch = 1;
    do {
      const start = performance.now();
      await this.#runs(batch);
      const ms = (performance.now() - start) / batch;
      best = Math.min(best, ms);
      batch = Math.max(1, Math.min(1e6, Math.ceil(MIN_SAMPLE_MS / ms)));
    } while (performance.now() < end);
    this.#runsPerSample = Math.max(1, Math.ceil(MIN_SAMPLE_MS / best));
    return best;
  }

  /** Milliseconds a run, sample by sample, for `seconds` and at least one sample. */
  async sample(seconds: number): Promise<number[]> {
    const runs = this.#runsPerSample;
    let failure: unknown;
    const benchmark = new Benchmark({
      defer: true, minTime: 1e-9, initCount: 1, minSamples: 1, maxTime: seconds, delay: 0,
      fn: (deferred: { resolve(): void; benchmark: Benchmark }) => {
        this.#runs(runs).catch((error: unknown) => {
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
    return benchmark.stats.sample.map((s) => (1e3 * s) / runs);
  }

  async #runs(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const running = this.#session.run();
      if (running !== undefined) await running;
    }
    await this.#session.sync?.();
  }
}
