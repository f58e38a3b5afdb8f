import { channelGradSums } from "./channel-sums";
import { normSiluGradRow } from "../elementwise/exp-rows";
import { fillPattern, patternBytes } from "./group-norm";
import { storeLanes } from "../gemm/pack";
import { ceilDiv, multiplyAdd, roundUp } from "../variant";

/**
 * Gradients of group normalisation, alone or followed by SiLU: dz = dy, or dy silu'(z) with z = gamma xhat + beta recomputed.
 * Three rounds: sums per block of pixels, sums per image, then dx; the parameters' gradients are sums over the images.
 */
@unmanaged
class GroupNormGrad {
  /** Gradient of the output: dz itself without `silu`. */
  dy: usize;
  x: usize;
  stats: usize;
  gamma: usize;
  /** Only read with `silu`. */
  beta: usize;
  /** dx, with `silu` dz before; or (dgamma, dbeta). */
  y: usize;
  /** Per block of each image two rows of roundUp(c, 4) floats: sums of dz and of dz (x - mean). */
  sums: usize;
  /** Per image two rows of roundUp(c, 4) floats: sums of dz and of dz xhat. */
  imageSums: usize;
  n: i32;
  hw: i32;
  c: i32;
  groups: i32;
  block: i32;
  /** Pixels in a row of workspace (see group-norm.ts). */
  repeat: i32;
  silu: i32;
}

@inline
function rowBytes(args: GroupNormGrad): usize {
  return <usize>roundUp(args.c, 4) << 2;
}

/** Address of (mean, rstd) of a channel's group. */
@inline
function statsOf(args: GroupNormGrad, image: i32, channel: i32): usize {
  return args.stats + <usize>((image * args.groups + channel / (args.c / args.groups)) * 8);
}

/**
 * Writes the sums of each block and, with `silu`, before them dz to y, where dx will replace it, so that each exponential is
 * computed once. A unit is a block of an image. Workspace: 3 rows.
 */
export function groupNormGradSums(args: GroupNormGrad, from: i32, to: i32, mean: usize): void {
  const hw = args.hw, c = args.c, blocks = ceilDiv(hw, args.block), row = patternBytes(c, args.repeat), padded = rowBytes(args);
  const scale = mean + row, shift = scale + row;
  let image = -1;
  for (let unit = from; unit < to; unit++) {
    if (unit / blocks != image) {
      image = unit / blocks;
      prepareSums(args, image, mean, scale, shift);
    }
    const first = unit % blocks * args.block, pixels = min(args.block, hw - first);
    const at = <usize>((image * hw + first) * c) << 2, x = args.x + at, sums = args.sums + <usize>(2 * unit) * padded;
    if (args.silu) outputGradient(args, at, pixels * c, scale, shift);
    channelGradSums(x, (args.silu ? args.y : args.dy) + at, mean, pixels, c, sums, padded);
  }
}

/** dz of `left` neighbours from `at`, row by row of workspace. */
function outputGradient(args: GroupNormGrad, at: usize, left: i32, scale: usize, shift: usize): void {
  const length = args.c * args.repeat;
  for (; left > 0; left -= length, at += <usize>length << 2) {
    normSiluGradRow(args.dy + at, args.x + at, scale, shift, args.y + at, min(length, left));
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
    fillPattern(scale, args.c, args.repeat);
    fillPattern(shift, args.c, args.repeat);
  }
}

/** Adds up the blocks of each image, in f64: sums of dz and of dz xhat. A unit is an image. */
export function groupNormGradImages(args: GroupNormGrad, from: i32, to: i32, _workspace: usize): void {
  const blocks = ceilDiv(args.hw, args.block), padded = rowBytes(args);
  for (let image = from; image < to; image++) {
    for (let channel = 0; channel < args.c; channel++) {
      let at = args.sums + <usize>(2 * image * blocks) * padded + (<usize>channel << 2);
      let sum: f64 = 0, product: f64 = 0;
      for (let b = 0; b < blocks; b++, at += 2 * padded) {
        sum += <f64>f32.load(at);
        product += <f64>f32.load(at + padded);
      }
      const y = args.imageSums + <usize>(2 * image) * padded + (<usize>channel << 2);
      f32.store(y, <f32>sum);
      f32.store(y + padded, <f32>(product * <f64>f32.load(statsOf(args, image, channel), 4)));
    }
  }
}

