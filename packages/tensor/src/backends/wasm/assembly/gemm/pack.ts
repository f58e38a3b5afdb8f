import { BLOCK, TILE_COLUMNS, ceilDiv, storePair } from "../variant";

/** Copies `bytes` rounded up to 16: reads and writes up to 12 bytes more. Callers write in ascending order or leave room. */
@inline
export function copyVectors(to: usize, from: usize, bytes: i32): void {
  while (bytes > 16) { // in pairs, for the revectorizer
    const v0 = v128.load(from), v1 = v128.load(from, 16);
    storePair(to, v0, v1);
    to += 32;
    from += 32;
    bytes -= 32;
  }
  if (bytes > 0) v128.store(to, v128.load(from));
}

/** Copies m rows of k floats, `row` bytes apart, to the blocked layout of tiles.ts, its blocks `block` bytes apart. */
export function copyBlocked(to: usize, block: usize, from: usize, m: i32, k: i32, row: usize): void {
  for (let p = 0; p < k; p += BLOCK, to += block, from += BLOCK * 4) {
    const bytes = min(BLOCK, k - p) * 4;
    for (let r = 0; r < m; r++) copyVectors(to + <usize>(r * BLOCK * 4), from + <usize>r * row, bytes);
  }
}

/** Zeros `bytes` rounded up to 16. */
@inline
export function zeroVectors(to: usize, bytes: i32): void {
  while (bytes > 0) {
    v128.store(to, f32x4.splat(0));
    to += 16;
    bytes -= 16;
  }
}

/** The first `lanes` lanes of v, the others zero; 1 <= lanes <= 4. */
@inline
export function firstLanes(v: v128, lanes: i32): v128 {
  return v128.and(v, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(lanes)));
}

/** Stores the first `lanes` lanes of v and touches nothing behind them; 1 <= lanes <= 4. */
@inline
export function storeLanes(to: usize, v: v128, lanes: i32): void {
  if (lanes == 4) {
    v128.store(to, v);
  } else {
    v128.store_lane<f32>(to, v, 0);
    if (lanes > 1) v128.store_lane<f32>(to, v, 1, 4);
    if (lanes > 2) v128.store_lane<f32>(to, v, 2, 8);
  }
}

/** Number of panels for n columns. */
@inline
export function panelCount(n: i32): i32 {
  return ceilDiv(n, TILE_COLUMNS);
}

/**
 * Packs columns [column, column + TILE_COLUMNS) of B [k, n] (rows of ldb floats) into a panel [k, TILE_COLUMNS], zeros past n.
 */
export function packPanel(panel: usize, b: usize, k: i32, n: i32, ldb: i32, column: i32): void {
  b += <usize>column << 2;
  const columns = min(TILE_COLUMNS, n - column);
  for (let p = 0; p < k; p++) {
    for (let j = 0; j < TILE_COLUMNS; j += 4) {
      const lanes = columns - j;
      const to = panel + (<usize>j << 2);
      if (lanes >= 4) v128.store(to, v128.load(b + (<usize>j << 2)));
      else if (lanes > 0) v128.store(to, firstLanes(v128.load(b + (<usize>j << 2)), lanes));
      else v128.store(to, f32x4.splat(0));
    }
    b += <usize>ldb << 2;
    panel += TILE_COLUMNS * 4;
  }
}

/**
 * The same panel of B^T: B is stored as [n, k] with rows of ldb floats. Blocks of 4 x 4 are transposed in registers; columns past
 * n repeat the last one and are zeroed afterwards.
 */
export function packPanelTransposed(panel: usize, b: usize, k: i32, n: i32, ldb: i32, column: i32): void {
  const row = <usize>ldb << 2;
  for (let j = 0; j < TILE_COLUMNS; j += 4) {
    const lanes = n - column - j;
    let to = panel + (<usize>j << 2);
    if (lanes <= 0) {
      for (let p = 0; p < k; p++, to += TILE_COLUMNS * 4) v128.store(to, f32x4.splat(0));
      continue;
    }
    let r0 = b + <usize>(column + j) * row;
    let r1 = lanes > 1 ? r0 + row : r0;
    let r2 = lanes > 2 ? r1 + row : r1;
    let r3 = lanes > 3 ? r2 + row : r2;
    let p = 0;
    for (; p + 4 <= k; p += 4) {
      const x0 = v128.load(r0), x1 = v128.load(r1), x2 = v128.load(r2), x3 = v128.load(r3);
      const ab0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
      v128.store(to, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7), TILE_COLUMNS * 4);
      v128.store(to, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5), TILE_COLUMNS * 8);
      v128.store(to, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7), TILE_COLUMNS * 12);
      to += TILE_COLUMNS * 16;
      r0 += 16, r1 += 16, r2 += 16, r3 += 16;
    }
    for (; p < k; p++, to += TILE_COLUMNS * 4) {
      f32.store(to, f32.load(r0));
      f32.store(to, f32.load(r1), 4);
      f32.store(to, f32.load(r2), 8);
      f32.store(to, f32.load(r3), 12);
      r0 += 4, r1 += 4, r2 += 4, r3 += 4;
    }
    if (lanes < 4) {
      to = panel + (<usize>j << 2);
      for (let p = 0; p < k; p++, to += TILE_COLUMNS * 4) v128.store(to, firstLanes(v128.load(to), lanes));
    }
  }
}
