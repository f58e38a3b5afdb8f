import {
  blockCount, blockPixels, chunkBlocks, chunkImages, fillPattern, patternBytes, patternsBytes, repeatPixels,
} from "./blocks";
import { betaOf, gammaOf } from "./image-affine";
import { normSiluRow } from "../elementwise/exp-rows";
import { imageStats, imageSums } from "./group-norm-stats";
import { storeLanes } from "../gemm/pack";
import { ceilDiv, flag, multiplyAdd, storePair } from "../variant";

/** Group normalisation of x [n, hw, c], alone or followed by SiLU. Which fields a kernel reads is said there. */
@unmanaged
export class GroupNorm {
  x: usize;
  y: usize = 0;
  /** [n, groups, 2]: mean and reciprocal standard deviation. */
  stats: usize;
  gamma: usize = 0;
  beta: usize = 0;
  /** [n, 2, c]: scale and shift of each image, z = (gamma xhat + beta) (1 + scale) + shift; 0 where there are none. */
  time: usize = 0;
  /** What `groupNormSums` leaves for `groupNormStats`: `groupNormSumsBytes` bytes. */
  sums: usize = 0;
  n: i32;
  hw: i32;
  c: i32;
  groups: i32;
  /** y = silu(z) instead of y = z. */
  silu: flag = 0;
  eps: f32 = 0;
}

export function groupNormChunks(args: GroupNorm): i32 {
  return ceilDiv(args.n * blockCount(args.hw, args.c), chunkBlocks(args.hw, args.c));
}

/** Rows scale and shift. */
export function groupNormWorkspace(args: GroupNorm): f64 {
  return patternsBytes(2, args.hw, args.c);
}

/** y = scale x + shift, scale = gamma rstd, shift = beta - mean scale, or silu of it. Reads x, stats, gamma, beta. */
export function groupNorm(args: GroupNorm, from: i32, to: i32, workspace: usize): void {
  const size = chunkBlocks(args.hw, args.c);
  normalise(args, from * size, min(to * size, args.n * blockCount(args.hw, args.c)), workspace);
}

export function groupNormImageChunks(args: GroupNorm): i32 {
  return ceilDiv(args.n, chunkImages(args.hw, args.c));
}

/** Rows scale and shift. */
export function groupNormImageWorkspace(args: GroupNorm): f64 {
  return groupNormWorkspace(args);
}

/** stats and then y, image by image while its pixels are in the cache. Reads x, gamma, beta; uses sums. */
export function groupNormImage(args: GroupNorm, from: i32, to: i32, workspace: usize): void {
  const size = chunkImages(args.hw, args.c), blocks = blockCount(args.hw, args.c), end = min(to * size, args.n);
  for (let image = from * size; image < end; image++) {
    imageSums(args, image);
    imageStats(args, image);
    normalise(args, image * blocks, (image + 1) * blocks, workspace);
  }
}

/** y of blocks from .. to - 1 of all images. */
function normalise(args: GroupNorm, from: i32, to: i32, scale: usize): void {
  const hw = args.hw, c = args.c, blocks = blockCount(hw, c), block = blockPixels(hw, c), length = c * repeatPixels(hw, c);
  const shift = scale + patternBytes(hw, c);
  let image = -1;
  for (let unit = from; unit < to; unit++) {
    if (unit / blocks != image) {
      image = unit / blocks;
      scaleAndShift(args, image, scale, shift);
    }
    const first = unit % blocks * block;
    let left = min(block, hw - first) * c, at = <usize>((image * hw + first) * c) << 2;
    for (; left > 0; left -= length, at += <usize>length << 2) {
      if (args.silu) normSiluRow(args.x + at, scale, shift, args.y + at, min(length, left));
      else normRow(args.x + at, scale, shift, args.y + at, min(length, left));
    }
  }
}

function scaleAndShift(args: GroupNorm, image: i32, scale: usize, shift: usize): void {
  const c = args.c, size = c / args.groups;
  for (let channel = 0; channel < c; channel++) {
    const stats = args.stats + <usize>((image * args.groups + channel / size) * 8), at = <usize>channel << 2;
    const gamma = gammaOf(args.gamma, args.time, image, c, channel) * f32.load(stats, 4);
    f32.store(scale + at, gamma);
    f32.store(shift + at, betaOf(args.beta, args.time, image, c, channel) - f32.load(stats) * gamma);
  }
  fillPattern(scale, args.hw, c);
  fillPattern(shift, args.hw, c);
}

/** y = scale x + shift, n neighbours. */
@inline
function normRow(x: usize, scale: usize, shift: usize, y: usize, n: i32): void {
  while (n >= 8) {
    const x0 = v128.load(x), x1 = v128.load(x, 16), a0 = v128.load(scale), a1 = v128.load(scale, 16);
    const b0 = v128.load(shift), b1 = v128.load(shift, 16);
    storePair(y, multiplyAdd(x0, a0, b0), multiplyAdd(x1, a1, b1));
    x += 32, scale += 32, shift += 32, y += 32;
    n -= 8;
  }
  while (n > 0) {
    const z = multiplyAdd(v128.load(x), v128.load(scale), v128.load(shift));
    storeLanes(y, z, min(4, n));
    x += 16, scale += 16, shift += 16, y += 16;
    n -= 4;
  }
}
