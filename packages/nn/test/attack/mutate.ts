/** Files with damage, each from a sound one by a few random changes: the same for a seed, everywhere. */
import { Random } from "@fromnoise/tensor";

export interface Mutant { readonly name: string; readonly bytes: Uint8Array }

type Change = (bytes: Uint8Array, at: number, n: number, draw: () => number) => Uint8Array;

const parts = (...given: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(given));

/** Numbers that lengths and counts are often checked against. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

const changes: Readonly<Record<string, Change>> = {
  flip: (bytes, at, n) => overwrite(bytes, at, Uint8Array.of(bytes[at]! ^ (1 << (n % 8)))),
  byte: (bytes, at, _, draw) => overwrite(bytes, at, Uint8Array.of(draw() * 256)),
  zeros: (bytes, at, n) => overwrite(bytes, at, new Uint8Array(n)),
  ones: (bytes, at, n) => overwrite(bytes, at, new Uint8Array(n).fill(255)),
  number: (bytes, at, n) => overwrite(bytes, at, new Uint8Array(Uint32Array.of(NUMBERS[n % NUMBERS.length]!).buffer)),
  cut: (bytes, at) => bytes.slice(0, at),
  remove: (bytes, at, n) => parts(bytes.subarray(0, at), bytes.subarray(at + n)),
  repeat: (bytes, at, n) => parts(bytes.subarray(0, at + n), bytes.subarray(at)),
  insert: (bytes, at, n, draw) => parts(bytes.subarray(0, at), Uint8Array.from({ length: n }, () => draw() * 256), bytes.subarray(at)),
  move: (bytes, at, n, draw) => overwrite(bytes, at, bytes.slice(Math.floor(draw() * bytes.length)).subarray(0, n)),
};

function overwrite(bytes: Uint8Array, at: number, by: Uint8Array): Uint8Array {
  const out = bytes.slice();
  out.set(by.subarray(0, out.length - at), at);
  return out;
}

/** `count` files from the sound ones in turn, each changed once to four times. */
export function* mutants(sound: Readonly<Record<string, Uint8Array>>, count: number, seed: number): Iterable<Mutant> {
  const random = new Random(seed);
  const draw = (): number => random.uniform(1)[0]!;
  const files = Object.entries(sound);
  for (let i = 0; i < count; i++) {
    const [file, original] = files[i % files.length]!;
    let bytes = original;
    const done: string[] = [];
    for (let left = 1 + Math.floor(draw() * 4); left > 0 && bytes.length > 0; left--) {
      const name = Object.keys(changes)[Math.floor(draw() * Object.keys(changes).length)]!;
      const at = Math.floor(draw() * bytes.length);
      bytes = changes[name]!(bytes, at, 1 + Math.floor(draw() * 32), draw);
      done.push(`${name} at ${at}`);
    }
    yield { name: `seed ${seed}, file ${i}: ${file}, ${done.join(", ")}`, bytes };
  }
}
