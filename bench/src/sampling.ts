/** Timing where the contender computes: in its process, or in its page. */
import type { Session } from "./engine.js";

/** Takes samples of fn for `seconds`, one at least: milliseconds of each. */
export type Timer = (fn: () => Promise<void>, seconds: number) => Promise<number[]>;

/**
 * Below this many milliseconds a sample repeats the run: the clock and the wait must not count, nor must what the system takes to
 * give threads their cores back after the pause between samples, some milliseconds.
 */
const MIN_SAMPLE_MS = 10;

/** Samples of a session. The number of runs in a sample is fixed by an estimate, so that all samples are alike. */
export class Sampler {
  readonly #session: Session;
  readonly #timer: Timer;
  #runsPerSample = 1;

  constructor(session: Session, timer: Timer) {
    this.#session = session;
    this.#timer = timer;
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
    return (await this.#timer(() => this.#runs(runs), seconds)).map((ms) => ms / runs);
  }

  async #runs(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const running = this.#session.run();
      if (running !== undefined) await running;
    }
    await this.#session.sync?.();
  }
}
