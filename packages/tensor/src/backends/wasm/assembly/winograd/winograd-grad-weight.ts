import { Conv } from "../conv/conv-args";
import { gemmTransposed } from "../gemm/gemm-block";
import { storeLanes, zeroVectors } from "../gemm/pack";
import { LANES, TILE_COLUMNS, ceilDiv, roundUp } from "../variant";
import {
  SCRATCH_BYTES, STEP, TABLE_BYTES, frequencies, pixelTable, tileCount, touchTiles, transformGradOutput, transformInput,
} from "./winograd-tiles";
import { gradWeightTransform2, gradWeightTransform4, quarter, sixth, twelfth, twentyFourth } from "./winograd-transforms";

/*
 * Gradient of the weights of a 3x3 convolution of stride 1 by Winograd's transforms:
 *   V[f][tile][ci] = B^T x B,   W[f][tile][co] = A dy A^T,   S[f][ci][co] = sum over tiles of V W,   dg = G^T S G.
 * A chunk is a block of input channels, a block of output channels (S stays in the second-level cache) and one of `parts` equal
 * shares of the tiles, which it walks in blocks. With one part the chunk writes dw, otherwise partial sums for `sumPartials`.
 */

/** Input and output channels of a chunk, at most. */
@inline const BLOCK_IN: i32 = 64;
@inline const BLOCK_OUT: i32 = 64;
/** Tiles that are transformed before they are multiplied. */
@inline const BLOCK_TILES: i32 = 64;
/** The tiles are shared out until there are so many chunks, each of two blocks at least; ... */
@inline const CHUNKS: i32 = 8;
/** ... those of a small batch into two parts, each of so many tiles at least; of fewer still, output channels are shared instead. */
@inline const FEWEST_TILES: i32 = 32;

@inline function inBlocks(p: Conv): i32 { return ceilDiv(p.cin, BLOCK_IN); }
@inline function outBlocks(p: Conv): i32 { return ceilDiv(p.cout, blockOut(p)); }
@inline function tiles(p: Conv): i32 { return tileCount(p.n, p.oh, p.ow, p.tile); }

/** Output channels of a chunk: a multiple of 16 whatever TILE_COLUMNS is, as on it depends how tiles are shared out. */
@inline
function blockOut(p: Conv): i32 {
  return tiles(p) < 2 * FEWEST_TILES && p.cout <= BLOCK_OUT ? roundUp(ceilDiv(p.cout, 2), 16) : BLOCK_OUT;
}

/** Number of partial sums [3, 3, cin, cout]; 1 means that dw is written at once and `sumPartials` is not needed. */
export function winogradGradWeightParts(p: Conv): i32 {
  const most = max(ceilDiv(tiles(p), BLOCK_TILES) / 2, min(2, tiles(p) / FEWEST_TILES));
  return max(1, min(ceilDiv(CHUNKS, inBlocks(p) * outBlocks(p)), most));
}

/** Chunks of `winogradGradWeight`. */
export function winogradGradWeightChunks(p: Conv): i32 {
  return winogradGradWeightParts(p) * inBlocks(p) * outBlocks(p);
}

/** Bytes between two frequencies of V, W and S: a line more than the data, as in winograd-conv.ts. */
@inline const V_SLICE: i32 = BLOCK_TILES * BLOCK_IN * 4 + 64;
@inline const W_SLICE: i32 = BLOCK_TILES * BLOCK_OUT * 4 + 64;
@inline const S_SLICE: i32 = BLOCK_IN * BLOCK_OUT * 4 + 64;
@inline const ZERO_BYTES: i32 = BLOCK_OUT * 4 + 64;

/** Bytes of workspace for each thread, 128-byte aligned. */
export function winogradGradWeightWorkspace(p: Conv): f64 {
  return frequencies(p.tile) * (V_SLICE + W_SLICE + S_SLICE) + ZERO_BYTES + SCRATCH_BYTES + TABLE_BYTES;
}

/** dw[3, 3, cin, cout] (p.weights) of y = conv3x3(x), stride 1, from x [n, h, w, cin] and dy [n, oh, ow, cout] (p.y). */
export function winogradGradWeight(p: Conv, from: i32, to: i32, workspace: usize): void {
  const parts = winogradGradWeightParts(p), ins = inBlocks(p), outs = outBlocks(p), count = tiles(p);
  zeroVectors(workspace, ZERO_BYTES);
  for (let chunk = from; chunk < to; chunk++) {
    const part = chunk / (ins * outs), ci = chunk / outs % ins * BLOCK_IN, co = chunk % outs * blockOut(p);
    const dw = parts == 1 ? p.weights : p.partials + <usize>(part * 9 * p.cin * p.cout * 4);
    gradWeightChunk(p, share(part, parts, count), share(part + 1, parts, count), ci, co, dw, workspace);
  }
}

/** The tile at which a part begins: a multiple of BLOCK_TILES where there are blocks enough. */
@inline
function share(part: i32, parts: i32, count: i32): i32 {
  const blocks = ceilDiv(count, BLOCK_TILES);
  return blocks < parts ? part * count / parts : min(count, part * blocks / parts * BLOCK_TILES);
}

