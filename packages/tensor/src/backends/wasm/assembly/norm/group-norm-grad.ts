import { channelGradSums } from "./channel-sums";
import { normSiluGradRow } from "../elementwise/exp-rows";
import {
  blockCount, blockPixels, channelBytes, chunkBlocks, chunkImages, fillPattern, patternBytes, patternsBytes, repeatPixels,
} from "./blocks";
import { storeLanes } from "../gemm/pack";
import { ceilDiv, flag, multiplyAdd } from "../variant";

/**
 * Gradients of group normalisation, alone or followed by SiLU: dz = dy, or dy silu'(z) with z = gamma xhat + beta recomputed.
 * Three rounds: sums per block of pixels, sums per image and over the images (dgamma, dbeta), then dx; or where images are many all
 * of it but dgamma and dbeta image by image, with the same bits.
 */
@unmanaged
export class GroupNormGrad {
  /** Gradient of the output: dz itself without `silu`. */
  dy: usize;
  x: usize;
  stats: usize;
  gamma: usize;
  /** Only read with `silu`. */
  beta: usize = 0;
  /** dx, with `silu` dz before. */
  dx: usize;
  dgamma: usize;
  dbeta: usize;
  /**
   * Per block of each image two rows, a number for every channel: sums of dz and of dz (x - mean). Behind them two rows for each
   * image: sums of dz and of dz xhat. `groupNormGradSumsBytes` bytes.
   */
  sums: usize = 0;
  n: i32;
  hw: i32;
  c: i32;
  groups: i32;
  silu: flag;
}

@inline function blocksOf(args: GroupNormGrad): i32 { return blockCount(args.hw, args.c); }

export function groupNormGradSumsBytes(args: GroupNormGrad): f64 {
  return 2 * <f64>args.n * (blocksOf(args) + 1) * <f64>channelBytes(args.c);
}

/** Address of the two rows of sums of an image. */
@inline
function imageSums(args: GroupNormGrad, image: i32): usize {
  return args.sums + <usize>(2 * (args.n * blocksOf(args) + image)) * channelBytes(args.c);
}

/** Address of (mean, rstd) of a channel's group. */
@inline
function statsOf(args: GroupNormGrad, image: i32, channel: i32): usize {
  return args.stats + <usize>((image * args.groups + channel / (args.c / args.groups)) * 8);
}

export function groupNormGradSumsChunks(args: GroupNormGrad): i32 {
  return ceilDiv(args.n * blocksOf(args), chunkBlocks(args.hw, args.c));
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
  blockSums(args, from * size, min(to * size, args.n * blocksOf(args)), workspace);
}

/** The sums of blocks from .. to - 1 of all images. */
function blockSums(args: GroupNormGrad, from: i32, to: i32, mean: usize): void {
  const hw = args.hw, c = args.c, blocks = blocksOf(args), block = blockPixels(hw, c), row = patternBytes(hw, c);
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
      const gamma = f32.load(args.gamma + at) * f32.load(stats, 4);
      f32.store(scale + at, gamma);
      f32.store(shift + at, f32.load(args.beta + at) - f32.load(stats) * gamma);
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
function addBlocks(args: GroupNormGrad, image: i32): void {
  const blocks = blocksOf(args), padded = channelBytes(args.c);
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

/** dgamma and dbeta: the sums of dz xhat and of dz over the images, in f64. */
function addImages(args: GroupNormGrad): void {
  const padded = channelBytes(args.c);
  for (let channel = 0; channel < args.c; channel++) {
    let at = imageSums(args, 0) + (<usize>channel << 2);
    let sum: f64 = 0, product: f64 = 0;
    for (let image = 0; image < args.n; image++, at += 2 * padded) {
      sum += <f64>f32.load(at);
      product += <f64>f32.load(at + padded);
    }
    f32.store(args.dgamma + (<usize>channel << 2), <f32>product);
    f32.store(args.dbeta + (<usize>channel << 2), <f32>sum);
  }
}

export function groupNormGradInputChunks(args: GroupNormGrad): i32 {
  return ceilDiv(args.n * blocksOf(args), chunkBlocks(args.hw, args.c));
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
  inputGradient(args, from * size, min(to * size, args.n * blocksOf(args)), workspace);
}

/** dx of blocks from .. to - 1 of all images. */
function inputGradient(args: GroupNormGrad, from: i32, to: i32, mean: usize): void {
  const hw = args.hw, c = args.c, blocks = blocksOf(args), block = blockPixels(hw, c), length = c * repeatPixels(hw, c);
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

export function groupNormGradImageChunks(args: GroupNormGrad): i32 {
  return ceilDiv(args.n, chunkImages(args.hw, args.c));
}

/** Rows mean, scale, constant and slope. */
export function groupNormGradImageWorkspace(args: GroupNormGrad): f64 {
  return groupNormGradInputWorkspace(args);
}

/** All but dgamma and dbeta, image by image while its pixels are in the cache. */
export function groupNormGradImage(args: GroupNormGrad, from: i32, to: i32, workspace: usize): void {
  const size = chunkImages(args.hw, args.c), blocks = blocksOf(args), end = min(to * size, args.n);
  for (let image = from * size; image < end; image++) {
    blockSums(args, image * blocks, (image + 1) * blocks, workspace);
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

/** Rows mean, scale, constant, slope of an image. */
function prepareInput(args: GroupNormGrad, image: i32, mean: usize, scale: usize, constant: usize, slope: usize): void {
  const size = args.c / args.groups, sums = imageSums(args, image);
  for (let first = 0; first < args.c; first += size) {
    const stats = statsOf(args, image, first), rstd = f32.load(stats, 4);
    let h: f64 = 0, hx: f64 = 0;
    for (let channel = first; channel < first + size; channel++) {
      const at = <usize>channel << 2, gamma = <f64>f32.load(args.gamma + at);
      h += gamma * <f64>f32.load(sums + at);
      hx += gamma * <f64>f32.load(sums + channelBytes(args.c) + at);
    }
    const perElement = -<f64>rstd / <f64>(args.hw * size);
    for (let channel = first; channel < first + size; channel++) {
      const at = <usize>channel << 2;
      f32.store(mean + at, f32.load(stats));
      f32.store(scale + at, f32.load(args.gamma + at) * rstd);
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
    v128.store(y, multiplyAdd(dz0, a0, l0));
    v128.store(y, multiplyAdd(dz1, a1, l1), 16);
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
