import { Conv } from "./conv-args";
import { storePixel } from "./conv-rows";
import { gemmBlocked, gemmTransposed } from "../gemm/gemm-block";
import { packPanel, panelCount } from "../gemm/pack";
import { BLOCK, TILE_COLUMNS, ceilDiv } from "../variant";

/*
 * Convolution with few input channels, such as the first layer of a U-Net: a patch is a handful of numbers, and gathering it pixel
 * by pixel would take longer than its products. BLOCK neighbouring output pixels are gathered together instead, as a block
 *   P[(a, b, ci)][pixel] = x[i s + a - top, j s + b - left, ci]
 * whose rows are pieces of rows of x. It serves both products, read in the transposed or in the blocked layout of tiles.ts:
 *   y = P^T w + bias, the bias as one row more of w beside a row of ones in P;   dw = P dy, summed over the blocks.
 */

/** Blocks of pixels in a chunk of `convFewInputs`, and between two visits to the sums of `convFewInputsGrad`. */
@inline const BLOCKS: i32 = 8;
/** The pixels are shared out until there are so many chunks of `convFewInputsGrad`. */
@inline const CHUNKS: i32 = 8;

/** Numbers of a patch. */
@inline function depth(p: Conv): i32 { return p.kh * p.kw * p.cin; }
@inline function pixels(p: Conv): i32 { return p.n * p.oh * p.ow; }
/** Bytes of the gathered block, with the row of ones. */
@inline function blockBytes(p: Conv): i32 { return (depth(p) + 1) * BLOCK * 4; }
@inline function panelBytes(p: Conv): i32 { return (depth(p) + 1) * TILE_COLUMNS * 4; }
@inline function rowBytes(p: Conv): i32 { return panelCount(p.cout) * TILE_COLUMNS * 4; }

/** Writes the block of `count` <= BLOCK output pixels from `first`: in runs that stay in one row of the image. */
function gatherBlock(p: Conv, first: i32, count: i32, to: usize): void {
  let run = 0;
  for (let r = 0; r < count; r += run, to += <usize>run << 2) {
    const pixel = first + r, image = pixel / (p.oh * p.ow), i = pixel / p.ow % p.oh, j = pixel % p.ow;
    run = min(count - r, p.ow - j);
    let row = to;
    for (let a = 0; a < p.kh; a++) {
      const y = i * p.stride - p.padTop + a, x = p.x + <usize>((image * p.h + y) * p.w * p.cin << 2);
      for (let b = 0; b < p.kw; b++) {
        const left = j * p.stride - p.padLeft + b; // of the run's first pixel; [from, until) of the run lie within x
        const outside = <u32>y >= <u32>p.h || left >= p.w;
        const from = outside ? run : min(run, max(0, ceilDiv(-left, p.stride)));
        const until = outside ? run : max(from, min(run, ceilDiv(p.w - left, p.stride)));
        for (let ci = 0; ci < p.cin; ci++, row += BLOCK * 4) {
          zeroFloats(row, from);
          copyStrided(
            row + (<usize>from << 2), x + <usize>((left + from * p.stride) * p.cin + ci << 2), until - from, p.stride * p.cin,
          );
          zeroFloats(row + (<usize>until << 2), run - until);
        }
      }
    }
  }
}

@inline
function zeroFloats(to: usize, count: i32): void {
  for (; count > 0; count--, to += 4) f32.store(to, 0);
}

/** Copies `count` floats, `step` floats apart, to neighbours. */
@inline
function copyStrided(to: usize, from: usize, count: i32, step: i32): void {
  for (; step == 1 && count >= 4; count -= 4, to += 16, from += 16) v128.store(to, v128.load(from));
  for (; count > 0; count--, to += 4, from += <usize>step << 2) f32.store(to, f32.load(from));
}

/** Bytes of the weights packed for `convFewInputs`. */
export function convPackFewInputsBytes(p: Conv): f64 {
  return <f64>panelCount(p.cout) * TILE_COLUMNS * (depth(p) + 1) * 4;
}

/** Chunks of `convPackFewInputs`: one a panel of output channels. */
export function convPackFewInputsChunks(p: Conv): i32 {
  return panelCount(p.cout);
}

