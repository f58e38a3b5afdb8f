/** Threads and engine flags in Node. */
import { cpus, availableParallelism, totalmem } from "node:os";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { keepFile, recallFile } from "./cache-folder.js";
import type { Platform } from "./platform.js";

export const platform: Platform = {
  cores: availableParallelism(),
  memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Infinity),      // the latter is 0 where nothing constrains
  mayBlock: true,

  async startWorker(source, message) {
    const worker = new Worker(source, { eval: true, execArgv: [] });
    worker.postMessage(message);
    await new Promise<void>((resolve, reject) => {
      worker.once("message", () => resolve());
      worker.once("error", reject);
      worker.once("exit", (code) => reject(new Error(`the worker thread ended with code ${code}`)));
    });
    worker.unref(); // an idle pool does not keep the process alive
    return { terminate: async () => void await worker.terminate() };
  },

  engine: `V8 ${/^[\d.]*\d/.exec(process.versions.v8)?.[0]}`,

  setEngineFlag(flag) {
    setFlagsFromString(flag);
    return true;
  },

  architecture: process.arch,
  machine: () => JSON.stringify([process.arch, cpus()[0]?.model, process.versions.v8, process.execArgv, process.env["NODE_OPTIONS"]]),
  recall: recallFile,
  keep: keepFile,

  environment: (name) => process.env[name],
};
