import { LANES, TILE_COLUMNS, flag, roundUp } from "../variant";
import { firstLanes, panelCount } from "../gemm/pack";
import { STEP, frequencies } from "./winograd-tiles";
import { quarter, sixth, twelfth, twentyFourth, weightTransform2, weightTransform4 } from "./winograd-transforms";

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

/** Bytes of the 9 taps of LANES output channels, and of the intermediate of their transform (3 x 6 vectors). */
@inline const TAPS_BYTES: usize = 9 * STEP;
@inline const HALF_WAY_BYTES: usize = 18 * STEP;

/** Bytes of workspace for each thread. */
export function winogradWeightsWorkspace(_w: WinogradWeights): f64 {
  return <f64>(4 * TAPS_BYTES + HALF_WAY_BYTES);
}

/** Transforms the weights: 4 input channels by LANES output channels at a time. */
export function winogradWeights(w: WinogradWeights, from: i32, to: i32, workspace: usize): void {
  const k = inputs(w), n = outputs(w);
  const slice = <usize>uSlice(k, n), scratch = workspace + 4 * TAPS_BYTES;
  for (let panel = from; panel < to; panel++) {
    const column = panel * TILE_COLUMNS;
    let out = w.transformed + <usize>(panel * k * TILE_COLUMNS * 4);
    for (let i = 0; i < k; i += 4, out += 4 * TILE_COLUMNS * 4) {
      const rows = min(4, k - i);
      for (let j = 0; j < TILE_COLUMNS; j += LANES) {
        for (let part = 0; part < LANES; part += 4) { // the halves of LANES
          const lanes = min(4, n - column - j - part), taps = workspace + <usize>(part << 2);
          if (w.gradInput) loadTransposed(w, i, column + j + part, lanes, taps);
          else loadTaps(w, i, rows, column + j + part, lanes, taps);
        }
        transform(w.tile, rows, workspace, scratch, out + <usize>(j << 2), slice);
      }
    }
  }
}

/** The 9 taps of input channels i .. i + rows - 1 for 4 output channels from j, zeros past the `lanes` that exist. */
@inline
function loadTaps(w: WinogradWeights, i: i32, rows: i32, j: i32, lanes: i32, to: usize): void {
  for (let tap = 0; tap < 9; tap++, to += STEP) {
    let at = w.weights + <usize>((tap * w.cin + i) * w.cout + j << 2), row = to;
    for (let r = 0; r < rows; r++, at += <usize>w.cout << 2, row += TAPS_BYTES) {
      v128.store(row, lanes >= 4 ? v128.load(at) : lanes > 0 ? firstLanes(v128.load(at), lanes) : f32x4.splat(0));
    }
  }
}

/** The same of grad-input: taps turned by 180 degrees, rows (i) are output channels of the weights, lanes (j) input channels. */
@inline
function loadTransposed(w: WinogradWeights, i: i32, j: i32, lanes: i32, to: usize): void {
  const row = <usize>w.cout << 2;
  for (let tap = 8; tap >= 0; tap--, to += STEP) {
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

/** G g G^T of LANES channels: of `rows` input channels the 9 taps at g, the frequencies to out + f * slice, a panel's row apart. */
@inline
function transform(tile: i32, rows: i32, g: usize, scratch: usize, out: usize, slice: usize): void {
  if (tile == 4) {
    const k6 = sixth(), k12 = twelfth(), k24 = twentyFourth(), k4 = quarter();
    for (let r = 0; r < rows; r++, g += TAPS_BYTES, out += TILE_COLUMNS * 4) {
      for (let j: usize = 0; j < 3 * STEP; j += STEP) {
        weightTransform4(g + j, g + j + 3 * STEP, g + j + 6 * STEP, scratch + j, 3 * STEP, k6, k12, k24, k4);
      }
      for (let i: usize = 0; i < 6; i++) {
        const p = scratch + i * (3 * STEP);
        weightTransform4(p, p + STEP, p + 2 * STEP, out + i * 6 * slice, slice, k6, k12, k24, k4);
      }
    }
  } else {
    for (let r = 0; r < rows; r++, g += TAPS_BYTES, out += TILE_COLUMNS * 4) {
      for (let j: usize = 0; j < 3 * STEP; j += STEP) {
        weightTransform2(g + j, g + j + 3 * STEP, g + j + 6 * STEP, scratch + j, 3 * STEP);
      }
      for (let i: usize = 0; i < 4; i++) {
        const p = scratch + i * (3 * STEP);
        weightTransform2(p, p + STEP, p + 2 * STEP, out + i * 4 * slice, slice);
      }
    }
  }
}
