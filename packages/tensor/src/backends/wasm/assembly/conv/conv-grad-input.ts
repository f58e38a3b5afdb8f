import { Conv } from "./conv-args";
import { gatherBlocked } from "./conv-gather";
import { blockBytes, multiplyRows, rowsInChunk, rowsWorkspace, storePixel } from "./conv-rows";
import { packPanelTransposed, panelCount, zeroVectors } from "../gemm/pack";
import { TILE_COLUMNS, ceilDiv } from "../variant";

/*
 * dx[i, j, ci] = sum over taps (a, b) and co of dy[(i + padTop - a) / stride, (j + padLeft - b) / stride, co] w[a, b, ci, co],
 * over the taps for which both divisions are exact. Pixels with the same phase (i + padTop) mod stride, (j + padLeft) mod stride
 * use the same taps a = phase, phase + stride, ...: each phase is a convolution of dy with stride 1 and its own smaller kernel.
 * Taps are taken in descending order, so that the pixels of dy ascend and a patch is gathered like any other.
 */

/** Taps of a phase along one axis. */
@inline function taps(kernel: i32, phase: i32, stride: i32): i32 { return phase < kernel ? ceilDiv(kernel - phase, stride) : 0; }
/** First pixel of a phase along one axis. */
@inline function firstPixel(phase: i32, pad: i32, stride: i32): i32 { return ((phase - pad) % stride + stride) % stride; }
/** Pixels of a phase along one axis. */
@inline function pixelsOf(side: i32, phase: i32, pad: i32, stride: i32): i32 {
  const first = firstPixel(phase, pad, stride);
  return first < side ? ceilDiv(side - first, stride) : 0;
}

/** Floats of the longest patch: phase 0 has the most taps. */
@inline function depth(p: Conv): i32 { return taps(p.kh, 0, p.stride) * taps(p.kw, 0, p.stride) * p.cout; }
@inline function chunkRows(p: Conv): i32 { return rowsInChunk(depth(p), p.cin, p.n * p.h * p.w); }

/** Bytes of the weights packed for `convGradInput`. */
export function convPackGradInputBytes(p: Conv): f64 {
  return <f64>(p.kh * p.kw * p.cout) * panelCount(p.cin) * TILE_COLUMNS * 4;
}

/** Chunks of `convPackGradInput`: one a panel of input channels. */
export function convPackGradInputChunks(p: Conv): i32 {
  return panelCount(p.cin);
}

/** Packs p.weights [kh, kw, cin, cout] to p.packed: [phase][panel of cin][tap of the phase, descending][cout][TILE_COLUMNS]. */
export function convPackGradInput(p: Conv, from: i32, to: i32, _workspace: usize): void {
  let phaseStart = p.packed;
  for (let a = 0; a < p.stride; a++) {
    for (let b = 0; b < p.stride; b++) {
      const rows = taps(p.kh, a, p.stride), columns = taps(p.kw, b, p.stride), tapBytes = p.cout * TILE_COLUMNS * 4;
      for (let panel = from; panel < to; panel++) {
        let out = phaseStart + <usize>(panel * rows * columns * tapBytes);
        for (let i = rows - 1; i >= 0; i--) {
          for (let j = columns - 1; j >= 0; j--, out += tapBytes) {
            const tap = (a + i * p.stride) * p.kw + b + j * p.stride;
            const w = p.weights + <usize>(tap * p.cin * p.cout << 2);
            packPanelTransposed(out, w, p.cout, p.cin, p.cout, panel * TILE_COLUMNS);
          }
        }
      }
      phaseStart += panelCount(p.cin) * rows * columns * tapBytes;
    }
  }
}

/** Chunks of `convGradInput`: blocks of pixels of one phase. */
export function convGradInputChunks(p: Conv): i32 {
  let chunks = 0;
  for (let a = 0; a < p.stride; a++) {
    for (let b = 0; b < p.stride; b++) chunks += phaseChunks(p, a, b);
  }
  return chunks;
}

@inline
function phaseChunks(p: Conv, a: i32, b: i32): i32 {
  return ceilDiv(p.n * pixelsOf(p.h, a, p.padTop, p.stride) * pixelsOf(p.w, b, p.padLeft, p.stride), chunkRows(p));
}

/** Bytes of workspace for each thread, 128-byte aligned. */
export function convGradInputWorkspace(p: Conv): f64 {
  return rowsWorkspace(chunkRows(p), depth(p), p.cin);
}

/** dx (p.x) from dy (p.y), for any kernel, stride and padding, with p.packed from `convPackGradInput`. */
export function convGradInput(p: Conv, from: i32, to: i32, workspace: usize): void {
  let first = 0, packed = p.packed;
  for (let a = 0; a < p.stride; a++) {
    for (let b = 0; b < p.stride; b++) {
      const last = first + phaseChunks(p, a, b);
      for (let chunk = max(from, first); chunk < min(to, last); chunk++) phaseChunk(p, a, b, chunk - first, packed, workspace);
      first = last;
      packed += panelCount(p.cin) * TILE_COLUMNS * taps(p.kh, a, p.stride) * taps(p.kw, b, p.stride) * p.cout * 4;
    }
  }
}

/** Chunk number `chunk` of phase (a, b). */
function phaseChunk(p: Conv, a: i32, b: i32, chunk: i32, packed: usize, workspace: usize): void {
  const h = pixelsOf(p.h, a, p.padTop, p.stride), w = pixelsOf(p.w, b, p.padLeft, p.stride);
  const i0 = firstPixel(a, p.padTop, p.stride), j0 = firstPixel(b, p.padLeft, p.stride);
  const rows = taps(p.kh, a, p.stride), columns = taps(p.kw, b, p.stride), k = rows * columns * p.cout;
  const block = chunkRows(p), start = chunk * block, count = min(block, p.n * h * w - start);
  gatherBlocked(
    workspace, blockBytes(block), start, count, p.y, p.oh, p.ow, p.cout, h, w, 1,
    (i0 + p.padTop) / p.stride - rows + 1, (j0 + p.padLeft) / p.stride - columns + 1, rows, columns,
  );
  let c = multiplyRows(count, block, k, p.cin, packed, workspace);
  const row = panelCount(p.cin) * TILE_COLUMNS * 4;
  if (k == 0) zeroVectors(c, count * row); // pixels that no tap reaches
  let i = start / w % h, j = start % w, image = start / w / h;
  for (let r = 0; r < count; r++, c += row) {
    const pixel = (image * p.h + i0 + i * p.stride) * p.w + j0 + j * p.stride;
    storePixel(p.x + <usize>(pixel * p.cin << 2), c, p.cin, 0);
    if (++j < w) continue;
    j = 0;
    if (++i < h) continue;
    i = 0;
    image++;
  }
}
