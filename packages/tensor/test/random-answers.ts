/** Known answers of the random numbers: what they must be, bit for bit, in Node and in browsers. */
import { philox4x32, type Counter, type Key } from "../src/random/philox.js";
import { Random } from "../src/random/random.js";

/** Counters and keys of Random123's known-answer tests of Philox4x32-10; the last are digits of pi. */
const PHILOX: readonly [Counter, Key][] = [
  [[0, 0, 0, 0], [0, 0]],
  [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff]],
  [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]],
];

/** Random123's words; first draws of seed 42, stream 7 (bits of normals and uniforms); FNV-1a over words of 100,000 normals. */
export const knownAnswers = {
  philox: [
    "6627e8d5 e169c58d bc57ac4c 9b00dbd8", "408f276d 41c83b0e a20bc7c6 6d5451fd", "d16cfe09 94fdcceb 5001e420 24126ea1",
  ],
  normals: [
    "bfecfd20ff8240e8", "3fde16df4cac1b3f", "bfffa4534f282cce", "bfe9dbac580d91ca", "bfd32fe38b1a09ec", "3fde219e8085f6c1",
  ],
  uniforms: ["3fe28b7959f90b55", "3fe0e8fab3f35f4f"],
  integers: [665, 729, 944, 955, 645, 862, 64, 335],
  permutation: [1, 7, 4, 5, 8, 2, 6, 3, 0, 9],
  counter: 9,
  digest: 2265148635,
};

/** What this engine draws. */
export function randomAnswers(): typeof knownAnswers {
  const hex = (word: number): string => word.toString(16).padStart(8, "0");
  const random = new Random(42, 7);
  const digest = new Uint32Array(new Random(2024, 1).normal(100_000).buffer)
    .reduce((hash, word) => Math.imul(hash ^ word, 16777619) >>> 0, 2166136261);
  return {
    philox: PHILOX.map(([counter, key]) => Array.from(philox4x32(counter, key), hex).join(" ")),
    normals: Array.from(random.normal(6), bits),
    uniforms: Array.from(random.uniform(2), bits),
    integers: Array.from(random.integers(8, 1000)),
    permutation: Array.from(random.permutation(10)),
    counter: random.counter,
    digest,
  };
}

/** The bits of a double as 16 hexadecimal digits. */
function bits(x: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}
