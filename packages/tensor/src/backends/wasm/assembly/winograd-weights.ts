import { TILE_COLUMNS, roundUp } from "./variant";
import { firstLanes, panelCount } from "./pack";
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
  transformed: usize;
  cin: i32;
  cout: i32;
  /** 4 for F(4x4,3x3), 2 for F(2x2,3x3). */
  tile: i32;
  /** 1 for the weights of grad-input. */
  gradInput: i32;
}

@inline function inputs(w: WinogradWeights): i32 { return w.gradInput ? w.cout : w.cin; }
@inline function outputs(w: WinogradWeights): i32 { return w.gradInput ? w.cin : w.cout; }

/** Bytes of the transformed weights. */
export function winogradWeightsBytes(w: WinogradWeights): i32 {
  return frequencies(w.tile) * inputs(w) * roundUp(outputs(w), TILE_COLUMNS) * 4;
}

/** Chunks of `winogradWeights`: one a panel of output channels. */
export function winogradWeightsChunks(w: WinogradWeights): i32 {
  return panelCount(outputs(w));
}

/** Bytes of workspace for each thread. */
export function winogradWeightsWorkspace(_w: WinogradWeights): i32 {
  return 9 * 16 + 18 * 16;
}

/** Transforms the weights. */
export function winogradWeights(w: WinogradWeights, from: i32, to: i32, workspace: usize): void {
  const k = inputs(w), n = outputs(w);
  const slice = <usize>(k * roundUp(n, TILE_COLUMNS) * 4);
  for (let panel = from; panel < to; panel++) {
    const column = panel * TILE_COLUMNS;
    let out = w.transformed + <usize>(panel * k * TILE_COLUMNS * 4);
    for (let i = 0; i < k; i++) {
      for (let j = column; j < column + TILE_COLUMNS; j += 4, out += 16) {
        const lanes = min(4, n - j);
        for (let tap = 0; tap < 9; tap++) {
          let v: v128 = f32x4.splat(0);
          if (w.gradInput) {
            const at = w.weights + <usize>(((8 - tap) * w.cin + j) * w.cout + i << 2), row = <usize>w.cout << 2;
            if (lanes > 0) v = v128.load32_zero(at);
            if (lanes > 1) v = v128.load_lane<f32>(at + row, v, 1);
            if (lanes > 2) v = v128.load_lane<f32>(at + 2 * row, v, 2);
            if (lanes > 3) v = v128.load_lane<f32>(at + 3 * row, v, 3);
          } else if (lanes > 0) {
            v = firstLanes(v128.load(w.weights + <usize>((tap * w.cin + i) * w.cout + j << 2)), lanes);
          }
          v128.store(workspace + <usize>(tap << 4), v);
        }
        transform(w.tile, workspace, workspace + 9 * 16, out, slice);
      }
    }
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
