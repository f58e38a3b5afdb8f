/** A stage in a worker, seen from the page. */
import type { BenchName, BenchShape } from "../bench.js";
import type { Prepared, Stage } from "../stage.js";

/** A call of a method of Stage, or of `open`. */
export interface WorkerCall { method: "open" | "setup" | "warmUp" | "sample"; args: unknown[] }
export type WorkerReply = { value: unknown } | { error: string };

/** Opens a device in a worker of its own. */
export async function openWorkerStage(spec: string): Promise<Stage> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const call = <T>(method: WorkerCall["method"], ...args: unknown[]): Promise<T> => new Promise((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
      if ("error" in data) reject(new Error(data.error));
      else resolve(data.value as T);
    };
    worker.postMessage({ method, args } satisfies WorkerCall);
  });
  const description = await call<string>("open", spec);
  return {
    description,
    setup: (bench: BenchName, shape: BenchShape) => call<Prepared>("setup", bench, shape),
    warmUp: (seconds) => call<number>("warmUp", seconds),
    sample: (seconds) => call<number[]>("sample", seconds),
  };
}
