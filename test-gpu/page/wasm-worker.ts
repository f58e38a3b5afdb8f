/** The worker in which the wasm device runs: one message tells it what to do; it answers with each part as it is done, then all. */
import { Mocha } from "./mocha.js";
import type { Part, Report } from "../report.js";
import { runWasmSuite, type WasmInputs } from "../wasm-suite.js";
import { runWithoutThreads } from "../wasm-threads.js";

/** The suite where there are threads; where the page is not isolated, what the device says of that. */
export type Order = { inputs: WasmInputs } | { inputs?: never };
export type Answer = { log: Part } | { report: Report } | { error: string };

const answer = (message: Answer): void => postMessage(message);
const log = (part: Part): void => answer({ log: part });

onmessage = ({ data: { inputs } }: MessageEvent<Order>) => {
  const run = inputs === undefined
    ? runWithoutThreads(Mocha, "a page without COOP and COEP", "worker, not isolated", log).then((parts) => ({ description: "", parts }))
    : runWasmSuite(Mocha, inputs, log);
  run.then((report) => answer({ report }), (error: unknown) => answer({ error: (error as Error).message }));
};