/** One chunk: tiles [from, to), input channels from ci, output channels from co. */
function gradWeightChunk(p: Conv, from: i32, to: i32, ci: i32, co: i32, dw: usize, workspace: usize): void {
  const ins = min(BLOCK_IN, p.cin - ci), outs = min(blockOut(p), p.cout - co);
  const scratch = workspace + ZERO_BYTES, table = scratch + SCRATCH_BYTES;
  const v = table + TABLE_BYTES, w = v + frequencies(p.tile) * V_SLICE, s = w + frequencies(p.tile) * W_SLICE;
  for (let first = from; first < to; first += BLOCK_TILES) {
    const tiles = min(BLOCK_TILES, to - first);
    touchTiles(p, first, tiles, p.x, p.h, p.w, p.cin, ci, ins, p.padTop, p.padLeft, 2, scratch);
    touchTiles(p, first, tiles, p.y, p.oh, p.ow, p.cout, co, outs, 0, 0, 0, scratch);
    for (let i = 0; i < tiles; i++) {
      const vTile = v + <usize>(i * BLOCK_IN * 4), wTile = w + <usize>(i * BLOCK_OUT * 4);
      readTiles(p, first + i, ins, ci, outs, co, workspace, scratch, table, vTile, wTile);
    }
    for (let f = 0; f < frequencies(p.tile); f++) {
      gemmTransposed(
        ins, ceilDiv(outs, TILE_COLUMNS), tiles, v + f * V_SLICE, BLOCK_IN * 4, w + f * W_SLICE, TILE_COLUMNS * 4, BLOCK_OUT * 4,
        s + f * S_SLICE, BLOCK_OUT * 4, first > from,
      );
    }
  }
  for (let i = 0; i < ins; i++) {
    const sums = s + <usize>(i * BLOCK_OUT << 2), to = dw + <usize>((ci + i) * p.cout + co << 2);
    storeTaps(p, sums, outs, scratch, to);
  }
}

/** Transforms the pixels of x and of dy that belong to tile number `index`. */
function readTiles(
  p: Conv, index: i32, ins: i32, ci: i32, outs: i32, co: i32, zeros: usize, scratch: usize, table: usize, v: usize, w: usize,
): void {
  const columns = ceilDiv(p.ow, p.tile), rows = ceilDiv(p.oh, p.tile);
  const image = index / (rows * columns), top = index / columns % rows * p.tile, left = index % columns * p.tile;
  const x = p.x + <usize>(image * p.h * p.w * p.cin + ci << 2), dy = p.y + <usize>(image * p.oh * p.ow * p.cout + co << 2);
  pixelTable(table, x, p.h, p.w, p.cin * 4, top - p.padTop, left - p.padLeft, p.tile + 2, zeros);
  transformInput(p.tile, table, ins, scratch, v, V_SLICE, 0, BLOCK_IN);
  pixelTable(table, dy, p.oh, p.ow, p.cout * 4, top, left, p.tile, zeros);
  transformGradOutput(p.tile, table, outs, scratch, w, W_SLICE);
}

/** G^T S G of one input channel and `outs` output channels: to 9 taps, cin * cout floats apart. */
@inline
function storeTaps(p: Conv, s: usize, outs: i32, scratch: usize, to: usize): void {
  const taps = scratch + 18 * STEP, tapBytes = <usize>(p.cin * p.cout) << 2;
  const k6 = sixth(), k12 = twelfth(), k24 = twentyFourth(), k4 = quarter();
  for (let left = outs; left > 0; left -= LANES, s += STEP, to += STEP) {
    if (p.tile == 4) {
      for (let j: usize = 0; j < 6; j++) {
        const q = s + j * S_SLICE;
        gradWeightTransform4(
          q, q + 6 * S_SLICE, q + 12 * S_SLICE, q + 18 * S_SLICE, q + 24 * S_SLICE, q + 30 * S_SLICE,
          scratch + j * STEP, 6 * STEP, k6, k12, k24, k4,
        );
      }
      for (let i: usize = 0; i < 3; i++) {
        const q = scratch + i * 6 * STEP;
        gradWeightTransform4(
          q, q + STEP, q + 2 * STEP, q + 3 * STEP, q + 4 * STEP, q + 5 * STEP, taps + i * 3 * STEP, STEP, k6, k12, k24, k4,
        );
      }
    } else {
      for (let j: usize = 0; j < 4; j++) {
        const q = s + j * S_SLICE;
        gradWeightTransform2(q, q + 4 * S_SLICE, q + 8 * S_SLICE, q + 12 * S_SLICE, scratch + j * STEP, 4 * STEP);
      }
      for (let i: usize = 0; i < 3; i++) {
        const q = scratch + i * 4 * STEP;
        gradWeightTransform2(q, q + STEP, q + 2 * STEP, q + 3 * STEP, taps + i * 3 * STEP, STEP);
      }
    }
    let tap = taps, at = to;
    for (let i = 0; i < 9; i++, tap += STEP, at += tapBytes) {
      for (let part = 0; part < LANES; part += 4) {
        if (left > part) storeLanes(at + <usize>(part << 2), v128.load(tap + <usize>(part << 2)), min(4, left - part));
      }
    }
  }
}
