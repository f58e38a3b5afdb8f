/** Runs the suite in one mode in this process: `node test-gpu/node.ts MODE`. The report is the last line, as JSON. */
import Mocha from "mocha";
import type { GpuMode } from "../packages/tensor/src/backends/gpu/index.js";
import { readGoldens } from "./goldens.js";
import { runGpuSuite } from "./gpu-suite.js";

try {
  const report = await runGpuSuite(Mocha, process.argv[2] as GpuMode, readGoldens(), ({ name, seconds }) =>
    console.error(`${name} ${seconds.toFixed(1)} s`));
  console.log(JSON.stringify(report));
} catch (error) {
  console.error(String(error));
  process.exit(1);
}
