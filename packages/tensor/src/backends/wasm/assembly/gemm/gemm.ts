import { BLOCK_K, gemmBlocked, gemmTransposed } from "./gemm-block";
import { copyBlocked, copyVectors, packPanel, packPanelTransposed, panelCount, storeLanes } from "./pack";
import { touchRows } from "../move/touch";
import { BLOCK, TILE_COLUMNS, TILE_ROWS, ceilDiv, flag } from "../variant";

/** Rows of C in a chunk of `gemm`. */
@inline const BLOCK_M: i32 = 16 * TILE_ROWS;
/** Columns of C in a chunk of `gemm`. */
@inline const BLOCK_N: i32 = 128;

/**
 * C[m, n] = bias + op(A) op(B) for each of `batch` matrices, one behind the other; op(A) is [m, k], op(B) is [k, n].
 */
@unmanaged
export class Gemm {
  /** A [batch, m, k] or, with transA, [batch, k, m]. */
  a: usize;
  /** B [batch, k, n] or, with transB, [batch, n, k]. Read by `gemmPack` only. */
  b: usize;
  /** C [batch, m, n]. */
  c: usize;
  /** n floats added to each row of C. */
  bias: usize = 0;
  /** B in panels, `gemmPackBytes` bytes, written by `gemmPack`, read by `gemm`. */
  packed: usize = 0;
  batch: i32;
  m: i32;
  n: i32;
  k: i32;
  transA: flag;
  transB: flag;
}

/** Floats from one row to the next of A and B as they are stored. */
@inline function rowA(g: Gemm): i32 { return g.transA ? g.m : g.k; }
@inline function rowB(g: Gemm): i32 { return g.transB ? g.k : g.n; }

/** Bytes of the packed form of B. */
export function gemmPackBytes(g: Gemm): f64 {
  return <f64>g.batch * panelCount(g.n) * TILE_COLUMNS * g.k * 4;
}

/** Chunks of `gemmPack`: one a panel. */
export function gemmPackChunks(g: Gemm): i32 {
  return g.batch * panelCount(g.n);
}

/** Packs B into panels [batch][n / TILE_COLUMNS][k][TILE_COLUMNS], zeros past n. */
export function gemmPack(g: Gemm, from: i32, to: i32, _workspace: usize): void {
  const panels = panelCount(g.n);
  for (let chunk = from; chunk < to; chunk++) {
    const panel = g.packed + <usize>chunk * (g.k * TILE_COLUMNS * 4);
    const b = g.b + <usize>(chunk / panels * g.k * g.n << 2);
    const column = chunk % panels * TILE_COLUMNS;
    if (g.transB) packPanelTransposed(panel, b, g.k, g.n, rowB(g), column);
    else packPanel(panel, b, g.k, g.n, rowB(g), column);
  }
}

/** Chunks of `gemm`: blocks of C of at most BLOCK_M rows and BLOCK_N columns. */
export function gemmChunks(g: Gemm): i32 {
  return g.batch * ceilDiv(g.m, BLOCK_M) * ceilDiv(g.n, BLOCK_N);
}

/** Bytes of workspace for each thread, 128-byte aligned: a block of A, and the columns of C past the last whole panel. */
export function gemmWorkspace(_g: Gemm): f64 {
  return BLOCK_M * BLOCK_K * 4 + BLOCK_M * TILE_COLUMNS * 4 + 64;
}

/** The product, from the packed B. */
export function gemm(g: Gemm, from: i32, to: i32, workspace: usize): void {
  const mBlocks = ceilDiv(g.m, BLOCK_M), nBlocks = ceilDiv(g.n, BLOCK_N);
  const packedBytes = <usize>(panelCount(g.n) * TILE_COLUMNS * g.k) << 2;
  for (let chunk = from; chunk < to; chunk++) {
    const matrix = chunk / (mBlocks * nBlocks);
    const row = chunk / nBlocks % mBlocks * BLOCK_M;
    const column = chunk % nBlocks * BLOCK_N;
    gemmChunk(
      g, g.a + <usize>(matrix * g.m * g.k << 2), g.packed + <usize>matrix * packedBytes, g.c + <usize>(matrix * g.m * g.n << 2),
      row, column, workspace,
    );
  }
}

