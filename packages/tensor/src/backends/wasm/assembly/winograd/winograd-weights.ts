import { TILE_COLUMNS, flag, roundUp } from "../variant";
import { firstLanes, panelCount } from "../gemm/pack";
import { frequencies } from "./winograd-tiles";
import { weightTransform2, weightTransform4 } from "./winograd-transforms";

/**
 * The transformed weights U = G g G^T in panels, U [frequency][output channel / TILE_COLUMNS][input channel][TILE_COLUMNS], zeros
 * past the last output channel. For grad-input the kernel is turned by 180 degrees and its channels change places: dx is the
 * convolution of dy [.., cout] with g'[a, b, co, ci] = g[2 - a, 2 - b, ci, co].
 */
@unmanaged
export class WinogradWeights {
  /** Weights [3, 3, cin, cout]. */
  weights: usize;
  /** Output, `winogradWeightsBytes` bytes. */
  transformed: usize = 0;
  cin: i32;
  cout: i32;
  /** 4 for F(4x4,3x3), 2 for F(2x2,3x3). */
  tile: i32;
  /** Whether they are for grad-input. */
  gradInput: flag;
}

@inline function inputs(w: WinogradWeights): i32 { return w.gradInput ? w.cout : w.cin; }
@inline function outputs(w: WinogradWeights): i32 { return w.gradInput ? w.cin : w.cout; }

/** Bytes between two frequencies of U for k input and n output channels: a line more than the data, as in winograd-conv.ts. */
@inline
export function uSlice(k: i32, n: i32): i32 {
  return k * roundUp(n, TILE_COLUMNS) * 4 + 64;
}

/** Bytes of the transformed weights. */
export function winogradWeightsBytes(w: WinogradWeights): f64 {
  return <f64>frequencies(w.tile) * uSlice(inputs(w), outputs(w));
}

/** Chunks of `winogradWeights`: one a panel of output channels. */
export function winogradWeightsChunks(w: WinogradWeights): i32 {
  return panelCount(outputs(w));
}

/** Bytes of the 9 taps of 4 output channels, and of the intermediate of their transform (3 x 6 vectors). */
@inline const TAPS_BYTES: i32 = 9 * 16;
@inline const HALF_WAY_BYTES: i32 = 18 * 16;

/** Bytes of workspace for each thread. */
export function winogradWeightsWorkspace(_w: WinogradWeights): f64 {
  return 4 * TAPS_BYTES + HALF_WAY_BYTES;
}

/** Transforms the weights: 4 input channels by 4 output channels at a time. */
export function winogradWeights(w: WinogradWeights, from: i32, to: i32, workspace: usize): void {
  const k = inputs(w), n = outputs(w);
  const slice = <usize>uSlice(k, n), scratch = workspace + 4 * TAPS_BYTES;
  for (let panel = from; panel < to; panel++) {
    const column = panel * TILE_COLUMNS;
    let out = w.transformed + <usize>(panel * k * TILE_COLUMNS * 4);
    for (let i = 0; i < k; i += 4, out += 4 * TILE_COLUMNS * 4) {
      const rows = min(4, k - i);
      for (let j = 0; j < TILE_COLUMNS; j += 4) {
        const lanes = min(4, n - column - j);
        if (w.gradInput) loadTransposed(w, i, column + j, lanes, workspace);
        else loadTaps(w, i, rows, column + j, lanes, workspace);
        for (let r = 0; r < rows; r++) {
          transform(w.tile, workspace + r * TAPS_BYTES, scratch, out + <usize>((r * TILE_COLUMNS + j) << 2), slice);
        }
      }
    }
  }
}

/** The 9 taps of input channels i .. i + rows - 1 for 4 output channels from j, zeros past the `lanes` that exist. */
@inline
function loadTaps(w: WinogradWeights, i: i32, rows: i32, j: i32, lanes: i32, to: usize): void {
  for (let tap = 0; tap < 9; tap++, to += 16) {
    let at = w.weights + <usize>((tap * w.cin + i) * w.cout + j << 2);
    for (let r = 0; r < rows; r++, at += <usize>w.cout << 2) {
      v128.store(to + r * TAPS_BYTES, lanes > 0 ? firstLanes(v128.load(at), lanes) : f32x4.splat(0));
    }
  }
}

/** The same of grad-input: taps turned by 180 degrees, rows (i) are output channels of the weights, lanes (j) input channels. */
@inline
function loadTransposed(w: WinogradWeights, i: i32, j: i32, lanes: i32, to: usize): void {
  const row = <usize>w.cout << 2;
  for (let tap = 8; tap >= 0; tap--, to += 16) {
    const at = w.weights + <usize>((tap * w.cin + j) * w.cout + i << 2), zero = f32x4.splat(0);
    const x0 = lanes > 0 ? v128.load(at) : zero, x1 = lanes > 1 ? v128.load(at + row) : zero;
    const x2 = lanes > 2 ? v128.load(at + 2 * row) : zero, x3 = lanes > 3 ? v128.load(at + 3 * row) : zero;
    const ab0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
    const cd0 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
    v128.store(to + TAPS_BYTES, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
    v128.store(to + 2 * TAPS_BYTES, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
    v128.store(to + 3 * TAPS_BYTES, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
  }
}

/** G g G^T of 4 channels: the 9 taps at g, the frequencies to out + f * slice. */
@inline
function transform(tile: i32, g: usize, scratch: usize, out: usize, slice: usize): void {
  if (tile == 4) {
    for (let j: usize = 0; j < 48; j += 16) weightTransform4(g + j, g + j + 48, g + j + 96, scratch + j, 48);
    for (let i: usize = 0; i < 6; i++) {
      const p = scratch + i * 48;
      weightTransform4(p, p + 16, p + 32, out + i * 6 * slice, slice);
    }
  } else {
    for (let j: usize = 0; j < 48; j += 16) weightTransform2(g + j, g + j + 48, g + j + 96, scratch + j, 48);
    for (let i: usize = 0; i < 4; i++) {
      const p = scratch + i * 48;
      weightTransform2(p, p + 16, p + 32, out + i * 4 * slice, slice);
    }
  }
}
