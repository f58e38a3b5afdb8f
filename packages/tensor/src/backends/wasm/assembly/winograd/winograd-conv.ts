import { Conv } from "../conv/conv-args";
import { gemmBlocked } from "../gemm/gemm-block";
import { panelCount, zeroVectors } from "../gemm/pack";
import { BLOCK, TILE_COLUMNS, TILE_ROWS, ceilDiv, roundUp, saturated } from "../variant";
import {
  SCRATCH_BYTES, TABLE_BYTES, frequencies, pixelTable, tileCount, touchTiles, transformInput, transformOutput,
} from "./winograd-tiles";
import { uSlice } from "./winograd-weights";

/*
 * 3x3 convolution of stride 1 by Winograd's transforms (winograd-transforms.ts). A chunk is a block of tiles, small enough that
 * its transformed input V and product M stay in the second-level cache:
 *   V[f][tile][cin]  = B^T d B                     f = 0 .. 35 (or 15), in the blocked layout of tiles.ts
 *   M[f][tile][cout] = V[f] U[f]                   36 (or 16) matrix products with the transformed weights U
 *   y                = A^T M A + bias
 */

/** Bytes that V and M of one chunk may take together. */
@inline const CHUNK_BYTES: i32 = 384 * 1024;

/** Tiles in a chunk, from the shape alone, so that results do not depend on threads; four chunks or more where work allows. */
function tilesInChunk(p: Conv): i32 {
  const bytes = saturated(<f64>frequencies(p.tile) * (roundUp(p.cin, BLOCK) + roundUp(p.cout, TILE_COLUMNS)) * 4);
  const share = ceilDiv(tileCount(p.n, p.oh, p.ow, p.tile), 4);
  return max(TILE_ROWS, min(CHUNK_BYTES / bytes / TILE_ROWS * TILE_ROWS, roundUp(share, TILE_ROWS)));
}

/** Bytes between two frequencies of V, of M: one line more than the data, or all frequencies would share a few cache sets. */
@inline function vSlice(p: Conv, tiles: i32): i32 { return tiles * roundUp(p.cin, BLOCK) * 4 + 128; }
@inline function mSlice(p: Conv, tiles: i32): i32 { return tiles * roundUp(p.cout, TILE_COLUMNS) * 4 + 128; }
/** A pixel of zeros, or of scratch for outputs beyond the image. */
@inline function pixelBytes(p: Conv): i32 { return roundUp(max(p.cin, p.cout) * 4 + 64, 128); }

/** Chunks of `winogradConv`. */
export function winogradConvChunks(p: Conv): i32 {
  return ceilDiv(tileCount(p.n, p.oh, p.ow, p.tile), tilesInChunk(p));
}

/** Bytes of workspace for each thread, 128-byte aligned. */
export function winogradConvWorkspace(p: Conv): f64 {
  const slices = <f64>tilesInChunk(p) * (roundUp(p.cin, BLOCK) + roundUp(p.cout, TILE_COLUMNS)) * 4 + 256;
  const buffers = frequencies(p.tile) * slices;
  return 2 * <f64>pixelBytes(p) + roundUp(SCRATCH_BYTES + TABLE_BYTES, 128) + buffers;
}

/**
 * y[n, oh, ow, cout] = bias + conv3x3(x[n, h, w, cin]), stride 1, reading p.packed as written by `winogradWeights` for the same
 * tile. Grad-input is the same call: x = dy, y = dx, (h, w, cin) and (oh, ow, cout) exchanged, padTop = 2 - padTop,
 * padLeft = 2 - padLeft, and the weights transformed with gradInput.
 */
export function winogradConv(p: Conv, from: i32, to: i32, workspace: usize): void {
  const block = tilesInChunk(p), count = tileCount(p.n, p.oh, p.ow, p.tile);
  const zeros = workspace, dump = zeros + pixelBytes(p), scratch = dump + pixelBytes(p), table = scratch + SCRATCH_BYTES;
  const v = scratch + roundUp(SCRATCH_BYTES + TABLE_BYTES, 128), m = v + frequencies(p.tile) * vSlice(p, block);
  zeroVectors(zeros, pixelBytes(p));
  for (let chunk = from; chunk < to; chunk++) {
    const first = chunk * block, tiles = min(block, count - first);
    touchTiles(p, first, tiles, p.x, p.h, p.w, p.cin, 0, p.cin, p.padTop, p.padLeft, 2, scratch);
    for (let i = 0; i < tiles; i++) readTile(p, first + i, table, zeros, scratch, v + <usize>(i * BLOCK * 4), block);
    multiply(p, tiles, block, v, m);
    touchTiles(p, first, tiles, p.y, p.oh, p.ow, p.cout, 0, p.cout, 0, 0, 0, scratch);
    for (let i = 0; i < tiles; i++) {
      writeTile(p, first + i, table, zeros, dump, scratch, m + <usize>(i * roundUp(p.cout, TILE_COLUMNS) * 4), block);
    }
  }
}

/** Input transform of tile number `index` to V. */
function readTile(p: Conv, index: i32, table: usize, zeros: usize, scratch: usize, v: usize, block: i32): void {
  const columns = ceilDiv(p.ow, p.tile), rows = ceilDiv(p.oh, p.tile);
  const image = index / (rows * columns), top = index / columns % rows * p.tile, left = index % columns * p.tile;
  const from = p.x + <usize>(image * p.h * p.w * p.cin * 4);
  pixelTable(table, from, p.h, p.w, p.cin * 4, top - p.padTop, left - p.padLeft, p.tile + 2, zeros);
  transformInput(p.tile, table, p.cin, scratch, v, vSlice(p, block), block * BLOCK * 4, BLOCK);
}

/** M[f] = V[f] U[f] for all frequencies. */
function multiply(p: Conv, tiles: i32, block: i32, v: usize, m: usize): void {
  const panels = panelCount(p.cout), panelBytes = p.cin * TILE_COLUMNS * 4;
  let u = p.packed;
  for (let f = 0; f < frequencies(p.tile); f++) {
    gemmBlocked(
      tiles, panels, p.cin, v, block * BLOCK * 4, u, panelBytes, TILE_COLUMNS * 4, m, panels * TILE_COLUMNS * 4, false,
    );
    v += vSlice(p, block);
    m += mSlice(p, block);
    u += uSlice(p.cin, p.cout);
  }
}

/** Output transform of tile number `index` from M. */
function writeTile(p: Conv, index: i32, table: usize, zeros: usize, dump: usize, scratch: usize, m: usize, block: i32): void {
  const columns = ceilDiv(p.ow, p.tile), rows = ceilDiv(p.oh, p.tile);
  const image = index / (rows * columns), top = index / columns % rows * p.tile, left = index % columns * p.tile;
  const to = p.y + <usize>(image * p.oh * p.ow * p.cout * 4);
  pixelTable(table, to, p.oh, p.ow, p.cout * 4, top, left, p.tile, dump);
  transformOutput(p.tile, m, mSlice(p, block), table, p.cout, p.bias ? p.bias : zeros, zeros, scratch);
}
