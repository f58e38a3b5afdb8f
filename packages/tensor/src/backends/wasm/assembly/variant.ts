/**
 * What differs between the three builds of this source. Both flags are compile-time constants, so an `if` on them costs nothing.
 *
 * | build        | tile of C held in registers | multiply-add                       | needs                         |
 * |--------------|-----------------------------|------------------------------------|-------------------------------|
 * | base         | 5 x 8                       | f32x4.mul, f32x4.add               | SIMD                          |
 * | relaxed      | 6 x 8                       | relaxed_madd (fused where it can)  | relaxed SIMD                  |
 * | revectorized | 6 x 16                      | relaxed_madd                       | V8's revectorizer, see below  |
 *
 * V8 leaves 15 xmm registers to wasm: 5x8 uses 10 accumulators + 2 of B + 1 of A + 1 product; fused, 6x8 fits as well. The
 * revectorizer joins two v128 operations on neighbouring addresses into one on a 256-bit register, so 6x16 takes 12 + 2 + 1
 * again; for it neighbouring halves are always loaded (and stored) next to each other.
 */

/** Rows of C that one micro-kernel call computes. */
@inline export const TILE_ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5;

/** Columns of C that one micro-kernel call computes: the width of a packed panel of B. */
@inline export const TILE_COLUMNS: i32 = REVECTORIZED ? 16 : 8;

/** Floats of a row of A that lie together in the blocked layout (tiles.ts): 128 bytes. */
@inline export const BLOCK: i32 = 32;

/** Channels that the Winograd transforms handle at a time. */
@inline export const LANES: i32 = REVECTORIZED ? 8 : 4;

/** a * b + acc, lane by lane. */
@inline
export function multiplyAdd(a: v128, b: v128, acc: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, acc);
  return f32x4.add(f32x4.mul(a, b), acc);
}

/** acc - a * b, lane by lane. */
@inline
export function subtractProduct(a: v128, b: v128, acc: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, acc);
  return f32x4.sub(acc, f32x4.mul(a, b));
}

/**
 * Stores two neighbouring vectors. The second first: of the other order V8's revectorizer leaves, besides the store of both, one of
 * the first.
 */
@inline
export function storePair(at: usize, first: v128, second: v128, offset: usize = 0): void {
  v128.store(at + offset, second, 16);
  v128.store(at + offset, first);
}

/** x rounded up to a multiple of step. */
@inline
export function roundUp(x: i32, step: i32): i32 {
  return ((x + step - 1) / step) * step;
}

/** The least integer not below x / y, for x >= 0 and y > 0. */
@inline
export function ceilDiv(x: i32, y: i32): i32 {
  return (x + y - 1) / y;
}

/** A count that may pass 2^31, computed in f64, as an i32: the largest one where it does. */
@inline
export function saturated(x: f64): i32 {
  return <i32>min<f64>(x, 2147483647);
}

/** x rounded up to a multiple of step, for x that may pass 2^31. */
@inline
export function roundUpWide(x: f64, step: f64): f64 {
  return Math.ceil(x / step) * step;
}

/** Arguments that are 0 or 1: booleans in the bindings. */
export type flag = i32;

/** Elements in a chunk of a kernel that does a few operations for each: 128 KiB, some 10 to 20 microseconds. */
@inline export const GRAIN: i32 = 32768;

/** Rows in such a chunk where it consists of whole rows of `length` elements. */
@inline
export function rowsInChunk(length: i32): i32 {
  return ceilDiv(GRAIN, length);
}
