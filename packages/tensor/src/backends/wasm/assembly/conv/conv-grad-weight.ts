import { Conv } from "./conv-args";
import { gatherRows } from "./conv-gather";
import { gemmTransposed } from "../gemm/gemm-block";
import { packPanel, panelCount } from "../gemm/pack";
import { touchRows } from "../move/touch";
import { storePixel } from "./conv-rows";
import { TILE_COLUMNS, ceilDiv, roundUp } from "../variant";

/*
 * dw[kh * kw * cin, cout] = patches^T dy, for any kernel, stride and padding (a 1x1 kernel: x^T dy). A chunk is some rows of the
 * kernel, a block of output channels and one of `parts` equal shares of the pixels, which it walks in blocks: it gathers the
 * patches [pixels, kernel rows * kw * cin], packs dy and adds to its block of dw in the workspace. With one part the chunk writes
 * dw, otherwise partial sums for `sumPartials`.
 *
 * The patches of a 1x1 kernel of stride 1 without padding are x itself and are read in place.
 */

/** Pixels that are gathered before they are multiplied. */
@inline const BLOCK_PIXELS: i32 = 96;
/** Output channels of a chunk. */
@inline const BLOCK_OUT: i32 = 128;
/** Kernel rows are taken together up to so many rows of dw. */
@inline const BLOCK_IN: i32 = 256;
/** The pixels are shared out until there are so many chunks. */
@inline const CHUNKS: i32 = 8;

@inline function kernelRows(p: Conv): i32 { return max(1, min(p.kh, BLOCK_IN / (p.kw * p.cin))); }
@inline function inBlocks(p: Conv): i32 { return ceilDiv(p.kh, kernelRows(p)); }
@inline function outBlocks(p: Conv): i32 { return ceilDiv(p.cout, BLOCK_OUT); }
@inline function pixelBlocks(p: Conv): i32 { return ceilDiv(p.n * p.oh * p.ow, BLOCK_PIXELS); }

/** Number of partial sums [kh, kw, cin, cout]; 1 means that dw is written at once and `sumPartials` is not needed. */
export function convGradWeightParts(p: Conv): i32 {
  return max(1, min(ceilDiv(CHUNKS, inBlocks(p) * outBlocks(p)), pixelBlocks(p) / 2));
}

/** Chunks of `convGradWeight`. */
export function convGradWeightChunks(p: Conv): i32 {
  return convGradWeightParts(p) * inBlocks(p) * outBlocks(p);
}

/** Bytes of the gathered patches, of the packed block of dy, of the block of dw. */
@inline function patchFloats(p: Conv): i32 { return kernelRows(p) * p.kw * p.cin; }
@inline function patchBytes(p: Conv): i32 { return BLOCK_PIXELS * patchFloats(p) * 4 + 64; }
@inline function isPointwise(p: Conv): bool {
  return p.kh == 1 && p.kw == 1 && p.stride == 1 && p.padTop == 0 && p.padLeft == 0 && p.oh == p.h && p.ow == p.w;
}
@inline function outBytes(): i32 { return BLOCK_PIXELS * BLOCK_OUT * 4; }
@inline function sumColumns(p: Conv): i32 { return roundUp(min(p.cout, BLOCK_OUT), TILE_COLUMNS); }

/** Bytes of workspace for each thread. */
export function convGradWeightWorkspace(p: Conv): f64 {
  return <f64>patchFloats(p) * (BLOCK_PIXELS + sumColumns(p)) * 4 + 64 + outBytes();
}

/** dw (p.weights) of y = conv(x) from x and dy (p.y). */
export function convGradWeight(p: Conv, from: i32, to: i32, workspace: usize): void {
  const parts = convGradWeightParts(p), ins = inBlocks(p), outs = outBlocks(p), blocks = pixelBlocks(p);
  for (let chunk = from; chunk < to; chunk++) {
    const part = chunk / (ins * outs), row = chunk / outs % ins * kernelRows(p), co = chunk % outs * BLOCK_OUT;
    const dw = parts == 1 ? p.weights : p.partials + <usize>(part * p.kh * p.kw * p.cin * p.cout * 4);
    gradWeightChunk(p, part * blocks / parts, (part + 1) * blocks / parts, row, co, dw, workspace);
  }
}

/** One chunk: pixel blocks [from, to), kernel rows from `row`, output channels from co. */
function gradWeightChunk(p: Conv, from: i32, to: i32, row: i32, co: i32, dw: usize, workspace: usize): void {
  const rows = min(kernelRows(p), p.kh - row), outs = min(BLOCK_OUT, p.cout - co), m = rows * p.kw * p.cin;
  const packed = workspace + patchBytes(p), sums = packed + outBytes(), count = p.n * p.oh * p.ow;
  const panels = panelCount(outs), sumRow = panels * TILE_COLUMNS * 4;
  for (let block = from; block < to; block++) {
    const first = block * BLOCK_PIXELS, pixels = min(BLOCK_PIXELS, count - first), add = block > from;
    const dy = p.y + <usize>(first * p.cout + co << 2), panelBytes = pixels * TILE_COLUMNS * 4, patchRow = m << 2;
    const patches = isPointwise(p) ? p.x + <usize>(first * m << 2) : gatherPixels(p, first, pixels, row, rows, workspace);
    touchRows(dy, pixels, outs << 2, <usize>p.cout << 2, packed);
    if (isPointwise(p)) touchRows(patches, pixels, patchRow, patchRow, packed);
    for (let panel = 0; panel < panels; panel++) {
      packPanel(packed + <usize>(panel * panelBytes), dy, pixels, outs, p.cout, panel * TILE_COLUMNS);
    }
    gemmTransposed(m, panels, pixels, patches, patchRow, packed, panelBytes, TILE_COLUMNS * 4, sums, sumRow, add);
  }
  for (let r = 0; r < m; r++) {
    storePixel(dw + <usize>((row * p.kw * p.cin + r) * p.cout + co << 2), sums + <usize>(r * sumRow), outs, 0);
  }
}

/** Gathers the patches of so many output pixels from `first`, kernel rows row .. row + rows - 1, as rows of a matrix at `to`. */
function gatherPixels(p: Conv, first: i32, pixels: i32, row: i32, rows: i32, to: usize): usize {
  gatherRows(to, first, pixels, p.x, p.h, p.w, p.cin, p.oh, p.ow, p.stride, row - p.padTop, -p.padLeft, rows, p.kw);
  return to;
}
