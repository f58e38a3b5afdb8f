/** Threads in browsers: workers below the one that runs the library. */
import type { Platform } from "./platform.js";

/** The parts of a browser's globals used here. */
interface Browser {
  navigator?: { hardwareConcurrency?: number };
  document?: unknown;
  Worker?: new (url: string) => {
    postMessage(message: unknown): void;
    terminate(): void;
    onmessage: unknown;
    onerror: unknown;
  };
  Blob: new (parts: string[], options: { type: string }) => object;
  URL: { createObjectURL(blob: object): string; revokeObjectURL(url: string): void };
}

const browser = globalThis as unknown as Browser;

export const platform: Platform = {
  cores: browser.navigator?.hardwareConcurrency ?? 1,
  memoryBytes: 2 ** 33,
  mayBlock: browser.document === undefined,

  async startWorker(source, message) {
    const { Worker } = browser;
    if (Worker === undefined) throw new Error("there are no workers here");
    const url = browser.URL.createObjectURL(new browser.Blob([source], { type: "text/javascript" }));
    const worker = new Worker(url);
    try {
      await new Promise<void>((resolve, reject) => {
        worker.onmessage = () => resolve();
        worker.onerror = (event: { message?: string }) => reject(new Error(event.message ?? "the worker could not start"));
        worker.postMessage(message);
      });
    } finally {
      browser.URL.revokeObjectURL(url);
    }
    return { terminate: () => Promise.resolve(worker.terminate()) };
  },

  engine: undefined,
  setEngineFlag: () => false,
  architecture: undefined,
  machine: () => "",
  recall: () => undefined,
  keep: () => undefined,
  environment: () => undefined,
};
