/** What a GPU has to show, in Node and in a page alike: conformance, goldens, limits, memory, a training run and a sampler. */
import { Device } from "@fromnoise/tensor";
import { openGpu, type GpuBackend, type GpuMode } from "../packages/tensor/src/backends/gpu/index.js";
import { limitCases, limitFailure } from "../packages/tensor/test/backends/gpu-limits.js";
import { conformance, conformanceFamilies, holdsSteady, runGolden, trainAndSample } from "./checks.js";
import { runTests, type Goldens, type Outcome, type Part, type Report, type Runner, type Tests } from "./report.js";

const CONFORMANCE_TOLERANCE = 5e-6;
const GOLDEN_TOLERANCE = 1e-4;

/** Runs everything in one mode. `log` hears of each part as it is done. Rejects when the mode is not there. */
export async function runGpuSuite(Runner: Runner, mode: GpuMode, goldens: Goldens, log: (part: Part) => void): Promise<Report> {
  const tests: Tests = [];
  const withBackend = async (run: (backend: GpuBackend, device: Device) => Promise<Outcome>): Promise<Outcome> => {
    const backend = await openGpu(mode);
    try {
      return await run(backend, Device.over("gpu", backend));
    } finally {
      await backend.dispose();
    }
  };
  const webGpu = navigatorGpu();
  const probe = await openGpu(mode);
  const { description } = probe;
  await probe.dispose();

  for (const [family, names] of conformanceFamilies()) {
    tests.push([`conformance: ${family}`, () => withBackend((backend) =>
      withKernelCount(backend, conformance(backend, names, () => CONFORMANCE_TOLERANCE)))]);
  }
  for (const [file, golden] of Object.entries(goldens)) {
    tests.push([`golden: ${file}`, () => withBackend((_, device) => runGolden(golden, device, GOLDEN_TOLERANCE))]);
  }
  for (const one of limitCases) {
    tests.push([`limits: ${one.name}`, () => withBackend(async (backend) => {
      const failure = await limitFailure(one, backend, mode);
      return { measured: one.fits(mode) ? "right to the last" : "refused", failures: failure === undefined ? [] : [failure] };
    })]);
  }
  tests.push(["300 steps, live buffers", () => withBackend((backend, device) =>
    holdsSteady(device, () => `${backend.liveBuffers()} buffers`))]);
  tests.push(["U-Net: 20 steps, DDIM", () => withBackend((backend, device) =>
    withKernelCount(backend, trainAndSample(device, () => backend.liveBuffers())))]);
  tests.push(["navigator.gpu", () => Promise.resolve({
    measured: "as it was", failures: navigatorGpu() === webGpu ? [] : ["is another one than before"],
  })]);
  return { description, parts: await runTests(Runner, tests, log) };
}

/** WebGPU where gpu.js and everyone else looks for it; Node has none. */
const navigatorGpu = (): unknown => (globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu;

/** Adds how many kernels gpu.js compiled for it. */
async function withKernelCount(backend: GpuBackend, run: Promise<Outcome>): Promise<Outcome> {
  const { measured, failures } = await run;
  return { measured: `${measured}, ${backend.compiledKernels()} kernels`, failures };
}
