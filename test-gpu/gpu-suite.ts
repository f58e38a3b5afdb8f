/** What a GPU has to show, in Node and in a page alike: conformance, goldens, limits, memory, a training run and a sampler. */
import { Device } from "@fromnoise/tensor";
import { openGpu, type GpuBackend, type GpuMode } from "../packages/tensor/src/backends/gpu/index.js";
import { conformance, conformanceFamilies, holdsSteady, runGolden, trainAndSample } from "./checks.js";
import { Parts, type Goldens, type Outcome, type Part, type Report } from "./report.js";

const CONFORMANCE_TOLERANCE = 5e-6;
const GOLDEN_TOLERANCE = 1e-4;

/** Runs everything in one mode. `log` hears of each part as it is done. Rejects when the mode is not there. */
export async function runGpuSuite(mode: GpuMode, goldens: Goldens, log: (part: Part) => void): Promise<Report> {
  const parts = new Parts(log);
  const withBackend = async (run: (backend: GpuBackend, device: Device) => Promise<Outcome>): Promise<Outcome> => {
    const backend = await openGpu(mode);
    try {
      return await run(backend, Device.over("gpu", backend));
    } finally {
      await backend.dispose();
    }
  };
  const probe = await openGpu(mode);
  const { description } = probe;
  await probe.dispose();

  for (const [family, names] of conformanceFamilies()) {
    await parts.try(`conformance: ${family}`, () => withBackend((backend) =>
      withKernelCount(backend, conformance(backend, names, () => CONFORMANCE_TOLERANCE))));
  }
  for (const [file, golden] of Object.entries(goldens)) {
    await parts.try(`golden: ${file}`, () => withBackend((_, device) => runGolden(golden, device, GOLDEN_TOLERANCE)));
  }
  await parts.try("limits", () => withBackend(limits));
  await parts.try("300 steps, live buffers", () => withBackend((backend, device) =>
    holdsSteady(device, () => `${backend.liveBuffers()} buffers`)));
  await parts.try("U-Net: 20 steps, DDIM", () => withBackend((backend, device) =>
    withKernelCount(backend, trainAndSample(device, () => backend.liveBuffers()))));
  return { description, parts: parts.done };
}

/** Adds how many kernels gpu.js compiled for it. */
async function withKernelCount(backend: GpuBackend, run: Promise<Outcome>): Promise<Outcome> {
  const { measured, failures } = await run;
  return { measured: `${measured}, ${backend.compiledKernels()} kernels`, failures };
}

/** An array past 2^24 numbers is right to its last element, or refused under the limit's name. */
async function limits(backend: GpuBackend): Promise<Outcome> {
  const n = 2 ** 24 + 3;
  const failures: string[] = [];
  let measured: string;
  try {
    const values = Float32Array.from({ length: n }, (_, i) => i % 1021);
    const x = backend.upload(values, [n], "f32");
    const y = backend.allocate([n], "f32");
    backend.kernels.affine(y, { x }, { n }, { scale: 2, shift: 1 });
    const result = await backend.read(y);
    const wrong = values.findIndex((value, i) => result[i] !== 2 * value + 1);
    if (wrong >= 0) failures.push(`element ${wrong} of ${n} is ${result[wrong]}, not ${2 * values[wrong] + 1}`);
    measured = `${n} numbers in one array`;
    backend.free(x);
    backend.free(y);
  } catch (error) {
    measured = `${n} numbers refused`;
    const { message } = error as Error;
    if (!/limit {4}\d+ \((webgpu|webgl2|headlessgl|webasm|cpu)\)/.test(message)) failures.push(message);
  }
  return { measured, failures };
}
