/** Runs the suite in a page: `index.html?mode=webgl2`. The runner reads `suite`, a promise of the report as JSON. */
import type { GpuMode } from "../../packages/tensor/src/backends/gpu/index.js";
import { runSuite, type Goldens } from "../suite.js";

async function run(): Promise<string> {
  const mode = new URLSearchParams(location.search).get("mode") as GpuMode;
  const goldens = await (await fetch("goldens.json")).json() as Goldens;
  return JSON.stringify(await runSuite(mode, goldens, ({ name, seconds }) => console.log(`${name} ${seconds.toFixed(1)} s`)));
}

Object.assign(window, { suite: run() });