/**
 * dx = scale dz + constant + (x - mean) slope with, for each group, constant = -rstd mean(h), slope = -rstd^2 mean(h xhat) and
 * h = gamma dz. A unit is a block of an image. Workspace: 4 rows.
 */
export function groupNormGradInput(args: GroupNormGrad, from: i32, to: i32, mean: usize): void {
  const hw = args.hw, c = args.c, blocks = ceilDiv(hw, args.block), length = c * args.repeat, row = patternBytes(c, args.repeat);
  const scale = mean + row, constant = scale + row, slope = constant + row, dz = args.silu ? args.y : args.dy;
  let image = -1;
  for (let unit = from; unit < to; unit++) {
    if (unit / blocks != image) {
      image = unit / blocks;
      prepareInput(args, image, mean, scale, constant, slope);
    }
    const first = unit % blocks * args.block;
    let left = min(args.block, hw - first) * c, at = <usize>((image * hw + first) * c) << 2;
    for (; left > 0; left -= length, at += <usize>length << 2) {
      inputRow(dz + at, args.x + at, args.y + at, mean, scale, constant, slope, min(length, left));
    }
  }
}

/** All three rounds image by image, while its pixels are in the cache. A unit is an image. Workspace: 4 rows. */
export function groupNormGradImage(args: GroupNormGrad, from: i32, to: i32, workspace: usize): void {
  const blocks = ceilDiv(args.hw, args.block);
  for (let image = from; image < to; image++) {
    groupNormGradSums(args, image * blocks, (image + 1) * blocks, workspace);
    groupNormGradImages(args, image, image + 1, workspace);
    groupNormGradInput(args, image * blocks, (image + 1) * blocks, workspace);
  }
}

/** Rows mean, scale, constant, slope of an image. */
function prepareInput(args: GroupNormGrad, image: i32, mean: usize, scale: usize, constant: usize, slope: usize): void {
  const size = args.c / args.groups, sums = args.imageSums + <usize>(2 * image) * rowBytes(args);
  for (let first = 0; first < args.c; first += size) {
    const stats = statsOf(args, image, first), rstd = f32.load(stats, 4);
    let h: f64 = 0, hx: f64 = 0;
    for (let channel = first; channel < first + size; channel++) {
      const at = <usize>channel << 2, gamma = <f64>f32.load(args.gamma + at);
      h += gamma * <f64>f32.load(sums + at);
      hx += gamma * <f64>f32.load(sums + rowBytes(args) + at);
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
  fillPattern(mean, args.c, args.repeat);
  fillPattern(scale, args.c, args.repeat);
  fillPattern(constant, args.c, args.repeat);
  fillPattern(slope, args.c, args.repeat);
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

/** y = (dgamma, dbeta): the sums of dz xhat and of dz over the images, in f64. A unit is a channel. */
export function groupNormGradParams(args: GroupNormGrad, from: i32, to: i32, _workspace: usize): void {
  const padded = rowBytes(args);
  for (let channel = from; channel < to; channel++) {
    let at = args.imageSums + (<usize>channel << 2);
    let sum: f64 = 0, product: f64 = 0;
    for (let image = 0; image < args.n; image++, at += 2 * padded) {
      sum += <f64>f32.load(at);
      product += <f64>f32.load(at + padded);
    }
    const y = args.y + (<usize>channel << 2);
    f32.store(y, <f32>product);
    f32.store(y + (<usize>args.c << 2), <f32>sum);
  }
}
