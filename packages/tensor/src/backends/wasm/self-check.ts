/** Whether the revectorizer, whose code is V8's own and in its test phase, computes what it should and is worth having. */
import { DeviceError } from "../../errors.js";
import { loadModule } from "./loader.js";
import { Machine } from "./machine.js";
import { gemm } from "./matmul.js";
import { Memory } from "./memory.js";

const SIDE = 160;
const attrs = { batch: 1, m: SIDE, k: SIDE, n: SIDE, transposeA: false, transposeB: false };

/** A matrix product of numbers whose sums are exact in f32, and the least time that it took, in milliseconds. */
function trial(machine: Machine): { values: Float32Array; ms: number } {
  const bytes = SIDE * SIDE * 4;
  return machine.scratch(3 * bytes, "the self-check", (a) => {
    const [b, y] = [a + bytes, a + 2 * bytes];
    const { floats } = machine.memory;
    for (let i = 0; i < SIDE * SIDE; i++) {
      floats[a / 4 + i] = (i * 7) % 17 - 8;
      floats[b / 4 + i] = (i * 5) % 13 - 6;
    }
    let ms = Infinity;
    const end = performance.now() + 60; // long enough for the engine's optimising compiler to step in
    while (performance.now() < end) {
      const start = performance.now();
      gemm(machine, { a, b, y, bias: 0 }, attrs);
      ms = Math.min(ms, performance.now() - start);
    }
    return { values: machine.memory.floats.slice(y / 4, y / 4 + SIDE * SIDE), ms };
  });
}

/**
 * Compares a product on the revectorized machine with the base build's. Throws DeviceError where they differ; returns the
 * measured speed-up in words for the device's description.
 */
export async function checkRevectorized(machine: Machine): Promise<string> {
  const memory = new Memory(false);
  const base = trial(await Machine.start(await loadModule("base", false), memory, 1));
  const tested = trial(machine);
  const wrong = tested.values.findIndex((value, i) => value !== base.values[i]);
  if (wrong >= 0) {
    await machine.dispose();
    throw new DeviceError("wasm: the revectorizer of this engine computes wrong numbers; open the device without it", [
      `element ${wrong} of a product is ${tested.values[wrong]}, expected ${base.values[wrong]}`,
    ]);
  }
  return ` (${(base.ms / tested.ms).toFixed(1)}x base)`;
}
