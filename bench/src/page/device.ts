/** Our devices in a page: those of a GPU in the page itself, wasm in a worker, where threads can be waited for. */
import { openDevice } from "@fromnoise/tensor";
import { deviceEngine } from "../device-engine.js";
import { EngineStage, type Stage } from "../stage.js";
import { clockTimer, servePage } from "./page.js";
import { waitedByFences, watchGl } from "./wait-gl.js";
import { openWorkerStage } from "./worker-stage.js";

watchGl();
servePage(async (spec): Promise<Stage> =>
  (spec.startsWith("wasm") ? openWorkerStage(spec) : new EngineStage(deviceEngine(waitedByFences(await openDevice(spec))), clockTimer)));
