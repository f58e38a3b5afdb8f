/** The side of a contender that is in the page: answers the requests that `page-stage.ts` makes by calling `answer`. */
import type { BenchName, BenchShape } from "../bench.js";
import type { Timer } from "../sampling.js";
import { describeError, type Prepared, type Stage } from "../stage.js";

export type PageRequest =
  | { op: "open"; spec: string; threads: number }
  | { op: "setup"; bench: BenchName; shape: BenchShape }
  | { op: "warm" | "run"; seconds: number };

export type PageAnswer = { value: unknown } | { error: string };

/** Results as data URLs of their f64 values. */
export interface PagePrepared extends Omit<Prepared, "results"> { results: string[] }

/** Puts `answer` where the contender's process looks for it; `open` opens a device or a peer. */
export function servePage(open: (spec: string, threads: number) => Promise<Stage>): void {
  let stage: Stage | undefined;
  const respond = async (request: PageRequest): Promise<unknown> => {
    switch (request.op) {
      case "open":
        stage = await open(request.spec, request.threads);
        return stage.description;
      case "setup": {
        const prepared = await stage!.setup(request.bench, request.shape);
        return { ...prepared, results: await Promise.all(prepared.results.map(encode)) } satisfies PagePrepared;
      }
      case "warm":
        return stage!.warmUp(request.seconds);
      case "run":
        return stage!.sample(request.seconds);
    }
  };
  const answer = (request: PageRequest): Promise<PageAnswer> =>
    respond(request).then((value) => ({ value }), (error: unknown) => ({ error: describeError(error) }));
  Object.assign(window, { answer });
}

/** Samples by the page's clock, which is exact to 5 microseconds in an isolated page: what the `benchmark` package does in Node. */
export const clockTimer: Timer = async (fn, seconds) => {
  const samples: number[] = [], end = performance.now() + 1e3 * seconds;
  do {
    const start = performance.now();
    await fn();
    samples.push(performance.now() - start);
  } while (performance.now() < end);
  return samples;
};

function encode(values: Float64Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error("the results cannot be encoded"));
    reader.readAsDataURL(new Blob([values as Float64Array<ArrayBuffer>]));
  });
}
