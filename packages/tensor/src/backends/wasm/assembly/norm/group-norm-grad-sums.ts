import {
  blockCount, blockPixels, channelBytes, chunkBlocks, fillPattern, patternBytes, patternsBytes, repeatPixels,
} from "./blocks";
import { channelGradSums } from "./channel-sums";
import { GroupNormGrad, imageSums, statsOf } from "./group-norm-grad-args";
import { betaOf, factorOf, gammaOf } from "./image-affine";
import { normSiluGradRow } from "../elementwise/exp-rows";
import { ceilDiv } from "../variant";

export function groupNormGradSumsChunks(args: GroupNormGrad): i32 {
  return ceilDiv(args.n * blockCount(args.hw, args.c), chunkBlocks(args.hw, args.c));
}

/** Rows mean, scale and shift. */
export function groupNormGradSumsWorkspace(args: GroupNormGrad): f64 {
  return patternsBytes(3, args.hw, args.c);
}

/**
 * First round: the sums of each block and, with `silu`, before them dz in place of dx, so that each exponential is computed once.
 */
export function groupNormGradSums(args: GroupNormGrad, from: i32, to: i32, workspace: usize): void {
  const size = chunkBlocks(args.hw, args.c);
  blockSums(args, workspace, from * size, min(to * size, args.n * blockCount(args.hw, args.c)));
}

/** The sums of blocks from .. to - 1 of all images; three rows of workspace from `mean`. */
export function blockSums(args: GroupNormGrad, mean: usize, from: i32, to: i32): void {
  const hw = args.hw, c = args.c, blocks = blockCount(hw, c), block = blockPixels(hw, c), row = patternBytes(hw, c);
  const scale = mean + row, shift = scale + row, padded = channelBytes(c);
  let image = -1;
  for (let unit = from; unit < to; unit++) {
    if (unit / blocks != image) {
      image = unit / blocks;
      prepareSums(args, image, mean, scale, shift);
    }
    const first = unit % blocks * block, pixels = min(block, hw - first);
    const at = <usize>((image * hw + first) * c) << 2, sums = args.sums + <usize>(2 * unit) * padded;
    if (args.silu) outputGradient(args, at, pixels * c, scale, shift);
    channelGradSums(args.x + at, (args.silu ? args.dx : args.dy) + at, mean, pixels, c, sums, padded);
  }
}

/** dz of `left` neighbours from `at`, row by row of workspace. */
function outputGradient(args: GroupNormGrad, at: usize, left: i32, scale: usize, shift: usize): void {
  const length = args.c * repeatPixels(args.hw, args.c);
  for (; left > 0; left -= length, at += <usize>length << 2) {
    normSiluGradRow(args.dy + at, args.x + at, scale, shift, args.dx + at, min(length, left));
  }
}

/** Rows mean and, for z = scale x + shift, scale = gamma rstd and shift = beta - mean scale, of an image. */
function prepareSums(args: GroupNormGrad, image: i32, mean: usize, scale: usize, shift: usize): void {
  for (let channel = 0; channel < args.c; channel++) {
    const stats = statsOf(args, image, channel), at = <usize>channel << 2;
    f32.store(mean + at, f32.load(stats));
    if (args.silu) {
      const gamma = gammaOf(args.gamma, args.time, image, args.c, channel) * f32.load(stats, 4);
      f32.store(scale + at, gamma);
      f32.store(shift + at, betaOf(args.beta, args.time, image, args.c, channel) - f32.load(stats) * gamma);
    }
  }
  if (args.silu) {
    fillPattern(scale, args.hw, args.c);
    fillPattern(shift, args.hw, args.c);
  }
}

export function groupNormGradTotalsChunks(_args: GroupNormGrad): i32 {
  return 1;
}

/** Second round: the sums of each image, dgamma and dbeta. */
export function groupNormGradTotals(args: GroupNormGrad, _from: i32, _to: i32, _workspace: usize): void {
  for (let image = 0; image < args.n; image++) addBlocks(args, image);
  addImages(args);
}

/** Adds up the blocks of an image, in f64: sums of dz and of dz xhat. */
export function addBlocks(args: GroupNormGrad, image: i32): void {
  const blocks = blockCount(args.hw, args.c), padded = channelBytes(args.c);
  for (let channel = 0; channel < args.c; channel++) {
    let at = args.sums + <usize>(2 * image * blocks) * padded + (<usize>channel << 2);
    let sum: f64 = 0, product: f64 = 0;
    for (let b = 0; b < blocks; b++, at += 2 * padded) {
      sum += <f64>f32.load(at);
      product += <f64>f32.load(at + padded);
    }
    const to = imageSums(args, image) + (<usize>channel << 2);
    f32.store(to, <f32>sum);
    f32.store(to + padded, <f32>(product * <f64>f32.load(statsOf(args, image, channel), 4)));
  }
}

/**
 * dgamma and dbeta: the sums of dz xhat and of dz over the images, in f64, each image's times its 1 + scale. With `time` dtime too: of
 * each image the sums of dz (gamma xhat + beta) and of dz.
 */
export function addImages(args: GroupNormGrad): void {
  const padded = channelBytes(args.c);
  for (let channel = 0; channel < args.c; channel++) {
    let at = imageSums(args, 0) + (<usize>channel << 2);
    let sum: f64 = 0, product: f64 = 0;
    for (let image = 0; image < args.n; image++, at += 2 * padded) {
      const factor = <f64>factorOf(args.time, image, args.c, channel);
      sum += <f64>f32.load(at) * factor;
      product += <f64>f32.load(at + padded) * factor;
      if (args.time != 0) timeGradient(args, image, channel, f32.load(at), f32.load(at + padded));
    }
    f32.store(args.dgamma + (<usize>channel << 2), <f32>product);
    f32.store(args.dbeta + (<usize>channel << 2), <f32>sum);
  }
}

/** dscale and dshift of a channel of an image, from its sums of dz and of dz xhat. */
function timeGradient(args: GroupNormGrad, image: i32, channel: i32, sum: f32, product: f32): void {
  const at = <usize>channel << 2, to = args.dtime + (<usize>(2 * image * args.c) << 2) + at;
  f32.store(to, f32.load(args.gamma + at) * product + f32.load(args.beta + at) * sum);
  f32.store(to + (<usize>args.c << 2), sum);
}