/** Packs p.weights, [kh * kw * cin, cout], into panels at p.packed, with the bias, or zeros, as the last row of each. */
export function convPackFewInputs(p: Conv, from: i32, to: i32, _workspace: usize): void {
  for (let panel = from; panel < to; panel++) {
    const at = p.packed + <usize>(panel * panelBytes(p)), column = panel * TILE_COLUMNS, last = at + depth(p) * TILE_COLUMNS * 4;
    packPanel(at, p.weights, depth(p), p.cout, p.cout, column);
    if (p.bias) packPanel(last, p.bias, 1, p.cout, p.cout, column);
    else memory.fill(last, 0, TILE_COLUMNS * 4);
  }
}

/** Chunks of `convFewInputs`. */
export function convFewInputsChunks(p: Conv): i32 {
  return ceilDiv(pixels(p), BLOCKS * BLOCK);
}

/** Bytes of workspace for each thread, 128-byte aligned: a block of patches and, past the last whole panel, of products. */
export function convFewInputsWorkspace(p: Conv): f64 {
  return <f64>BLOCK * 4 * (depth(p) + 1 + panelCount(p.cout) * TILE_COLUMNS);
}

/** y = bias + conv(x) for any kernel, stride and padding, with p.packed from `convPackFewInputs`. */
export function convFewInputs(p: Conv, from: i32, to: i32, workspace: usize): void {
  const products = workspace + blockBytes(p), whole = p.cout % TILE_COLUMNS == 0, row = rowBytes(p);
  const end = min(to * BLOCKS * BLOCK, pixels(p)), ones = workspace + depth(p) * BLOCK * 4;
  for (let r = 0; r < BLOCK; r++) f32.store(ones + <usize>(r << 2), 1);
  for (let first = from * BLOCKS * BLOCK; first < end; first += BLOCK) {
    const count = min(BLOCK, end - first), y = p.y + <usize>(first * p.cout << 2), c = whole ? y : products;
    gatherBlock(p, first, count, workspace);
    gemmTransposed(
      count, panelCount(p.cout), depth(p) + 1, workspace, BLOCK * 4, p.packed, panelBytes(p), TILE_COLUMNS * 4, c, row, false,
    );
    if (whole) continue;
    for (let r = 0; r < count; r++) storePixel(y + <usize>(r * p.cout << 2), c + <usize>(r * row), p.cout, 0);
  }
}

@inline function visits(p: Conv): i32 { return ceilDiv(pixels(p), BLOCKS * BLOCK); }

/** Number of partial sums [kh, kw, cin, cout]; 1 means that dw is written at once and `sumPartials` is not needed. */
export function convFewInputsGradParts(p: Conv): i32 {
  return max(1, min(CHUNKS, visits(p) / 2));
}

/** Chunks of `convFewInputsGrad`: one a partial sum. */
export function convFewInputsGradChunks(p: Conv): i32 {
  return convFewInputsGradParts(p);
}

/** Bytes of workspace for each thread, 128-byte aligned: blocks of patches, and the sums. */
export function convFewInputsGradWorkspace(p: Conv): f64 {
  return <f64>BLOCKS * BLOCK * 4 * (depth(p) + 1) + <f64>depth(p) * panelCount(p.cout) * TILE_COLUMNS * 4;
}

/** dw (p.weights) of y = conv(x) from x and dy (p.y), for any kernel, stride and padding. */
export function convFewInputsGrad(p: Conv, from: i32, to: i32, workspace: usize): void {
  const parts = convFewInputsGradParts(p), sums = workspace + BLOCKS * blockBytes(p), row = rowBytes(p), k = depth(p);
  for (let part = from; part < to; part++) {
    const begin = part * visits(p) / parts, end = (part + 1) * visits(p) / parts;
    for (let visit = begin; visit < end; visit++) {
      const first = visit * BLOCKS * BLOCK, count = min(BLOCKS * BLOCK, pixels(p) - first);
      for (let r = 0; r < count; r += BLOCK) gatherBlock(p, first + r, min(BLOCK, count - r), workspace + <usize>(r * k << 2));
      const dy = p.y + <usize>(first * p.cout << 2); // read in place: what a panel takes beyond a row ends in columns nobody reads
      gemmBlocked(
        k, panelCount(p.cout), count, workspace, k * BLOCK * 4, dy, TILE_COLUMNS * 4, p.cout << 2, sums, row, visit > begin,
      );
    }
    const dw = parts == 1 ? p.weights : p.partials + <usize>(part * k * p.cout << 2);
    for (let r = 0; r < k; r++) storePixel(dw + <usize>(r * p.cout << 2), sums + <usize>(r * row), p.cout, 0);
  }
}
