/** What a GPU has to show, in Node and in a page alike: conformance, goldens, limits, memory, a training run and a sampler. */
import { Device, openDevice, Random, runGoldenOp, type GoldenOp } from "@fromnoise/tensor";
import { verifyUNet, type UNetGolden } from "@fromnoise/nn";
import {
  sampleImages, trainConfig, Trainer, verifyTraining, type ImageDataset, type TrainGolden,
} from "@fromnoise/diffusion";
import { openGpu, type GpuBackend, type GpuMode } from "../packages/tensor/src/backends/gpu/index.js";
import { fusedKernels, kernels, updateKernels, type AnyKernelName } from "../packages/tensor/src/kernels.js";
import { conformanceErrors } from "../packages/tensor/test/backends/conformance.js";
import { trainTiny } from "../packages/tensor/test/backends/tiny-training.js";

/** One thing that was tried: what was measured, and what was wrong with it. */
export interface Part { name: string; measured: string; failures: string[]; seconds: number }
export interface Report { description: string; parts: Part[] }
/** Contents of the golden files by name. */
export type Goldens = Readonly<Record<string, { kind: string }>>;

export type Outcome = Pick<Part, "measured" | "failures">;

const CONFORMANCE_TOLERANCE = 5e-6;
/** Some gradients of the goldens are zero in theory: what stands there in f32 is rounding, measured against a ten-thousandth of the largest. */
const GOLDEN_TOLERANCE = 2e-4;

/** Runs everything in one mode. `log` hears of each part as it is done. Rejects when the mode is not there. */
export async function runSuite(mode: GpuMode, goldens: Goldens, log: (part: Part) => void): Promise<Report> {
  const parts: Part[] = [];
  const part = async (name: string, run: () => Promise<Outcome>): Promise<void> => {
    const started = performance.now();
    const outcome = await run().catch((error: unknown): Outcome => ({ measured: "", failures: [(error as Error).message] }));
    parts.push({ name, ...outcome, seconds: (performance.now() - started) / 1000 });
    log(parts[parts.length - 1]);
  };
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
    await part(`conformance: ${family}`, () => withBackend((backend) => conformance(backend, names)));
  }
  for (const [file, golden] of Object.entries(goldens)) {
    await part(`golden: ${file}`, () => withBackend((_, device) => runGolden(golden, device)));
  }
  await part("limits", () => withBackend(limits));
  await part("300 steps, live buffers", () => withBackend(liveBuffers));
  await part("U-Net: 20 steps, DDIM", () => withBackend(trainAndSample));
  return { description, parts };
}

/** The kernels of the list, in groups that fit a context each. */
function conformanceFamilies(): [string, AnyKernelName[]][] {
  const all = [...Object.keys(kernels), ...Object.keys(fusedKernels), ...Object.keys(updateKernels)] as AnyKernelName[];
  const families = new Map<string, AnyKernelName[]>();
  for (const name of all) {
    const family = name.startsWith("conv2d") ? name : name.startsWith("groupNorm") ? "groupNorm" : /^(matmul|linear)$/.test(name) ? "matmul"
      : name === "binary" ? name : name in updateKernels ? "updates" : "elementwise, reductions, layout";
    families.set(family, [...families.get(family) ?? [], name]);
  }
  return [...families];
}

async function conformance(backend: GpuBackend, names: readonly AnyKernelName[]): Promise<Outcome> {
  const failures: string[] = [];
  let worst = 0;
  let cases = 0;
  for (const name of names) {
    for (const { tensor, attrs, error } of await conformanceErrors(backend, name, { dtype: "f32" })) {
      cases++;
      worst = Math.max(worst, error);
      if (!(error <= CONFORMANCE_TOLERANCE)) failures.push(`${name}, ${tensor} of ${JSON.stringify(attrs)}: error ${error}`);
    }
  }
  return { measured: `${cases} results, worst error ${worst.toExponential(1)}, ${backend.compiledKernels()} kernels`, failures };
}

