import { Conv } from "./conv-args";
import { gatherBlocked } from "./conv-gather";
import { blockBytes, multiplyRows, rowsInChunk, rowsWorkspace, storePixel } from "./conv-rows";
import { packPanel, panelCount } from "../gemm/pack";
import { TILE_COLUMNS, ceilDiv } from "../variant";

/** Floats of a patch. */
@inline function depth(p: Conv): i32 { return p.kh * p.kw * p.cin; }
@inline function pixels(p: Conv): i32 { return p.n * p.oh * p.ow; }
@inline function chunkRows(p: Conv): i32 { return rowsInChunk(depth(p), p.cout, pixels(p)); }

/** Bytes of the weights packed for `convForward`. */
export function convPackForwardBytes(p: Conv): f64 {
  return <f64>depth(p) * panelCount(p.cout) * TILE_COLUMNS * 4;
}

/** Chunks of `convPackForward`: one a panel of output channels. */
export function convPackForwardChunks(p: Conv): i32 {
  return panelCount(p.cout);
}

/** Packs p.weights, [kh * kw * cin, cout], into panels at p.packed. */
export function convPackForward(p: Conv, from: i32, to: i32, _workspace: usize): void {
  const k = depth(p);
  for (let panel = from; panel < to; panel++) {
    packPanel(p.packed + <usize>(panel * k * TILE_COLUMNS * 4), p.weights, k, p.cout, p.cout, panel * TILE_COLUMNS);
  }
}

/** Chunks of `convForward`. */
export function convForwardChunks(p: Conv): i32 {
  return ceilDiv(pixels(p), chunkRows(p));
}

/** Bytes of workspace for each thread, 128-byte aligned. */
export function convForwardWorkspace(p: Conv): f64 {
  return rowsWorkspace(chunkRows(p), depth(p), p.cout);
}

/** y = bias + conv(x) for any kernel, stride and padding, with p.packed from `convPackForward`: patches times weights. */
export function convForward(p: Conv, from: i32, to: i32, workspace: usize): void {
  const block = chunkRows(p), count = pixels(p), k = depth(p);
  for (let chunk = from; chunk < to; chunk++) {
    const first = chunk * block, rows = min(block, count - first);
    gatherBlocked(
      workspace, blockBytes(block), first, rows, p.x, p.h, p.w, p.cin, p.oh, p.ow, p.stride, -p.padTop, -p.padLeft, p.kh, p.kw,
    );
    const c = multiplyRows(rows, block, k, p.cout, p.packed, workspace), row = panelCount(p.cout) * TILE_COLUMNS * 4;
    for (let r = 0; r < rows; r++) storePixel(p.y + <usize>((first + r) * p.cout << 2), c + <usize>(r * row), p.cout, p.bias);
  }
}
