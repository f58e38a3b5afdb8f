/** Places of a browser that have no threads: what the wasm device does and says there. */
import { openDevice } from "@fromnoise/tensor";
import { trainTiny } from "../packages/tensor/test/backends/tiny-training.js";
import { runTests, type Outcome, type Part, type Runner } from "./report.js";

/** Why the device has one thread here. */
const ADVICE = {
  "the main thread": [
    "wasm: the main thread of a page cannot wait for other threads", "  threads  2",
    "  open the device in a worker, or with threads: 1",
  ],
  "a page without COOP and COEP": [
    "wasm: threads need SharedArrayBuffer", "  threads  2",
    "  serve the page with COOP: same-origin and COEP: require-corp, or use threads: 1",
  ],
} as const;

/** Runs where threads are not to be had, for the reason `why`: one thread works, two are refused, and so is revectorize. */
export function runWithoutThreads(
  Runner: Runner, why: keyof typeof ADVICE, where: string, log: (part: Part) => void,
): Promise<Part[]> {
  return runTests(Runner, [
    [`${where}: 1 thread works`, oneThreadWorks],
    [`${where}: 2 threads are refused`, () => refused({ threads: 2 }, ADVICE[why].join("\n"))],
    [`${where}: revectorize is refused`, () => refused(
      { revectorize: true }, "wasm: revectorize is a flag of Node's engine, which a page cannot set",
    )],
  ], log);
}

/** The device has one thread unless told otherwise, and learns. */
async function oneThreadWorks(): Promise<Outcome> {
  const device = await openDevice("wasm");
  const { losses } = await trainTiny(device, 100, () => undefined);
  await device.dispose();
  const failures: string[] = [];
  if (!device.description.includes("1 thread,")) failures.push("the device has not one thread");
  if (!(losses.at(-1)! < 0.7 * losses[0])) failures.push(`losses ${losses.join(" ")}`);
  return { measured: `${device.description}; loss ${losses[0].toFixed(3)} to ${losses.at(-1)!.toFixed(3)}`, failures };
}

/** Opening the device is a DeviceError of exactly these lines. */
async function refused(options: { threads?: number; revectorize?: boolean }, message: string): Promise<Outcome> {
  const error = await openDevice("wasm", options).then(() => new Error("the device opened"), (reason: unknown) => reason as Error);
  const right = error.name === "DeviceError" && error.message === message;
  return { measured: message.split("\n")[0], failures: right ? [] : [`${error.name}: ${error.message}`] };
}