async function runGolden(golden: { kind: string }, device: Device): Promise<Outcome> {
  const rows: { name: string; quantity: string; error: number }[] = [];
  const options = { device, dtype: "f32" } as const;
  if (golden.kind === "unet") rows.push(...await verifyUNet(golden as unknown as UNetGolden, options));
  else if (golden.kind === "train") rows.push(...await verifyTraining(golden as unknown as TrainGolden, options));
  else {
    for (const [name, op] of Object.entries((golden as unknown as { ops: Record<string, GoldenOp> }).ops)) {
      for (const row of await runGoldenOp(op, device, "f32")) rows.push({ name, ...row });
    }
  }
  const worst = Math.max(...rows.map(({ error }) => error));
  const failures = rows.filter(({ error }) => !(error <= GOLDEN_TOLERANCE)).map(({ name, quantity, error }) => `${name} ${quantity}: error ${error}`);
  return { measured: `${rows.length} quantities, worst error ${worst.toExponential(1)}`, failures };
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
    if (!/limit {4}\d+ \((webgpu|webgl2|headlessgl|webasm|cpu)\)/.test((error as Error).message)) failures.push((error as Error).message);
  }
  return { measured, failures };
}

/** What gpu.js itself holds is the same after each of 300 training steps. */
async function liveBuffers(backend: GpuBackend, device: Device): Promise<Outcome> {
  const live: number[] = [];
  const { losses } = await trainTiny(device, 300, async () => {
    await device.sync();
    live.push(backend.liveBuffers());
  });
  const counts = [...new Set(live.slice(10))]; // by then the loss was read once, for which gpu.js keeps a buffer
  const [first, last] = [losses[0], losses[losses.length - 1]];
  const failures: string[] = [];
  if (counts.length !== 1) failures.push(`live buffers ${live.join(" ")}`);
  if (!(last < 0.5 * first)) failures.push(`losses ${losses.join(" ")}`);
  return { measured: `${counts.join(", ")} buffers after each step; loss ${first.toFixed(3)} to ${last.toFixed(3)}`, failures };
}

const CONFIG = trainConfig({
  model: {
    sample_size: 8, in_channels: 1, out_channels: 1, layers_per_block: 1, block_out_channels: [8, 16], norm_num_groups: 4,
    down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
  },
  steps: 20, batch: 4, seed: 7,
});

/** Twelve 8 x 8 images of stripes. */
const stripes: ImageDataset = {
  name: "stripes", count: 12, size: 8, channels: 1,
  image: (i) => Float32Array.from({ length: 64 }, (_, k) => (Math.floor((k % 8) / (1 + (i % 3))) + Math.floor(i / 3)) % 2 * 2 - 1),
  describe: () => "12 images, 8x8 gray, stripes",
};

/** The losses of a U-Net and what it samples are those of the reference device, step by step; no step leaves a buffer behind. */
async function trainAndSample(backend: GpuBackend, device: Device): Promise<Outcome> {
  const reference = await openDevice("reference");
  const expected = await trainOn(reference, () => 0);
  const actual = await trainOn(device, () => backend.liveBuffers());
  await reference.dispose();
  const failures: string[] = [];
  const lossError = worst(actual.losses, expected.losses);
  const imageError = worst(actual.images, expected.images);
  if (!(lossError <= 1e-3)) failures.push(`losses ${actual.losses.join(" ")}, expected ${expected.losses.join(" ")}`);
  if (!(imageError <= 1e-2)) failures.push(`samples differ by ${imageError}`);
  const live = new Set(actual.live.slice(2)); // Adam's moments and kernels' own buffers are there from the second step on
  if (live.size !== 1) failures.push(`live buffers ${actual.live.join(" ")}`);
  const measured = `losses within ${lossError.toExponential(1)}, samples within ${imageError.toExponential(1)} of reference, ` +
    `${backend.compiledKernels()} kernels, first step ${(actual.milliseconds[0] / 1000).toFixed(1)} s, then ${actual.milliseconds[19].toFixed(0)} ms`;
  return { measured, failures };
}

async function trainOn(device: Device, live: () => number): Promise<{
  losses: number[]; images: number[]; live: number[]; milliseconds: number[];
}> {
  const trainer = new Trainer(CONFIG, device, stripes);
  const [losses, counts, milliseconds]: number[][] = [[], [], []];
  for (let step = 0; step < CONFIG.steps; step++) {
    const started = performance.now();
    losses.push((await trainer.trainStep()).loss);
    milliseconds.push(performance.now() - started);
    counts.push(live());
  }
  const { images } = await sampleImages({
    unet: trainer.unet, device, schedule: trainer.schedule, objective: CONFIG.objective, count: 2, size: [8, 8], random: new Random(5),
    sampler: { name: "ddim", steps: 5, eta: 0, spacing: "trailing" },
  });
  trainer.dispose();
  return { losses, images: Array.from(images.data), live: counts, milliseconds };
}

function worst(actual: readonly number[], expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(actual[i] - value))) / scale;
}
