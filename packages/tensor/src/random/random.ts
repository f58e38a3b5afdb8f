/**
 * Random numbers by (seed, stream, counter): the same bits in Node and in every browser, at any position, without state
 * other than one number. Block b of a stream is Philox4x32-10 of the counter [b, stream] under the key seed (philox.ts);
 * normals use our own logarithm and cosine (elementary.ts).
 *
 * Every draw takes whole blocks of four 32-bit words, starting with block `counter`: uniform and normal take
 * ceil(n / 2), integers and permutation as many as they need. What a draw returns thus depends on seed, stream, counter
 * and its own arguments alone; drawing 4 then 6 uniforms equals drawing 10, but drawing 3 then 7 does not.
 */
import { log, unitCircle } from "../math/elementary.js";
import { philoxBlock } from "./philox.js";

const TWO_32 = 4294967296;

/** What selects a sequence: both are integers in 0 .. 2^53 - 1. Different streams of one seed are independent. */
export interface RandomKey {
  readonly seed: number;
  readonly stream: number;
}

/** A position in a sequence, plain JSON: what a checkpoint keeps. `counter` is the index of the next 128-bit block. */
export interface RandomState extends RandomKey {
  readonly counter: number;
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be an integer\n  allowed: ${min} .. ${max}\n  got: ${value}`);
}

/** A generator at a position of the sequence (seed, stream). See the head of this file for how draws use blocks. */
export class Random {
  /** Index of the next 128-bit block: read it, store it, set it back. */
  counter = 0;
  private readonly block = new Int32Array(4);

  /** @throws RangeError when seed or stream is not an integer in 0 .. 2^53 - 1. */
  constructor(readonly seed: number, readonly stream = 0) {
    checkInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER);
    checkInteger("stream", stream, 0, Number.MAX_SAFE_INTEGER);
  }

  /** The generator at a stored position. @throws RangeError when a field is not an integer in 0 .. 2^53 - 1. */
  static from(state: RandomState): Random {
    const random = new Random(state.seed, state.stream);
    checkInteger("counter", state.counter, 0, Number.MAX_SAFE_INTEGER);
    random.counter = state.counter;
    return random;
  }

  /** The position of the next draw. `Random.from(r.state())` continues exactly as r does. */
  state(): RandomState {
    return { seed: this.seed, stream: this.stream, counter: this.counter };
  }

  /** n samples of U[0, 1): 53-bit integers times 2^-53, two a block. @throws RangeError on a negative or broken n. */
  uniform(n: number): Float64Array {
    checkInteger("n", n, 0, Number.MAX_SAFE_INTEGER);
    const out = new Float64Array(n);
    for (let i = 0; i < n; i += 2) {
      this.nextBlock();
      out[i] = this.unit(0);
      if (i + 1 < n) out[i + 1] = this.unit(2);
    }
    return out;
  }

  /**
   * n samples of N(0, 1), two a block, by Box and Muller (1958): with u, v uniform in [0, 1),
   * z0 = sqrt(-2 ln(1 - u)) cos(2 pi v), z1 = sqrt(-2 ln(1 - u)) sin(2 pi v); |z| <= sqrt(106 ln 2) = 8.57.
   * @throws RangeError on a negative or broken n.
   */
  normal(n: number): Float64Array {
    checkInteger("n", n, 0, Number.MAX_SAFE_INTEGER);
    const out = new Float64Array(n + n % 2);  // pairs; the last of an odd n is cut off
    for (let i = 0; i < n; i += 2) {
      this.nextBlock();
      const radius = Math.sqrt(-2 * log(1 - this.unit(0)));
      unitCircle(this.unit(2), out, i);
      out[i] = radius * out[i]!;
      out[i + 1] = radius * out[i + 1]!;
    }
    return out.length === n ? out : out.slice(0, n);
  }

  /**
   * n integers uniform in 0 .. bound - 1, without bias: words at or above the largest multiple of bound are rejected.
   * @throws RangeError when bound is not an integer in 1 .. 2^31, or n is negative or broken.
   */
  integers(n: number, bound: number): Int32Array {
    checkInteger("n", n, 0, Number.MAX_SAFE_INTEGER);
    checkInteger("bound", bound, 1, 2147483648);
    const next = this.words();
    const out = new Int32Array(n);
    for (let i = 0; i < n; i++) out[i] = below(bound, next);
    return out;
  }

  /**
   * A uniformly random order of 0 .. n - 1: the shuffle of Fisher and Yates (Durstenfeld 1964), from the end.
   * @throws RangeError when n is not an integer in 0 .. 2^31 - 1.
   */
  permutation(n: number): Int32Array {
    checkInteger("n", n, 0, 2147483647);
    const next = this.words();
    const out = new Int32Array(n);
    for (let i = 0; i < n; i++) out[i] = i;
    for (let i = n - 1; i > 0; i--) {
      const j = below(i + 1, next);
      const swap = out[i]!;
      out[i] = out[j]!;
      out[j] = swap;
    }
    return out;
  }

  private nextBlock(): void {
    const { counter, stream, seed } = this;
    philoxBlock(
      counter | 0, Math.floor(counter / TWO_32), stream | 0, Math.floor(stream / TWO_32),
      seed | 0, Math.floor(seed / TWO_32), this.block,
    );
    this.counter = counter + 1;
  }

  /** Two words of the block as 53 bits: (27 high bits of word i) 2^-27 + (26 high bits of word i + 1) 2^-53. */
  private unit(i: 0 | 2): number {
    return ((this.block[i]! >>> 5) * 67108864 + (this.block[i + 1]! >>> 6)) / 9007199254740992;
  }

  /** A source of unsigned words that starts at the next block and takes further ones as needed. */
  private words(): () => number {
    let used = 4;
    return () => {
      if (used === 4) {
        this.nextBlock();
        used = 0;
      }
      return this.block[used++]! >>> 0;
    };
  }
}

/** One integer uniform in 0 .. bound - 1 from unsigned 32-bit words. */
function below(bound: number, next: () => number): number {
  const limit = TWO_32 - TWO_32 % bound;
  let word = next();
  while (word >= limit) word = next();
  return word % bound;
}

/** The order of 0 .. n - 1 given by (seed, stream): `new Random(seed, stream).permutation(n)`. */
export function permutation(n: number, key: RandomKey): Int32Array {
  return new Random(key.seed, key.stream).permutation(n);
}
