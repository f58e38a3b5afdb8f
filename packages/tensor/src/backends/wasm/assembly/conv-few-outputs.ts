import { Conv } from "./conv-args";
import { gatherRow } from "./conv-gather";
import { ceilDiv, multiplyAdd, roundUp } from "./variant";

/*
 * Convolution with very few output channels, such as the last layer of a U-Net: a panel of TILE_COLUMNS columns would be mostly
 * zeros. Instead y[pixel, co] is the dot product of the patch with the weights of one output channel, four lanes at a time.
 */

/** So many output channels are few. */
@inline const FEW: i32 = 4;
/** Pixels in a chunk. */
@inline const BLOCK_PIXELS: i32 = 512;

@inline
export function hasFewOutputs(p: Conv): bool {
  return p.cout <= FEW;
}

/** Floats of a patch, rounded up to whole vectors; the rest is zero in the patch and in the weights. */
@inline
function paddedDepth(p: Conv): i32 {
  return roundUp(p.kh * p.kw * p.cin, 4);
}

export function fewOutputsPackBytes(p: Conv): i32 {
  return p.cout * paddedDepth(p) * 4;
}

/** Weights [kh * kw * cin, cout] at p.weights to rows [cout][paddedDepth] at p.y. */
export function fewOutputsPack(p: Conv): void {
  const k = p.kh * p.kw * p.cin, padded = paddedDepth(p);
  for (let co = 0; co < p.cout; co++) {
    for (let i = 0; i < padded; i++) {
      f32.store(p.y + <usize>(co * padded + i << 2), i < k ? f32.load(p.weights + <usize>(i * p.cout + co << 2)) : 0);
    }
  }
}

export function fewOutputsChunks(p: Conv): i32 {
  return ceilDiv(p.n * p.oh * p.ow, BLOCK_PIXELS);
}

export function fewOutputsWorkspace(p: Conv): i32 {
  return paddedDepth(p) * 4 + 64;
}

/** y = bias + conv(x): one patch at a time in the workspace. */
export function fewOutputs(p: Conv, from: i32, to: i32, workspace: usize): void {
  const padded = paddedDepth(p), end = min(to * BLOCK_PIXELS, p.n * p.oh * p.ow);
  for (let pixel = from * BLOCK_PIXELS; pixel < end; pixel++) {
    const image = pixel / (p.oh * p.ow), i = pixel / p.ow % p.oh, j = pixel % p.ow;
    gatherRow(
      workspace, p.x + <usize>(image * p.h * p.w * p.cin << 2), p.h, p.w, p.cin,
      i * p.stride - p.padTop, j * p.stride - p.padLeft, p.kh, p.kw,
    );
    for (let k = p.kh * p.kw * p.cin; k < padded; k++) f32.store(workspace + <usize>(k << 2), 0);
    for (let co = 0; co < p.cout; co++) {
      const bias: f32 = p.bias ? f32.load(p.bias + <usize>(co << 2)) : 0;
      const y = dot(workspace, p.weights + <usize>(co * padded << 2), padded);
      f32.store(p.y + <usize>(pixel * p.cout + co << 2), y + bias);
    }
  }
}

/** The dot product of two rows of `count` floats, a multiple of 4: four sums of vectors, so that additions need not wait. */
function dot(a: usize, b: usize, count: i32): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  while (count >= 16) {
    s0 = multiplyAdd(v128.load(a), v128.load(b), s0);
    s1 = multiplyAdd(v128.load(a, 16), v128.load(b, 16), s1);
    s2 = multiplyAdd(v128.load(a, 32), v128.load(b, 32), s2);
    s3 = multiplyAdd(v128.load(a, 48), v128.load(b, 48), s3);
    a += 64;
    b += 64;
    count -= 16;
  }
  while (count > 0) {
    s0 = multiplyAdd(v128.load(a), v128.load(b), s0);
    a += 16;
    b += 16;
    count -= 4;
  }
  const s = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  return f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1) + (f32x4.extract_lane(s, 2) + f32x4.extract_lane(s, 3));
}
