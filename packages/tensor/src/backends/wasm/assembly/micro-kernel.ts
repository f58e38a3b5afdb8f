import { multiplyAdd, TILE_ROWS } from "./variant";

/**
 * The tile: C[rows, TILE_COLUMNS] = A[rows, k] B[k, TILE_COLUMNS], or C += with `accumulate`, all of C held in registers.
 *
 * A's element (r, p) lies at a + r * aRow + p * aStep, so rows, transposed rows and packed panels are all read in place; row p of B
 * lies at b + p * bStep. Strides are bytes. `rows` and `accumulate` are constants at each call, so every branch below is settled at
 * compile time and one template gives all tiles. The loop is left rolled and counts down: V8 spills registers otherwise.
 */
@inline
function tile(
  rows: i32, accumulate: bool,
  a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize,
): void {
  const zero = f32x4.splat(0);
  let a0 = a, a1 = a0 + aRow, a2 = a1 + aRow, a3 = a2 + aRow, a4 = a3 + aRow, a5 = a4 + aRow;
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
    b += bStep;

    const x0 = v128.load32_splat(a0);
    a0 += aStep;
    c00 = multiplyAdd(x0, b0, c00);
    c01 = multiplyAdd(x0, b1, c01);
    if (REVECTORIZED) {
      c02 = multiplyAdd(x0, b2, c02);
      c03 = multiplyAdd(x0, b3, c03);
    }
    if (rows > 1) {
      const x1 = v128.load32_splat(a1);
      a1 += aStep;
      c10 = multiplyAdd(x1, b0, c10);
      c11 = multiplyAdd(x1, b1, c11);
      if (REVECTORIZED) {
        c12 = multiplyAdd(x1, b2, c12);
        c13 = multiplyAdd(x1, b3, c13);
      }
    }
    if (rows > 2) {
      const x2 = v128.load32_splat(a2);
      a2 += aStep;
      c20 = multiplyAdd(x2, b0, c20);
      c21 = multiplyAdd(x2, b1, c21);
      if (REVECTORIZED) {
        c22 = multiplyAdd(x2, b2, c22);
        c23 = multiplyAdd(x2, b3, c23);
      }
    }
    if (rows > 3) {
      const x3 = v128.load32_splat(a3);
      a3 += aStep;
      c30 = multiplyAdd(x3, b0, c30);
      c31 = multiplyAdd(x3, b1, c31);
      if (REVECTORIZED) {
        c32 = multiplyAdd(x3, b2, c32);
        c33 = multiplyAdd(x3, b3, c33);
      }
    }
    if (rows > 4) {
      const x4 = v128.load32_splat(a4);
      a4 += aStep;
      c40 = multiplyAdd(x4, b0, c40);
      c41 = multiplyAdd(x4, b1, c41);
      if (REVECTORIZED) {
        c42 = multiplyAdd(x4, b2, c42);
        c43 = multiplyAdd(x4, b3, c43);
      }
    }
    if (rows > 5) {
      const x5 = v128.load32_splat(a5);
      a5 += aStep;
      c50 = multiplyAdd(x5, b0, c50);
      c51 = multiplyAdd(x5, b1, c51);
      if (REVECTORIZED) {
        c52 = multiplyAdd(x5, b2, c52);
        c53 = multiplyAdd(x5, b3, c53);
      }
    }
    k--;
  }
  storeRow(accumulate, c, c00, c01, c02, c03);
  if (rows > 1) storeRow(accumulate, c + cRow, c10, c11, c12, c13);
  if (rows > 2) storeRow(accumulate, c + 2 * cRow, c20, c21, c22, c23);
  if (rows > 3) storeRow(accumulate, c + 3 * cRow, c30, c31, c32, c33);
  if (rows > 4) storeRow(accumulate, c + 4 * cRow, c40, c41, c42, c43);
  if (rows > 5) storeRow(accumulate, c + 5 * cRow, c50, c51, c52, c53);
}

/** Stores one row of the tile, added to what is there with `accumulate`: both halves of a pair are loaded before either is stored. */
@inline
function storeRow(accumulate: bool, c: usize, v0: v128, v1: v128, v2: v128, v3: v128): void {
  if (accumulate) {
    const o0 = v128.load(c), o1 = v128.load(c, 16);
    v0 = f32x4.add(v0, o0);
    v1 = f32x4.add(v1, o1);
  }
  v128.store(c, v0);
  v128.store(c, v1, 16);
  if (REVECTORIZED) {
    if (accumulate) {
      const o2 = v128.load(c, 32), o3 = v128.load(c, 48);
      v2 = f32x4.add(v2, o2);
      v3 = f32x4.add(v3, o3);
    }
    v128.store(c, v2, 32);
    v128.store(c, v3, 48);
  }
}

// One function for each tile: storing and accumulating tiles are separate functions, since two store paths in one function cost the
// revectorizer a third of the speed.
function put1(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(1, false, a, aRow, aStep, b, bStep, k, c, cRow);
}
function put2(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(2, false, a, aRow, aStep, b, bStep, k, c, cRow);
}
function put3(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(3, false, a, aRow, aStep, b, bStep, k, c, cRow);
}
function put4(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(4, false, a, aRow, aStep, b, bStep, k, c, cRow);
}
function put5(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(5, false, a, aRow, aStep, b, bStep, k, c, cRow);
}
function put6(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(6, false, a, aRow, aStep, b, bStep, k, c, cRow);
}
function add1(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(1, true, a, aRow, aStep, b, bStep, k, c, cRow);
}
function add2(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(2, true, a, aRow, aStep, b, bStep, k, c, cRow);
}
function add3(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(3, true, a, aRow, aStep, b, bStep, k, c, cRow);
}
function add4(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(4, true, a, aRow, aStep, b, bStep, k, c, cRow);
}
function add5(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(5, true, a, aRow, aStep, b, bStep, k, c, cRow);
}
function add6(a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize): void {
  tile(6, true, a, aRow, aStep, b, bStep, k, c, cRow);
}

/** C[rows, TILE_COLUMNS] = (accumulate ? C : 0) + A B for 1 <= rows <= TILE_ROWS; addresses and strides as in `tile`. */
@inline
export function microKernel(
  rows: i32, accumulate: bool,
  a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, k: i32, c: usize, cRow: usize,
): void {
  if (accumulate) {
    if (TILE_ROWS == 6 && rows == 6) add6(a, aRow, aStep, b, bStep, k, c, cRow);
    else if (rows == 5) add5(a, aRow, aStep, b, bStep, k, c, cRow);
    else if (rows == 4) add4(a, aRow, aStep, b, bStep, k, c, cRow);
    else if (rows == 3) add3(a, aRow, aStep, b, bStep, k, c, cRow);
    else if (rows == 2) add2(a, aRow, aStep, b, bStep, k, c, cRow);
    else add1(a, aRow, aStep, b, bStep, k, c, cRow);
  } else {
    if (TILE_ROWS == 6 && rows == 6) put6(a, aRow, aStep, b, bStep, k, c, cRow);
    else if (rows == 5) put5(a, aRow, aStep, b, bStep, k, c, cRow);
    else if (rows == 4) put4(a, aRow, aStep, b, bStep, k, c, cRow);
    else if (rows == 3) put3(a, aRow, aStep, b, bStep, k, c, cRow);
    else if (rows == 2) put2(a, aRow, aStep, b, bStep, k, c, cRow);
    else put1(a, aRow, aStep, b, bStep, k, c, cRow);
  }
}
