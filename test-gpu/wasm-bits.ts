/** The bits that the wasm device computes, as digests: what Node tells the page to expect, and what threads must agree on. */
import { openWasm, type WasmBackend, type WasmOptions } from "../packages/tensor/src/backends/wasm/index.js";
import { largeCases, results } from "../packages/tensor/test/backends/wasm/large-cases.js";

/** Digests of the results of each large case, by its kernel and attributes. */
export type Bits = Readonly<Record<string, string>>;

/** FNV-1a over the words of all arrays. */
function digest(arrays: readonly Float32Array[]): string {
  let hash = 2166136261;
  for (const values of arrays) {
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (const word of words) hash = Math.imul(hash ^ word, 16777619) >>> 0;
  }
  return hash.toString(16).padStart(8, "0");
}

/** Bits of a device with these options, which names itself too. */
export async function bitsOf(options: WasmOptions): Promise<{ description: string; bits: Bits }> {
  const backend: WasmBackend = await openWasm(options);
  try {
    const bits: Record<string, string> = {};
    for (const one of largeCases) bits[`${one[0]} ${JSON.stringify(one[1])}`] = digest(await results(backend, one));
    return { description: backend.description, bits };
  } finally {
    await backend.dispose();
  }
}

/** The cases in which two devices differ. */
export function differences(actual: Bits, expected: Bits): string[] {
  return Object.keys(expected).filter((name) => actual[name] !== expected[name])
    .map((name) => `${name}: digest ${actual[name]}, expected ${expected[name]}`);
}
