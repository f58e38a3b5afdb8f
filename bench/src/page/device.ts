/** Our devices in a page: those of a GPU in the page itself, wasm in a worker, where threads can be waited for. */
import { openDeviceSpec } from "@fromnoise/tensor";
import { deviceEngine } from "../device-engine.js";
import type { Engine } from "../engine.js";
import { EngineStage, type Stage } from "../stage.js";
import { clockTimer, servePage } from "./page.js";
import { waitForGl, watchGl } from "./wait-gl.js";
import { openWorkerStage } from "./worker-stage.js";

watchGl();
servePage(async (spec): Promise<Stage> =>
  (spec.startsWith("wasm") ? openWorkerStage(spec) : new EngineStage(await openWaitingEngine(spec), clockTimer)));

/** A device that is waited for by fences too. */
async function openWaitingEngine(spec: string): Promise<Engine> {
  const device = await openDeviceSpec(spec);
  const sync = device.sync.bind(device);
  device.sync = async () => {
    await sync();
    await waitForGl();
  };
  return deviceEngine(device);
}
