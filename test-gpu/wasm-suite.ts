/** What the wasm device has to show in a browser: this runs in a worker, with the threads of the device below it. */
import { Device, Random } from "@fromnoise/tensor";
import { openWasm, type WasmBackend, type WasmOptions } from "../packages/tensor/src/backends/wasm/index.js";
import { wasmTolerance } from "../packages/tensor/test/backends/wasm/tolerance.js";
import { knownAnswers, randomAnswers } from "../packages/tensor/test/random-answers.js";
import { conformance, conformanceFamilies, holdsSteady, runGolden, trainAndSample } from "./checks.js";
import { runTests, type Goldens, type Outcome, type Part, type Report, type Runner, type Tests } from "./report.js";
import { bitsOf, differences, type Bits } from "./wasm-bits.js";

const GOLDEN_TOLERANCE = 1e-4;

/** What the suite is given: golden files, and the bits of the deterministic device in Node. */
export interface WasmInputs { goldens: Goldens; bits: Bits }

/** Runs everything. `log` hears of each part as it is done. Rejects where the device does not open with its default options. */
export async function runWasmSuite(Runner: Runner, { goldens, bits }: WasmInputs, log: (part: Part) => void): Promise<Report> {
  const tests: Tests = [];
  const withBackend = async (
    options: WasmOptions, run: (backend: WasmBackend, device: Device) => Promise<Outcome>,
  ): Promise<Outcome> => {
    const backend = await openWasm(options);
    try {
      return await run(backend, Device.over("wasm", backend));
    } finally {
      await backend.dispose();
    }
  };
  const probe = await openWasm();
  const { description } = probe;
  await probe.dispose();

  tests.push(["threads: as many as cores", async () => ({
    measured: description,
    failures: description.includes(`, ${navigator.hardwareConcurrency} thread`) ? [] : [`${navigator.hardwareConcurrency} cores`],
  })]);
  tests.push(["random numbers: known answers", knownRandomNumbers]);
  for (const precision of ["fast", "exact"] as const) {
    for (const [family, names] of conformanceFamilies()) {
      tests.push([`conformance, ${precision}: ${family}`, () => withBackend({ precision }, (backend) =>
        conformance(backend, names, wasmTolerance(precision)))]);
    }
  }
  for (const [file, golden] of Object.entries(goldens)) {
    tests.push([`golden: ${file}`, () => withBackend({}, (_, device) => runGolden(golden, device, GOLDEN_TOLERANCE))]);
  }
  tests.push(["1, 2 and 3 threads: the same bits", sameBitsByAnyThreads]);
  tests.push(["deterministic: the bits of Node", () => sameBitsAsInNode(bits)]);
  tests.push(["300 steps, memory", () => withBackend({}, (backend, device) =>
    holdsSteady(device, () => held(backend, device)))]);
  tests.push(["U-Net: 20 steps, DDIM", () => withBackend({}, (backend, device) =>
    trainAndSample(device, () => backend.memory().used))]);
  return { description, parts: await runTests(Runner, tests, log) };
}

function held(backend: WasmBackend, device: Device): string {
  const { used, bytes } = backend.memory();
  return `${device.memory().tensors} tensors, ${used} of ${bytes} bytes`;
}

async function knownRandomNumbers(): Promise<Outcome> {
  const [actual, expected] = [randomAnswers(), knownAnswers].map((answers) => Object.entries(answers).map(([name, value]) =>
    `${name}: ${JSON.stringify(value)}`));
  const wrong = actual.filter((line, i) => line !== expected[i]);
  return { measured: `${actual.length} kinds of draws`, failures: wrong };
}

async function sameBitsByAnyThreads(): Promise<Outcome> {
  const one = await bitsOf({ threads: 1 });
  const failures: string[] = [];
  for (const threads of [2, 3]) failures.push(...differences((await bitsOf({ threads })).bits, one.bits));
  const [alone, together] = [await matmulSpeed(1), await matmulSpeed(2)].map((speed) => speed.toFixed(0));
  const speed = `matmul 512: ${alone} GFLOP/s by 1 thread, ${together} by 2`;
  return { measured: `${Object.keys(one.bits).length} kernels; ${speed}`, failures };
}

/** The best of ten products of 512 x 512 matrices, in GFLOP/s: shows whether threads share the work. */
async function matmulSpeed(threads: number): Promise<number> {
  const backend = await openWasm({ threads });
  const side = 512;
  const [a, b, y] = [0, 1, 2].map((seed) => backend.upload(new Random(seed).uniform(side * side), [side, side], "f32"));
  const times = Array.from({ length: 10 }, () => {
    const started = performance.now();
    backend.kernels.matmul({ y }, { a, b }, { batch: 1, m: side, k: side, n: side, transposeA: false, transposeB: false }, {});
    return performance.now() - started;
  });
  await backend.dispose();
  return 2 * side ** 3 / Math.min(...times) / 1e6;
}

async function sameBitsAsInNode(expected: Bits): Promise<Outcome> {
  const { description, bits } = await bitsOf({ deterministic: true });
  return { measured: `${Object.keys(expected).length} kernels on ${description}`, failures: differences(bits, expected) };
}
