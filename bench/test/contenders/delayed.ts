/** The reference device with a fixed delay in every kernel: the slow code that `compare` must find. */
import { openDevice } from "@fromnoise/tensor";
import { deviceEngine } from "../../src/device-engine.js";
import type { Engine } from "../../src/engine.js";

const DELAY_MS = 2;

export async function openEngine(): Promise<Engine> {
  const device = await openDevice("reference");
  const run = device.run.bind(device);
  device.run = (...call) => {
    const end = performance.now() + DELAY_MS;
    while (performance.now() < end);
    return run(...call);
  };
  return deviceEngine(device);
}
