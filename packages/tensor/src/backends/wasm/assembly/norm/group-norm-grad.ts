import {
  blockCount, blockPixels, channelBytes, chunkBlocks, chunkImages, fillPattern, patternBytes, patternsBytes, repeatPixels,
} from "./blocks";
import { GroupNormGrad, imageSums, statsOf } from "./group-norm-grad-args";
import { addBlocks, addImages, blockSums } from "./group-norm-grad-sums";
import { gammaOf } from "./image-affine";
import { storeLanes } from "../gemm/pack";
import { ceilDiv, multiplyAdd, storePair } from "../variant";

export function groupNormGradInputChunks(args: GroupNormGrad): i32 {
  return ceilDiv(args.n * blockCount(args.hw, args.c), chunkBlocks(args.hw, args.c));
}

/** Rows mean, scale, constant and slope. */
export function groupNormGradInputWorkspace(args: GroupNormGrad): f64 {
  return patternsBytes(4, args.hw, args.c);
}

/**
 * Third round: dx = scale dz + constant + (x - mean) slope with, for each group, constant = -rstd mean(h),
 * slope = -rstd^2 mean(h xhat) and h = gamma dz.
 */
export function groupNormGradInput(args: GroupNormGrad, from: i32, to: i32, workspace: usize): void {
  const size = chunkBlocks(args.hw, args.c);
  inputGradient(args, from * size, min(to * size, args.n * blockCount(args.hw, args.c)), workspace);
}

/** dx of blocks from .. to - 1 of all images. */
function inputGradient(args: GroupNormGrad, from: i32, to: i32, mean: usize): void {
  const hw = args.hw, c = args.c, blocks = blockCount(hw, c), block = blockPixels(hw, c), length = c * repeatPixels(hw, c);
  const row = patternBytes(hw, c), scale = mean + row, constant = scale + row, slope = constant + row;
  const dz = args.silu ? args.dx : args.dy;
  let image = -1;
  for (let unit = from; unit < to; unit++) {
    if (unit / blocks != image) {
      image = unit / blocks;
      prepareInput(args, image, mean, scale, constant, slope);
    }
    const first = unit % blocks * block;
    let left = min(block, hw - first) * c, at = <usize>((image * hw + first) * c) << 2;
    for (; left > 0; left -= length, at += <usize>length << 2) {
      inputRow(dz + at, args.x + at, args.dx + at, mean, scale, constant, slope, min(length, left));
    }
  }
}

/** Rows mean, scale, constant, slope of an image. */
function prepareInput(args: GroupNormGrad, image: i32, mean: usize, scale: usize, constant: usize, slope: usize): void {
  const size = args.c / args.groups, sums = imageSums(args, image);
  for (let first = 0; first < args.c; first += size) {
    const stats = statsOf(args, image, first), rstd = f32.load(stats, 4);
    let h: f64 = 0, hx: f64 = 0;
    for (let channel = first; channel < first + size; channel++) {
      const at = <usize>channel << 2, gamma = <f64>gammaOf(args.gamma, args.time, image, args.c, channel);
      h += gamma * <f64>f32.load(sums + at);
      hx += gamma * <f64>f32.load(sums + channelBytes(args.c) + at);
    }
    const perElement = -<f64>rstd / <f64>(args.hw * size);
    for (let channel = first; channel < first + size; channel++) {
      const at = <usize>channel << 2;
      f32.store(mean + at, f32.load(stats));
      f32.store(scale + at, gammaOf(args.gamma, args.time, image, args.c, channel) * rstd);
      f32.store(constant + at, <f32>(h * perElement));
      f32.store(slope + at, <f32>(hx * perElement * <f64>rstd));
    }
  }
  fillPattern(mean, args.hw, args.c);
  fillPattern(scale, args.hw, args.c);
  fillPattern(constant, args.hw, args.c);
  fillPattern(slope, args.hw, args.c);
}

@inline
function inputRow(dz: usize, x: usize, y: usize, mean: usize, scale: usize, constant: usize, slope: usize, n: i32): void {
  while (n >= 8) {
    const x0 = v128.load(x), x1 = v128.load(x, 16), m0 = v128.load(mean), m1 = v128.load(mean, 16);
    const s0 = v128.load(slope), s1 = v128.load(slope, 16), c0 = v128.load(constant), c1 = v128.load(constant, 16);
    const l0 = multiplyAdd(f32x4.sub(x0, m0), s0, c0), l1 = multiplyAdd(f32x4.sub(x1, m1), s1, c1);
    const dz0 = v128.load(dz), dz1 = v128.load(dz, 16), a0 = v128.load(scale), a1 = v128.load(scale, 16);
    storePair(y, multiplyAdd(dz0, a0, l0), multiplyAdd(dz1, a1, l1));
    x += 32, dz += 32, y += 32, mean += 32, scale += 32, constant += 32, slope += 32;
    n -= 8;
  }
  while (n > 0) {
    const linear = multiplyAdd(f32x4.sub(v128.load(x), v128.load(mean)), v128.load(slope), v128.load(constant));
    const dx = multiplyAdd(v128.load(dz), v128.load(scale), linear);
    storeLanes(y, dx, min(4, n));
    x += 16, dz += 16, y += 16, mean += 16, scale += 16, constant += 16, slope += 16;
    n -= 4;
  }
}

export function groupNormGradImageChunks(args: GroupNormGrad): i32 {
  return ceilDiv(args.n, chunkImages(args.hw, args.c));
}

/** Rows mean, scale, constant and slope. */
export function groupNormGradImageWorkspace(args: GroupNormGrad): f64 {
  return groupNormGradInputWorkspace(args);
}

/** All but dgamma and dbeta, image by image while its pixels are in the cache. */
export function groupNormGradImage(args: GroupNormGrad, from: i32, to: i32, workspace: usize): void {
  const size = chunkImages(args.hw, args.c), blocks = blockCount(args.hw, args.c), end = min(to * size, args.n);
  for (let image = from * size; image < end; image++) {
    blockSums(args, workspace, image * blocks, (image + 1) * blocks);
    addBlocks(args, image);
    inputGradient(args, image * blocks, (image + 1) * blocks, workspace);
  }
}

export function groupNormGradParamsChunks(_args: GroupNormGrad): i32 {
  return 1;
}

/** dgamma and dbeta, behind `groupNormGradImage`. */
export function groupNormGradParams(args: GroupNormGrad, _from: i32, _to: i32, _workspace: usize): void {
  addImages(args);
}
