/** How fast one build is beside another. */
import { asMatmul, type LooseKernel } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";
import { WeightCache } from "../machine/weight-cache.js";
import type { KernelsOn } from "./run-trials.js";

/** Time for one measurement. */
const MEASURED_MS = 15;
/** Another program may take the core away for as long as one measurement: only a build that is slower this many times is the slower one. */
const ROUNDS = 3;

const SIDE = 160;
/** What training spends its time on: products, and 3x3 convolutions by Winograd. */
const work = [
  { kernel: "matmul", attrs: asMatmul({ m: SIDE, k: SIDE, n: SIDE }), inputs: { a: SIDE * SIDE, b: SIDE * SIDE }, y: SIDE * SIDE },
  {
    kernel: "conv2d", inputs: { x: 24 * 24 * 48, w: 9 * 48 * 48 }, y: 24 * 24 * 48,
    attrs: { n: 1, h: 24, w: 24, cin: 48, cout: 48, kh: 3, kw: 3, stride: 1, pad: [1, 1, 1, 1] },
  },
] as const;

/** The least time, in milliseconds, that a machine needs for all of it. */
function leastMs(machine: Machine, kernelsOn: KernelsOn): number {
  let sum = 0;
  for (const { kernel, attrs, inputs, y } of work) {
    const filled = (size: number): Storage => {
      const block = machine.memory.allocate(size * 4, () => `a measurement of ${kernel}`);
      machine.memory.floats.fill(0.5, block.address / 4, block.address / 4 + size);
      return { block, address: block.address, size };
    };
    const operands = { y: filled(y), ...Object.fromEntries(Object.entries(inputs).map(([name, size]) => [name, filled(size)])) };
    let least = Infinity;
    const end = performance.now() + MEASURED_MS;
    do {
      // With a new cache each time, or the weights would be transformed once only.
      const run = kernelsOn(machine, "fast", new WeightCache(machine))[kernel] as LooseKernel<Storage>;
      const start = performance.now();
      run(operands, operands, attrs, {});
      least = Math.min(least, performance.now() - start);
    } while (performance.now() < end);
    for (const { block } of Object.values(operands)) machine.memory.free(block);
    sum += least;
  }
  return sum;
}

/** The time of `other` over that of `tested`; the best of some rounds where it is below 1. Both have one thread. */
export function speedUpOver(other: Machine, tested: Machine, kernelsOn: KernelsOn): number {
  let best = 0;
  for (let round = 0; round < ROUNDS && best < 1; round++) best = Math.max(best, leastMs(other, kernelsOn) / leastMs(tested, kernelsOn));
  return best;
}
