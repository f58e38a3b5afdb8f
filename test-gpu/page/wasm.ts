/** Runs the wasm device in a worker of the page, and on the page's main thread what can run there. */
import { Mocha } from "./mocha.js";
import type { Part, Report } from "../report.js";
import type { WasmInputs } from "../wasm-suite.js";
import { runWithoutThreads } from "../wasm-threads.js";
import type { Answer, Order } from "./wasm-worker.js";

/** In a cross-origin isolated page the whole suite; in another one what the device does without SharedArrayBuffer. */
export async function runWasm(log: (part: Part) => void): Promise<Report> {
  const read = async <T>(file: string): Promise<T> => await (await fetch(file)).json() as T;
  const inputs = async (): Promise<WasmInputs> => ({ goldens: await read("goldens.json"), bits: await read("wasm-bits.json") });
  const { description, parts } = await inWorker(crossOriginIsolated ? { inputs: await inputs() } : {}, log);
  const where = `main thread, ${crossOriginIsolated ? "" : "not "}isolated`;
  return { description, parts: [...parts, ...await runWithoutThreads(Mocha, "the main thread", where, log)] };
}

function inWorker(order: Order, log: (part: Part) => void): Promise<Report> {
  const worker = new Worker(new URL("./wasm-worker.ts", import.meta.url), { type: "module" });
  return new Promise<Report>((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(`the worker failed: ${event.message}`));
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if ("log" in data) log(data.log);
      else if ("report" in data) resolve(data.report);
      else reject(new Error(data.error));
    };
    worker.postMessage(order);
  }).finally(() => worker.terminate());
}
