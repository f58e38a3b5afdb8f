/**
 * Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3" (SC 2011), section 3.3: a keyed bijection on 128-bit counters. Nothing is carried from one block to the next,
 * so a position in a stream is just a number, and the same (key, counter) gives the same bits everywhere.
 */

/** Multipliers of the two halves of a round, and the Weyl increments of the key (table 2 of the paper's reference code). */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const ROUNDS = 10;

/** Upper 32 bits of the unsigned product a * b (as a signed int32), by schoolbook multiplication of 16-bit halves. */
function mulhi(a: number, b: number): number {
  const ah = a >>> 16, al = a & 0xffff, bh = b >>> 16, bl = b & 0xffff;
  const middle = (Math.imul(ah, bl) + (Math.imul(al, bl) >>> 16)) | 0;  // < 2^32: no carry is lost
  const carry = (Math.imul(al, bh) + (middle & 0xffff)) | 0;
  return (Math.imul(ah, bh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/**
 * One block into `out` (four int32, read them with `>>> 0`): the allocation-free form of {@link philox4x32}.
 * Ten rounds of c <- [hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)]; k <- k + (W0, W1).
 */
export function philoxBlock(
  c0: number, c1: number, c2: number, c3: number, k0: number, k1: number, out: Int32Array,
): void {
  for (let round = 0; round < ROUNDS; round++) {
    const hi0 = mulhi(M0, c0), lo0 = Math.imul(M0, c0);
    const hi1 = mulhi(M1, c2), lo1 = Math.imul(M1, c2);
    c0 = hi1 ^ c1 ^ k0;
    c1 = lo1;
    c2 = hi0 ^ c3 ^ k1;
    c3 = lo0;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Four 32-bit words of a counter, least significant first. */
export type Counter = readonly [number, number, number, number];
/** Two 32-bit words of a key, least significant first. */
export type Key = readonly [number, number];

/**
 * Philox4x32-10: the four random words of one counter under one key (Salmon et al. 2011).
 * Agrees with Random123's known answers, which the tests hold.
 */
export function philox4x32(counter: Counter, key: Key): Uint32Array {
  const out = new Int32Array(4);
  philoxBlock(counter[0] | 0, counter[1] | 0, counter[2] | 0, counter[3] | 0, key[0] | 0, key[1] | 0, out);
  return new Uint32Array(out.buffer);
}
