/** Runs a suite in a page: `?suite=webgl2`, webgpu or wasm. The runner reads `report`, a promise of the report as JSON. */
import { Mocha } from "./mocha.js";
import type { GpuMode } from "../../packages/tensor/src/backends/gpu/index.js";
import { runGpuSuite } from "../gpu-suite.js";
import type { Goldens, Part, Report } from "../report.js";
import { runWasm } from "./wasm.js";

const log = ({ name, seconds }: Part): void => console.log(`${name} ${seconds.toFixed(1)} s`);

async function run(suite: GpuMode | "wasm"): Promise<Report> {
  if (suite === "wasm") return runWasm(log);
  return runGpuSuite(Mocha, suite, await (await fetch("goldens.json")).json() as Goldens, log);
}

const suite = new URLSearchParams(location.search).get("suite") as GpuMode | "wasm";
Object.assign(window, { report: run(suite).then((report) => JSON.stringify(report)) });
