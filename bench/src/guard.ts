/**
 * `bench guard`: figures that noise cannot touch (kernels a training step launches, bytes it allocates, tensors it leaves, kernels
 * a GPU compiles) against bench/guard.json, exactly; and times as ratios to the anchor of the same run, generously.
 */
import { existsSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { exactOptional, number, object, record, string, tuple, type GenericSchema } from "valibot";
import { Device, eachTensor, openDevice, updatedBy } from "@fromnoise/tensor";
// The backend itself: how many kernels it compiled is no business of a device.
import { openGpu } from "../../packages/tensor/src/backends/gpu/index.js";
import type { BenchCase } from "./bench.js";
import { benchOf, titleOf } from "./cases.js";
import { readChecked } from "./checked-json.js";
import { processorName } from "./machine.js";
import { benchUNet } from "./model-benches.js";
import { anchor } from "./probe.js";

export const guardFile = new URL("../guard.json", import.meta.url);

/** The training step that is counted: the bench U-Net, small enough for plain JavaScript. */
const counted: BenchCase = {
  bench: "unet-train-step", shape: { batch: 2, config: { ...benchUNet, sample_size: 8, block_out_channels: [16, 16, 32] } },
};
const timed: readonly BenchCase[] = [
  { bench: "matmul", shape: { m: 256, k: 256, n: 256 } },
  { bench: "conv2d-forward", shape: { n: 4, h: 16, w: 16, cin: 64, cout: 64, kh: 3, kw: 3, stride: 1, pad: 1 } },
  { bench: "groupnorm-silu-forward", shape: { n: 16, h: 16, w: 16, c: 64, groups: 8 } },
  counted,
];
const TIMED_DEVICE = "wasm:threads=1,deterministic"; // the build that every engine has
const ROUNDS = 15, TRIES = 3;
/** A ratio may grow this much, on the processor and Node version that the committed ones are of. */
const SLACK = 1.5;

/** One step after the first, in figures. */
export interface Counts {
  /** Launches by kernel. */
  kernels: Record<string, number>;
  launches: number;
  /** Of the outputs of all launches, in sum. */
  bytesAllocated: number;
  /** The most that was alive at once beyond what was alive before. */
  peakBytes: number;
  /** What the step left behind. */
  tensorsLeft: number;
  bytesLeft: number;
  /** On a GPU: kernels compiled in the first step, and in the second. */
  compiled?: [first: number, second: number];
}

export interface Guard {
  counts: Record<string, Counts>;
  /** Best time over the anchor's best time. */
  ratios: { cpu: string; node: string; values: Record<string, number> };
}

const counts = object({
  kernels: record(string(), number()), launches: number(), bytesAllocated: number(), peakBytes: number(), tensorsLeft: number(), bytesLeft: number(),
  compiled: exactOptional(tuple([number(), number()])),
});
const guardSchema: GenericSchema<unknown, Guard> = object({
  counts: record(string(), counts), ratios: object({ cpu: string(), node: string(), values: record(string(), number()) }),
});

/** Counts a case on a device: its second run, since the first allocates what stays. */
export async function countRun(c: BenchCase, device: Device, compiled?: () => number): Promise<Counts> {
  const workload = benchOf(c.bench).open(c.shape, device, "f32");
  const start = compiled?.() ?? 0;
  await workload.run();
  const first = compiled?.() ?? 0;
  const counts: Counts = { kernels: {}, launches: 0, bytesAllocated: 0, peakBytes: 0, tensorsLeft: 0, bytesLeft: 0 };
  device.resetPeak();
  const before = device.memory();
  const detach = device.attach({
    after({ kernel, outputs }) {
      counts.kernels[kernel] = (counts.kernels[kernel] ?? 0) + 1;
      counts.launches++;
      if (updatedBy(kernel).length === 0) for (const [, y] of eachTensor(outputs)) counts.bytesAllocated += 4 * y.size;
    },
  });
  await workload.run();
  detach();
  const after = device.memory();
  Object.assign(counts, {
    kernels: Object.fromEntries(Object.entries(counts.kernels).sort(([a], [b]) => (a < b ? -1 : 1))),
    peakBytes: after.peakBytes - before.bytes, tensorsLeft: after.tensors - before.tensors, bytesLeft: after.bytes - before.bytes,
    ...(compiled && { compiled: [first - start, compiled() - first] }),
  });
  workload.dispose();
  return counts;
}

/** The counts of every device that is counted. */
export async function measureCounts(): Promise<Guard["counts"]> {
  const counts: Guard["counts"] = {};
  const wasm = await openDevice(TIMED_DEVICE);
  counts["wasm"] = await countRun(counted, wasm);
  await wasm.dispose();
  const backend = await openGpu("cpu");
  const gpu = Device.over("gpu", backend);
  counts["gpu"] = await countRun(counted, gpu, () => backend.compiledKernels());
  await gpu.dispose();
  return counts;
}

/** Best times of the timed cases over the anchor's, taken in turns. */
async function measureRatios(): Promise<Guard["ratios"]> {
  const device = await openDevice(TIMED_DEVICE);
  const workloads = timed.map((c) => {
    return { name: `${c.bench} ${titleOf(c)}`, workload: benchOf(c.bench).open(c.shape, device, "f32"), best: Infinity };
  });
  let fixed = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    fixed = Math.min(fixed, anchor());
    for (const w of workloads) {
      const runs = w.best < 5 ? 5 : 1;
      const start = performance.now();
      for (let i = 0; i < runs; i++) await w.workload.run();
      w.best = Math.min(w.best, (performance.now() - start) / runs);
    }
  }
  for (const { workload } of workloads) workload.dispose();
  await device.dispose();
  const values = Object.fromEntries(workloads.map(({ name, best }) => [name, Number((best / fixed).toPrecision(3))]));
  return { cpu: processorName(), node: process.version.split(".")[0], values };
}

