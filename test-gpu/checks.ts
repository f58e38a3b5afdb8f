/** Checks that every device passes alike: conformance, goldens, a training run and a sampler beside the reference. */
import { largestGradient, openDevice, runGoldenOp, type Device, type GoldenOp } from "@fromnoise/tensor";
import { verifyUNet, type UNetGolden } from "@fromnoise/nn";
import {
  ddim, sampleImages, trainConfig, Trainer, verifyTraining, type Dataset, type TrainGolden,
} from "@fromnoise/diffusion";
import type { Backend } from "../packages/tensor/src/core/backend.js";
import { kernelNames, updatedBy, type KernelName } from "../packages/tensor/src/kernels/contract.js";
import { conformanceErrors } from "../packages/tensor/test/backends/conformance.js";
import { trainTiny } from "../packages/tensor/test/backends/tiny-training.js";
import type { Outcome } from "./report.js";

/** The kernels of the list, in groups that fit a context each. */
export function conformanceFamilies(): [string, KernelName[]][] {
  const families = new Map<string, KernelName[]>();
  for (const name of kernelNames) {
    const family = name.startsWith("conv2d") || name === "binary" ? name : name.startsWith("groupNorm") ? "groupNorm"
      : /^(matmul|linear)$/.test(name) ? "matmul" : updatedBy(name).length > 0 ? "updates" : "elementwise, reductions, layout";
    families.set(family, [...families.get(family) ?? [], name]);
  }
  return [...families];
}

/** Every case of those of the kernels that a backend has, fused ones may be missing, against the reference in f64. */
export async function conformance<T>(
  backend: Backend<T>, names: readonly KernelName[], tolerance: (kernel: KernelName) => number,
): Promise<Outcome> {
  const failures: string[] = [];
  let worst = 0;
  let cases = 0;
  for (const name of names.filter((kernel) => backend.kernels[kernel] !== undefined)) {
    for (const { tensor, attrs, error } of await conformanceErrors(backend, name, { dtype: "f32" })) {
      cases++;
      worst = Math.max(worst, error);
      if (!(error <= tolerance(name))) failures.push(`${name}, ${tensor} of ${JSON.stringify(attrs)}: error ${error}`);
    }
  }
  return { measured: `${cases} results, worst error ${worst.toExponential(1)}`, failures };
}

/**
 * The quantities of a golden file, computed on a device in f32. Some gradients of the goldens are zero in theory: what stands there in
 * f32 is rounding, measured against a ten-thousandth of the largest.
 */
export async function runGolden(golden: { kind: string }, device: Device, tolerance: number): Promise<Outcome> {
  const rows: { name: string; quantity: string; error: number }[] = [];
  const options = { device, dtype: "f32" } as const;
  if (golden.kind === "unet") rows.push(...await verifyUNet(golden as unknown as UNetGolden, options));
  else if (golden.kind === "train") rows.push(...await verifyTraining(golden as unknown as TrainGolden, options));
  else {
    const { ops } = golden as unknown as { ops: Record<string, GoldenOp> };
    const largest = largestGradient(Object.values(ops));
    for (const [name, op] of Object.entries(ops)) {
      for (const row of await runGoldenOp(op, device, "f32", largest)) rows.push({ name, ...row });
    }
  }
  const worst = Math.max(...rows.map(({ error }) => error));
  const failures = rows.filter(({ error }) => !(error <= tolerance))
    .map(({ name, quantity, error }) => `${name} ${quantity}: error ${error}`);
  return { measured: `${rows.length} quantities, worst error ${worst.toExponential(1)}`, failures };
}

/** What is held, told by `held`, is the same after each of 300 training steps, which learn. */
export async function holdsSteady(device: Device, held: () => string): Promise<Outcome> {
  const all: string[] = [];
  const { losses } = await trainTiny(device, 300, async () => {
    await device.sync();
    all.push(held());
  });
  const kinds = [...new Set(all.slice(10))]; // by then everything that is kept was made: a buffer to read the loss into, workspaces
  const [first, last] = [losses[0], losses[losses.length - 1]];
  const failures: string[] = [];
  if (kinds.length !== 1) failures.push(`held after each step: ${all.join("; ")}`);
  if (!(last < 0.5 * first)) failures.push(`losses ${losses.join(" ")}`);
  return { measured: `${kinds.join("; ")} after each step; loss ${first.toFixed(3)} to ${last.toFixed(3)}`, failures };
}

const CONFIG = trainConfig({
  model: {
    sample_size: 8, in_channels: 1, out_channels: 1, layers_per_block: 1, block_out_channels: [8, 16], norm_num_groups: 4,
    down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
  },
  steps: 20, batch: 4, seed: 7,
});

/** Twelve 8 x 8 images of stripes. */
const stripes: Dataset = {
  name: "stripes", count: 12, shape: [8, 8, 1],
  sample: (i) => Float32Array.from({ length: 64 }, (_, k) => (Math.floor((k % 8) / (1 + (i % 3))) + Math.floor(i / 3)) % 2 * 2 - 1),
  describe: () => "12 images, 8x8 gray, stripes",
};

/**
 * The losses of a U-Net and what it samples are those of the reference device, step by step; no step leaves
 * anything behind: `live` counts what is held.
 */
export async function trainAndSample(device: Device, live: () => number): Promise<Outcome> {
  const reference = await openDevice("reference");
  const expected = await trainOn(reference, () => 0);
  const actual = await trainOn(device, live);
  await reference.dispose();
  const failures: string[] = [];
  const lossError = worst(actual.losses, expected.losses);
  const imageError = worst(actual.images, expected.images);
  if (!(lossError <= 1e-3)) failures.push(`losses ${actual.losses.join(" ")}, expected ${expected.losses.join(" ")}`);
  if (!(imageError <= 1e-2)) failures.push(`samples differ by ${imageError}`);
  const counts = new Set(actual.live.slice(2)); // Adam's moments and kernels' own buffers are there from the second step on
  if (counts.size !== 1) failures.push(`held after each step: ${actual.live.join(" ")}`);
  const measured = `losses within ${lossError.toExponential(1)}, samples within ${imageError.toExponential(1)} of reference, ` +
    `first step ${(actual.milliseconds[0] / 1000).toFixed(1)} s, then ${actual.milliseconds[19].toFixed(0)} ms`;
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
    model: { ...trainer.model, network: trainer.network }, device, count: 2, seed: 5, sampler: ddim, options: { steps: 5 },
  });
  trainer.dispose();
  return { losses, images: Array.from(images.data), live: counts, milliseconds };
}

function worst(actual: readonly number[], expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(actual[i] - value))) / scale;
}
