import { Conv } from "./conv-args";
import { gemmBlocked } from "../gemm/gemm-block";
import { copyBlocked, panelCount, storeLanes } from "../gemm/pack";
import { BLOCK, TILE_COLUMNS, ceilDiv, roundUpWide, saturated } from "../variant";

/*
 * Convolution of stride 1 with few output channels, such as the last layer of a U-Net: a panel of TILE_COLUMNS columns would be
 * mostly zeros. Instead all taps of a pixel are the columns of one product, and taps meet afterwards:
 *   Z[r, t, (a, b, co)] = sum over ci of x[r, t, ci] w[a, b, ci, co]
 *   y[i, j, co]         = bias + sum over (a, b) of Z[i + a - top, j + b - left, (a, b, co)]
 * A chunk is a band of rows of y; its rows of Z are as wide as y and its kernel need, zero where they lie outside x.
 */

/** Bytes of Z that a chunk may take, so that it stays in the second-level cache. */
@inline const CHUNK_BYTES: i32 = 128 * 1024;

/** Columns of the product. */
@inline function columns(p: Conv): i32 { return p.kh * p.kw * p.cout; }
/** Bytes of a pixel of Z, and pixels and bytes of a row. */
@inline function pixelBytes(p: Conv): i32 { return panelCount(columns(p)) * TILE_COLUMNS * 4; }
@inline function rowPixels(p: Conv): i32 { return p.ow + p.kw - 1; }
@inline function rowBytes(p: Conv): i32 { return rowPixels(p) * pixelBytes(p); }
/** Rows of y in a chunk, from the shape alone; four chunks or more where there are so many rows. */
@inline function bandRows(p: Conv): i32 {
  const fitting = CHUNK_BYTES / saturated(<f64>rowPixels(p) * pixelBytes(p));
  return max(1, min(min(fitting - p.kh + 1, ceilDiv(p.n * p.oh, 4)), p.oh));
}
/** Bytes of a row of x in the blocked layout, with a row more for copies that write too far. */
@inline function inputBytes(p: Conv): i32 { return ceilDiv(p.cin, BLOCK) * inputBlock(p) + 128; }
@inline function inputBlock(p: Conv): i32 { return rowPixels(p) * BLOCK * 4; }

/** Bytes of the weights packed for `convFewOutputs`. */
export function convPackFewOutputsBytes(p: Conv): f64 {
  return <f64>p.cin * pixelBytes(p);
}

/** Chunks of `convPackFewOutputs`: one a panel. */
export function convPackFewOutputsChunks(p: Conv): i32 {
  return panelCount(columns(p));
}

/** Packs p.weights, [kh * kw, cin, cout], into panels of the matrix [cin, (kh * kw, cout)] at p.packed, zeros past its columns. */
export function convPackFewOutputs(p: Conv, from: i32, to: i32, _workspace: usize): void {
  let out = p.packed + <usize>(from * p.cin * TILE_COLUMNS * 4);
  for (let panel = from; panel < to; panel++) {
    for (let ci = 0; ci < p.cin; ci++) {
      for (let j = panel * TILE_COLUMNS; j < (panel + 1) * TILE_COLUMNS; j++, out += 4) {
        const w = p.weights + <usize>((j / p.cout * p.cin + ci) * p.cout + j % p.cout << 2);
        f32.store(out, j < columns(p) ? f32.load(w) : 0);
      }
    }
  }
}

/** Chunks of `convFewOutputs`. */
export function convFewOutputsChunks(p: Conv): i32 {
  return p.n * ceilDiv(p.oh, bandRows(p));
}

/** Bytes of workspace for each thread, 128-byte aligned: a row of x, then Z. */
export function convFewOutputsWorkspace(p: Conv): f64 {
  const input = <f64>ceilDiv(p.cin, BLOCK) * rowPixels(p) * BLOCK * 4 + 128;
  return input + roundUpWide(<f64>(bandRows(p) + p.kh - 1) * rowPixels(p) * pixelBytes(p), 128);
}

/** y = bias + conv(x), stride 1, for any kernel and padding, with p.packed from `convPackFewOutputs`. */
export function convFewOutputs(p: Conv, from: i32, to: i32, workspace: usize): void {
  const band = bandRows(p), bands = ceilDiv(p.oh, band), z = workspace + inputBytes(p);
  for (let chunk = from; chunk < to; chunk++) {
    const image = chunk / bands, top = chunk % bands * band, rows = min(band, p.oh - top);
    for (let r = 0; r < rows + p.kh - 1; r++) multiplyRow(p, image, top + r - p.padTop, workspace, z + <usize>(r * rowBytes(p)));
    let y = p.y + <usize>((image * p.oh + top) * p.ow * p.cout << 2);
    for (let r = 0; r < rows; r++, y += p.ow * p.cout << 2) addTaps(p, z + <usize>(r * rowBytes(p)), y);
  }
}

/** A row of Z from row `row` of an image. */
function multiplyRow(p: Conv, image: i32, row: i32, workspace: usize, z: usize): void {
  const pixel = pixelBytes(p), width = rowPixels(p), inside = <u32>row < <u32>p.h;
  const from = inside ? min(width, max(0, p.padLeft)) : width, to = inside ? max(from, min(width, p.padLeft + p.w)) : width;
  memory.fill(z, 0, from * pixel);
  memory.fill(z + <usize>(to * pixel), 0, (width - to) * pixel);
  if (from == to) return;
  const x = p.x + <usize>(((image * p.h + row) * p.w + from - p.padLeft) * p.cin << 2);
  copyBlocked(workspace, inputBlock(p), x, to - from, p.cin, <usize>p.cin << 2);
  gemmBlocked(
    to - from, panelCount(columns(p)), p.cin, workspace, inputBlock(p), p.packed, p.cin * TILE_COLUMNS * 4, TILE_COLUMNS * 4,
    z + <usize>(from * pixel), pixel, false,
  );
}

/** A row of y from rows z .. of Z: four lanes a pixel, of which cout are stored. */
function addTaps(p: Conv, z: usize, y: usize): void {
  const pixel = pixelBytes(p), step = pixel + p.cout * 4, down = rowBytes(p) + p.kw * p.cout * 4;
  const bias = p.bias ? v128.load(p.bias) : f32x4.splat(0);
  for (let j = 0; j < p.ow; j++, z += pixel, y += <usize>p.cout << 2) {
    let sum = bias;
    for (let a = 0, row = z; a < p.kh; a++, row += down) {
      for (let b = 0, at = row; b < p.kw; b++, at += step) sum = f32x4.add(sum, v128.load(at));
    }
    storeLanes(y, sum, p.cout);
  }
}