/** One block of C: at most BLOCK_M rows from `row`, BLOCK_N columns from `column`. */
function gemmChunk(g: Gemm, a: usize, packed: usize, c: usize, row: i32, column: i32, workspace: usize): void {
  const m = min(BLOCK_M, g.m - row), n = min(BLOCK_N, g.n - column), k = g.k;
  const whole = n / TILE_COLUMNS, rest = n % TILE_COLUMNS;
  const panelBytes = <usize>(k * TILE_COLUMNS * 4), cRow = <usize>g.n << 2, lda = <usize>rowA(g) << 2;
  const edge = workspace + BLOCK_M * BLOCK_K * 4 + 64;
  packed += <usize>(column / TILE_COLUMNS) * panelBytes;
  c += <usize>row * cRow + (<usize>column << 2);
  const accumulate = g.bias != 0;
  if (!g.transA) touchRows(a + <usize>row * lda, m, k << 2, lda, workspace);
  if (accumulate) putBias(g.bias + (<usize>column << 2), m, n, c, cRow);

  for (let p = 0; p < k; p += BLOCK_K) {
    const depth = min(BLOCK_K, k - p), add = accumulate || p > 0;
    const b = packed + p * TILE_COLUMNS * 4, last = b + <usize>whole * panelBytes, bRow = TILE_COLUMNS * 4;
    if (g.transA) {
      copyRows(workspace, a + <usize>p * lda + (<usize>row << 2), depth, m, lda);
      gemmTransposed(m, whole, depth, workspace, BLOCK_M * 4, b, panelBytes, bRow, c, cRow, add);
      if (rest) gemmTransposed(m, 1, depth, workspace, BLOCK_M * 4, last, 0, bRow, edge, bRow, p > 0);
    } else {
      copyBlocked(workspace, BLOCK_M * BLOCK * 4, a + <usize>row * lda + (<usize>p << 2), m, depth, lda);
      gemmBlocked(m, whole, depth, workspace, BLOCK_M * BLOCK * 4, b, panelBytes, bRow, c, cRow, add);
      if (rest) gemmBlocked(m, 1, depth, workspace, BLOCK_M * BLOCK * 4, last, 0, bRow, edge, bRow, p > 0);
    }
  }
  if (rest) copyEdge(edge, m, rest, c + <usize>(whole * TILE_COLUMNS << 2), cRow, accumulate);
}

/** Each of m rows of C = bias. */
function putBias(bias: usize, m: i32, n: i32, c: usize, cRow: usize): void {
  for (let r = 0; r < m; r++, c += cRow) {
    for (let j = 0; j < n; j += 4) storeLanes(c + (<usize>j << 2), v128.load(bias + (<usize>j << 2)), min(4, n - j));
  }
}

/** Copies (or adds) the first n columns of the m x TILE_COLUMNS block `edge` to C. */
function copyEdge(edge: usize, m: i32, n: i32, c: usize, cRow: usize, accumulate: bool): void {
  for (let r = 0; r < m; r++, c += cRow, edge += TILE_COLUMNS * 4) {
    for (let j = 0; j < n; j += 4) {
      let v = v128.load(edge + (<usize>j << 2));
      if (accumulate) v = f32x4.add(v, v128.load(c + (<usize>j << 2)));
      storeLanes(c + (<usize>j << 2), v, min(4, n - j));
    }
  }
}

/** Copies k rows of m floats, lda bytes apart, to rows of BLOCK_M floats: a block of A in the transposed layout. */
function copyRows(to: usize, a: usize, k: i32, m: i32, lda: usize): void {
  for (let p = 0; p < k; p++, to += BLOCK_M * 4, a += lda) copyVectors(to, a, m * 4);
}
