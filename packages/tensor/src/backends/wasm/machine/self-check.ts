/** Whether the revectorizer, whose code is V8's own and in its test phase, computes what it should and is worth having. */
import { DeviceError } from "../../../core/errors.js";
import { sizeOf, type Shape } from "../../../core/shape.js";
import { convolutions, type Precision } from "../kernels/conv2d.js";
import { loadModule, type Variant } from "./loader.js";
import { Machine, type Storage } from "./machine.js";
import { products } from "../kernels/matmul.js";
import { Memory } from "./memory.js";
import { WeightCache } from "./weight-cache.js";

/** Long enough for the engine's optimising compiler, of which the revectorizer is a part, to step in. */
const TRIAL_MS = 60;
/** Another program may take the core away for as long as one trial: only a build that is slower this many times is refused. */
const ROUNDS = 3;

/** One kernel on whole numbers. `tolerance` is what two right builds may differ by, of the largest number of the result. */
interface Trial {
  readonly name: string;
  readonly shapes: { readonly a: Shape; readonly b: Shape; readonly y: Shape };
  readonly tolerance: number;
  run(machine: Machine, precision: Precision, y: Storage, a: Storage, b: Storage): void;
}

const SIDE = 160;
const product = { batch: 1, m: SIDE, k: SIDE, n: SIDE, transposeA: false, transposeB: false };
const convolution = { n: 1, h: 24, w: 24, cin: 48, cout: 48, kh: 3, kw: 3, stride: 1, pad: [1, 1, 1, 1] as const };

const trials: readonly Trial[] = [
  {
    name: "product", shapes: { a: [SIDE, SIDE], b: [SIDE, SIDE], y: [SIDE, SIDE] }, tolerance: 0, // its sums are exact in f32
    run: (machine, _, y, a, b) => products(machine).matmul({ y }, { a, b }, product, {}),
  },
  {
    name: "Winograd convolution", shapes: { a: [1, 24, 24, 48], b: [3, 3, 48, 48], y: [1, 24, 24, 48] }, tolerance: 2e-5,
    run: (machine, precision, y, x, w) => // with a new cache each time, or the weights would be transformed once only
      convolutions(machine, precision, new WeightCache(machine)).conv2d({ y }, { x, w }, convolution, {}),
  },
];

/** The result of the last of many runs, and the least time that one took, in milliseconds. */
function attempt(machine: Machine, precision: Precision, { name, shapes, run }: Trial): { values: Float32Array; ms: number } {
  const { memory } = machine;
  const filled = (shape: Shape, value: (i: number) => number): Storage => {
    const size = sizeOf(shape);
    const block = memory.allocate(size * 4, () => `the self-check's ${name}`);
    for (let i = 0; i < size; i++) memory.floats[block.address / 4 + i] = value(i);
    return { block, address: block.address, size };
  };
  const a = filled(shapes.a, (i) => (i * 7) % 17 - 8), b = filled(shapes.b, (i) => (i * 5) % 13 - 6);
  const y = filled(shapes.y, () => NaN);
  let ms = Infinity;
  const end = performance.now() + TRIAL_MS;
  while (performance.now() < end) {
    const start = performance.now();
    run(machine, precision, y, a, b);
    ms = Math.min(ms, performance.now() - start);
  }
  const values = memory.floats.slice(y.address / 4, y.address / 4 + y.size);
  for (const { block } of [a, b, y]) memory.free(block);
  return { values, ms };
}

/**
 * How many times as fast as `base` the machine `tested` does all trials; both have one thread. Throws DeviceError where its
 * numbers differ, and where it is the slower one: revectorizing was asked for, so nothing else takes its place unasked.
 */
export function compareMachines(tested: Machine, base: Machine, precision: Precision): number {
  let speedUp = 0;
  for (let round = 0; round < ROUNDS && speedUp < 1; round++) speedUp = Math.max(speedUp, compareOnce(tested, base, precision));
  if (speedUp < 1) {
    throw new DeviceError("wasm: the revectorizer of this engine makes the device slower; open the device without it", [
      `measured ${speedUp.toFixed(2)} of the speed of the base build`, "needed   Node 24 or later, on x86-64 with AVX2",
    ]);
  }
  return speedUp;
}

/** All trials once on each of both, one after the other: base's time over the tested one's. */
function compareOnce(tested: Machine, base: Machine, precision: Precision): number {
  let testedMs = 0, baseMs = 0;
  for (const trial of trials) {
    const [right, found] = [base, tested].map((machine) => attempt(machine, precision, trial));
    const allowed = trial.tolerance * right.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const wrong = right.values.findIndex((value, i) => !(Math.abs(found.values[i] - value) <= allowed));
    if (wrong >= 0) {
      throw new DeviceError("wasm: the revectorizer of this engine computes wrong numbers; open the device without it", [
        `element ${wrong} of a ${trial.name} is ${found.values[wrong]}, expected ${right.values[wrong]}`,
      ]);
    }
    testedMs += found.ms;
    baseMs += right.ms;
  }
  return baseMs / testedMs;
}

/** The speed-up by the revectorizer in words for the device's description. Throws as compareMachines. */
export async function checkRevectorized(precision: Precision): Promise<string> {
  const start = async (variant: Variant): Promise<Machine> => Machine.start(await loadModule(variant, false), new Memory(false), 1);
  const speedUp = compareMachines(await start("revectorized"), await start("base"), precision);
  return ` (${speedUp.toFixed(1)}x base)`;
}
