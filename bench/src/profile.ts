/**
 * `bench profile`: where the time of a training step of the bench U-Net goes on one device. Kernels by time, issuing (JavaScript,
 * until every launch is on its way) against waiting for results, the first step, and a sampling run of 50 DDIM steps.
 */
import { Device, openDevice, parseDevice } from "@fromnoise/tensor";
import { disposeParameters } from "@fromnoise/nn";
import { ddim, discreteProcess, sampleImages, type DiffusionModel } from "@fromnoise/diffusion";
// The backend itself: its launches and compiled kernels are no business of a device.
import { openGpu, type GpuBackend } from "../../packages/tensor/src/backends/gpu/index.js";
import type { ModelShape } from "./bench.js";
import { benchUNet, modelBenches, modelNetwork } from "./model-benches.js";
import { median } from "./statistics.js";
import { table } from "./table.js";

const STEPS = 5;
const DDIM_STEPS = 50;

/** Time spent in the launches of one kernel, in ms. */
interface Row { kernel: string; launches: number; ms: number }

/** A device and what can be learnt about a step on it. */
interface Probe {
  readonly device: Device;
  /** Runs fn and gives its launches by kernel, each timed until it was done. */
  launchesOf(fn: () => Promise<void>): Promise<Row[]>;
  /** Runs fn and gives the ms in which nothing was issued: kernels that run as they are called, or the wait for results. */
  computingOf(fn: () => Promise<void>): Promise<number>;
  /** Kernels compiled so far, where a device compiles them. */
  compiled?(): number;
}

class Rows {
  readonly #rows = new Map<string, Row>();
  add(kernel: string, ms: number): void {
    const row = this.#rows.get(kernel) ?? { kernel, launches: 0, ms: 0 };
    row.launches++;
    row.ms += ms;
    this.#rows.set(kernel, row);
  }

  /** The slowest first. */
  sorted(): Row[] {
    return [...this.#rows.values()].sort((a, b) => b.ms - a.ms);
  }
}

/** A kernel has run when its call returns: what is not spent in kernels is issuing. */
function synchronousProbe(device: Device): Probe {
  const launchesOf: Probe["launchesOf"] = async (fn) => {
    const rows = new Rows();
    const detach = device.attach({ after: ({ kernel, ms }) => rows.add(kernel, ms) });
    try {
      await fn();
    } finally {
      detach();
    }
    return rows.sorted();
  };
  return { device, launchesOf, computingOf: async (fn) => (await launchesOf(fn)).reduce((sum, { ms }) => sum + ms, 0) };
}

function gpuProbe(backend: GpuBackend): Probe {
  return {
    device: Device.over("gpu", backend),
    async launchesOf(fn) {
      const rows = new Rows();
      backend.observeLaunches(({ kernel, issuing, computing }) => rows.add(kernel, issuing + computing));
      try {
        await fn();
      } finally {
        backend.observeLaunches(undefined);
      }
      return rows.sorted();
    },
    async computingOf(fn) {
      const before = backend.waitedMs();
      await fn();
      return backend.waitedMs() - before;
    },
    compiled: () => backend.compiledKernels(),
  };
}

/** Opens a device with what tells of its launches. Throws as openDevice. */
export async function openProbe(spec: string): Promise<Probe> {
  const parsed = parseDevice(spec);
  return parsed.name === "gpu" ? gpuProbe(await openGpu(parsed.options.mode)) : synchronousProbe(await openDevice(spec));
}

async function timed(fn: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await fn();
  return performance.now() - start;
}

/** Ms of `count` images by DDIM, after a run that compiles. */
async function sample(shape: ModelShape, device: Device): Promise<number> {
  const network = modelNetwork(shape, device, "f32");
  const process = discreteProcess({ name: "linear", timesteps: 1000 });
  const model: DiffusionModel = { network, process, prediction: "eps" };
  const run = (steps: number): Promise<unknown> =>
    sampleImages({ model, device, count: shape.batch, batch: shape.batch, sampler: ddim, options: { steps } });
  await run(2);
  const ms = await timed(() => run(DDIM_STEPS));
  disposeParameters(network);
  return ms;
}

const show = (ms: number): string => ms.toFixed(ms < 100 ? 1 : 0);

/** Profiles the training step on a device and prints what it learns. Gives the exit code. */
export async function profileCommand(spec: string, batch: number, print: (text: string) => void = console.log): Promise<number> {
  const probe = await openProbe(spec);
  const { device } = probe;
  const shape: ModelShape = { batch, config: benchUNet };
  print(`${spec}: ${device.description}\n${modelBenches["unet-train-step"].title(shape)}, training step`);
  const workload = modelBenches["unet-train-step"].open(shape, device, "f32");
  const step = async (): Promise<void> => {
    await workload.run();
    await device.sync();
  };
  await device.sync();
  const first = await timed(step);
  const compiled = probe.compiled === undefined ? "" : `, ${probe.compiled()} kernels compiled so far`;
  print(`first step   ${show(first)} ms${compiled}`);

  const steps: { ms: number; computing: number }[] = [];
  for (let i = 0; i < STEPS; i++) {
    let computing = 0;
    const ms = await timed(async () => void (computing = await probe.computingOf(step)));
    steps.push({ ms, computing });
  }
  const ms = median(steps.map((s) => s.ms));
  const issuing = median(steps.map((s) => s.ms - s.computing));
  const share = (100 * issuing / ms).toFixed(0);
  print(`step         ${show(ms)} ms, of which issuing ${show(issuing)} ms = ${share} % (medians of ${STEPS})`);

  const rows = await probe.launchesOf(step);
  const total = rows.reduce((sum, row) => sum + row.ms, 0);
  const launches = rows.reduce((sum, row) => sum + row.launches, 0);
  print(`\nOne step whose launches are waited for, one by one: ${launches} launches, ${show(total)} ms`);
  print(table(["kernel", "launches", "ms", "% of the time"],
    rows.map((row) => [row.kernel, `${row.launches}`, row.ms.toFixed(2), (100 * row.ms / total).toFixed(1)])));
  workload.dispose();

  print(`\nsampling     ${show(await sample(shape, device))} ms for ${batch} images by ${DDIM_STEPS} DDIM steps`);
  await device.dispose();
  return 0;
}
