/** Where a contender works on one case after the other: in its own process, or in a page of Chromium (see `page-stage.ts`). */
import type { BenchName, BenchShape } from "./bench.js";
import type { Engine, Session } from "./engine.js";
import { Sampler, type Timer } from "./sampling.js";

/** A case that is prepared: time of the first run, its results, and of kernels on our devices the times of transfers. */
export interface Prepared {
  first_ms: number;
  results: Float64Array[];
  upload_ms?: number | undefined;
  readback_ms?: number | undefined;
}

export interface Stage {
  /** One line for the report: version, variant, renderer. */
  readonly description: string;
  /** Ends the case before, prepares this one, and runs it once. Rejects, in the contender's own words, where it cannot do the work. */
  setup(bench: BenchName, shape: BenchShape): Promise<Prepared>;
  /** Runs for `seconds`, once at least; milliseconds of the fastest run. */
  warmUp(seconds: number): Promise<number>;
  /** Milliseconds a run, sample by sample, for `seconds` and at least one sample. */
  sample(seconds: number): Promise<number[]>;
}

/** A stage for an engine of the same process or page. */
export class EngineStage implements Stage {
  readonly #engine: Engine;
  readonly #timer: Timer;
  #session: Session | undefined;
  #sampler: Sampler | undefined;

  constructor(engine: Engine, timer: Timer) {
    this.#engine = engine;
    this.#timer = timer;
  }

  get description(): string {
    return this.#engine.description;
  }

  async setup(bench: BenchName, shape: BenchShape): Promise<Prepared> {
    this.#session?.dispose();
    this.#session = this.#sampler = undefined;
    const session = this.#session = await this.#engine.open(bench, shape);
    const start = performance.now();
    const results = await session.results();
    const first_ms = performance.now() - start;
    this.#sampler = new Sampler(session, this.#timer);
    const transfer = await session.transfer?.();
    return {
      first_ms, results: results.map((values) => Float64Array.from(values)),
      upload_ms: transfer?.upload, readback_ms: transfer?.readback,
    };
  }

  warmUp(seconds: number): Promise<number> {
    return this.#sampler!.warmUp(seconds);
  }

  sample(seconds: number): Promise<number[]> {
    return this.#sampler!.sample(seconds);
  }
}

/** An error in the words of who threw it. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.name === "Error" ? error.message : `${error.name}: ${error.message}`) : String(error);
}