/** Every figure that differs, as "name: committed -> now". */
export function differences(committed: unknown, now: unknown, name = ""): string[] {
  if (typeof committed !== "object" || committed === null || typeof now !== "object" || now === null) {
    return committed === now ? [] : [`${name}: ${JSON.stringify(committed)} -> ${JSON.stringify(now)}`];
  }
  const [a, b] = [committed as Record<string, unknown>, now as Record<string, unknown>];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => differences(a[key], b[key], name === "" ? key : `${name}.${key}`));
}

/** Ratios that grew past the slack; none where processor or Node version differ. */
export function slower(committed: Guard["ratios"], now: Guard["ratios"]): string[] {
  if (committed.cpu !== now.cpu || committed.node !== now.node) return [];
  return Object.entries(committed.values).flatMap(([name, value]) =>
    (now.values[name] > SLACK * value ? [`${name}: ${value} -> ${now.values[name]} times the anchor`] : []));
}

/** Compares with the committed figures, or writes them. Returns 1 when something differs. */
export async function guardCommand(update: boolean): Promise<number> {
  const now: Guard = { counts: await measureCounts(), ratios: await measureRatios() };
  if (update || !existsSync(guardFile)) {
    writeFileSync(guardFile, `${JSON.stringify(now, undefined, 1)}\n`);
    console.log("bench/guard.json is written");
    return 0;
  }
  const committed = readChecked(fileURLToPath(guardFile), "the guard's figures; npm run bench:guard -- --update writes them", guardSchema);
  for (let tries = 1; tries < TRIES && slower(committed.ratios, now.ratios).length > 0; tries++) { // noise only ever adds
    const again = await measureRatios();
    for (const [name, value] of Object.entries(again.values)) now.ratios.values[name] = Math.min(value, now.ratios.values[name]);
  }
  const changed = differences(committed.counts, now.counts), slow = slower(committed.ratios, now.ratios);
  for (const [name, { launches, bytesAllocated, peakBytes, compiled }] of Object.entries(now.counts)) {
    const kernels = compiled ? `, ${compiled[0]} kernels compiled` : "";
    console.log(`${name}: ${launches} launches, ${bytesAllocated} bytes allocated, ${peakBytes} at the peak${kernels}`);
  }
  for (const [name, ratio] of Object.entries(now.ratios.values)) console.log(`${name}: ${ratio} times the anchor`);
  for (const text of [...changed, ...slow]) console.error(`CHANGED  ${text}`);
  if (changed.length + slow.length > 0) console.error("if that is meant: npm run bench:guard -- --update");
  return changed.length + slow.length === 0 ? 0 : 1;
}
