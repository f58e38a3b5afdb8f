import { BLOCK, multiplyAdd, storePair } from "../variant";

/**
 * The micro-kernel: a tile C[rows, TILE_COLUMNS] = A[rows, k] B[k, TILE_COLUMNS], or C += with `accumulate`, held in registers.
 *
 * Row p of B lies at b + p * bStep. A comes in one of two layouts, both with rows a fixed distance apart, so that one pointer and
 * constant offsets reach all of them (a pointer for each row costs 15-25 % of the speed):
 *   blocked:    [k / BLOCK][row][BLOCK], 128-byte aligned, blocks `aStep` + 128 bytes apart: rows of A in pieces of BLOCK floats;
 *   transposed: [k][row], `aStep` bytes from one k to the next: A^T as it is stored.
 * `rows`, `transposed` and `accumulate` are constants at every call (generated/tiles.ts, from scripts/wasm/tiles.mjs), so all
 * branches on them are settled at compile time and one template gives all tiles. The loop is rolled and counts down: otherwise V8
 * spills registers.
 */
@inline
export function tile(
  rows: i32, transposed: bool, accumulate: bool, a: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize,
): void {
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero, c02 = zero, c03 = zero;
  let c10 = zero, c11 = zero, c12 = zero, c13 = zero;
  let c20 = zero, c21 = zero, c22 = zero, c23 = zero;
  let c30 = zero, c31 = zero, c32 = zero, c33 = zero;
  let c40 = zero, c41 = zero, c42 = zero, c43 = zero;
  let c50 = zero, c51 = zero, c52 = zero, c53 = zero;
  while (k > 0) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let b2 = zero, b3 = zero;
    if (REVECTORIZED) {
      b2 = v128.load(b, 32);
      b3 = v128.load(b, 48);
    }
    const x0 = v128.load32_splat(a);
    c00 = multiplyAdd(x0, b0, c00);
    c01 = multiplyAdd(x0, b1, c01);
    if (REVECTORIZED) {
      c02 = multiplyAdd(x0, b2, c02);
      c03 = multiplyAdd(x0, b3, c03);
    }
    if (rows > 1) {
      const x1 = transposed ? v128.load32_splat(a, 4) : v128.load32_splat(a, 128);
      c10 = multiplyAdd(x1, b0, c10);
      c11 = multiplyAdd(x1, b1, c11);
      if (REVECTORIZED) {
        c12 = multiplyAdd(x1, b2, c12);
        c13 = multiplyAdd(x1, b3, c13);
      }
    }
    if (rows > 2) {
      const x2 = transposed ? v128.load32_splat(a, 8) : v128.load32_splat(a, 256);
      c20 = multiplyAdd(x2, b0, c20);
      c21 = multiplyAdd(x2, b1, c21);
      if (REVECTORIZED) {
        c22 = multiplyAdd(x2, b2, c22);
        c23 = multiplyAdd(x2, b3, c23);
      }
    }
    if (rows > 3) {
      const x3 = transposed ? v128.load32_splat(a, 12) : v128.load32_splat(a, 384);
      c30 = multiplyAdd(x3, b0, c30);
      c31 = multiplyAdd(x3, b1, c31);
      if (REVECTORIZED) {
        c32 = multiplyAdd(x3, b2, c32);
        c33 = multiplyAdd(x3, b3, c33);
      }
    }
    if (rows > 4) {
      const x4 = transposed ? v128.load32_splat(a, 16) : v128.load32_splat(a, 512);
      c40 = multiplyAdd(x4, b0, c40);
      c41 = multiplyAdd(x4, b1, c41);
      if (REVECTORIZED) {
        c42 = multiplyAdd(x4, b2, c42);
        c43 = multiplyAdd(x4, b3, c43);
      }
    }
    if (rows > 5) {
      const x5 = transposed ? v128.load32_splat(a, 20) : v128.load32_splat(a, 640);
      c50 = multiplyAdd(x5, b0, c50);
      c51 = multiplyAdd(x5, b1, c51);
      if (REVECTORIZED) {
        c52 = multiplyAdd(x5, b2, c52);
        c53 = multiplyAdd(x5, b3, c53);
      }
    }
    b += bStep;
    if (transposed) {
      a += aStep;
    } else {
      a += 4;
      if ((a & (BLOCK * 4 - 1)) == 0) a += aStep; // the end of this row's piece: on to the next block
    }
    k--;
  }
  // The rows from the first, and where they are added from the last: the other way round Node 20's V8 spills four of the sums in its loop.
  if (!accumulate) {
    storeRow(false, c, c00, c01, c02, c03);
    if (rows > 1) storeRow(false, c + cRow, c10, c11, c12, c13);
    if (rows > 2) storeRow(false, c + 2 * cRow, c20, c21, c22, c23);
    if (rows > 3) storeRow(false, c + 3 * cRow, c30, c31, c32, c33);
    if (rows > 4) storeRow(false, c + 4 * cRow, c40, c41, c42, c43);
    if (rows > 5) storeRow(false, c + 5 * cRow, c50, c51, c52, c53);
  } else {
    if (rows > 5) storeRow(true, c + 5 * cRow, c50, c51, c52, c53);
    if (rows > 4) storeRow(true, c + 4 * cRow, c40, c41, c42, c43);
    if (rows > 3) storeRow(true, c + 3 * cRow, c30, c31, c32, c33);
    if (rows > 2) storeRow(true, c + 2 * cRow, c20, c21, c22, c23);
    if (rows > 1) storeRow(true, c + cRow, c10, c11, c12, c13);
    storeRow(true, c, c00, c01, c02, c03);
  }
}

/** Stores one row of the tile, added to what is there with `accumulate`: a pair is loaded before it is stored. */
@inline
function storeRow(accumulate: bool, c: usize, v0: v128, v1: v128, v2: v128, v3: v128): void {
  if (accumulate) {
    const o0 = v128.load(c), o1 = v128.load(c, 16);
    v0 = f32x4.add(v0, o0);
    v1 = f32x4.add(v1, o1);
  }
  storePair(c, v0, v1);
  if (REVECTORIZED) {
    if (accumulate) {
      const o2 = v128.load(c, 32), o3 = v128.load(c, 48);
      v2 = f32x4.add(v2, o2);
      v3 = f32x4.add(v3, o3);
    }
    storePair(c, v2, v3, 32);
  }
}
