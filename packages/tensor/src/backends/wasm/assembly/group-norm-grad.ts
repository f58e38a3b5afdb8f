import { siluSlope } from "./exp";
import { storeLanes } from "./pack";
import { ceilDiv, multiplyAdd, roundUp } from "./variant";

/**
 * Gradients of group normalisation, alone or followed by SiLU: dz = dy, or dy silu'(z) with z = gamma xhat + beta recomputed. Three
 * rounds: sums per block of pixels, sums per image, then dx; the parameters' gradients are sums over the images.
 */
@unmanaged
class GroupNormGrad {
  /** Gradient of the output; groupNormGradInput reads dz here. */
  dy: usize;
  x: usize;
  stats: usize;
  gamma: usize;
  /** Only read with `silu`. */
  beta: usize;
  /** dx, or (dgamma, dbeta). */
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
 * Writes the sums of each block and, with `silu` and y != 0, dz to y. A unit is a block of an image.
 * Workspace: 3 rows of roundUp(c, 4) floats.
 */
export function groupNormGradSums(args: GroupNormGrad, from: i32, to: i32, workspace: usize): void {
  const hw = args.hw, c = args.c, blocks = ceilDiv(hw, args.block), padded = rowBytes(args);
  let image = -1;
  for (let unit = from; unit < to; unit++) {
    if (unit / blocks != image) {
      image = unit / blocks;
      prepareSums(args, image, workspace);
    }
    const first = unit % blocks * args.block, pixels = min(args.block, hw - first);
    const at = <usize>((image * hw + first) * c) << 2;
    const sums = args.sums + <usize>(2 * unit) * padded;
    memory.fill(sums, 0, 2 * padded);
    if (!args.silu) addSums(false, false, args.dy + at, args.x + at, 0, pixels, c, sums, workspace);
    else if (args.y) addSums(true, true, args.dy + at, args.x + at, args.y + at, pixels, c, sums, workspace);
    else addSums(true, false, args.dy + at, args.x + at, 0, pixels, c, sums, workspace);
  }
}

/** Rows mean, scale = gamma rstd, beta of an image. */
function prepareSums(args: GroupNormGrad, image: i32, mean: usize): void {
  const padded = rowBytes(args);
  for (let channel = 0; channel < args.c; channel++) {
    const stats = statsOf(args, image, channel), at = <usize>channel << 2;
    f32.store(mean + at, f32.load(stats));
    if (args.silu) {
      f32.store(mean + padded + at, f32.load(args.gamma + at) * f32.load(stats, 4));
      f32.store(mean + 2 * padded + at, f32.load(args.beta + at));
    }
  }
}

@inline
function addSums(
  activate: bool, store: bool, dy: usize, x: usize, y: usize, pixels: i32, c: i32, sums: usize, rows: usize,
): void {
  const padded = <usize>roundUp(c, 4) << 2;
  while (pixels > 0) {
    let mean = rows, sum = sums, left = c;
    while (left > 0) {
      const d = f32x4.sub(v128.load(x), v128.load(mean));
      let dz = v128.load(dy);
      if (activate) dz = f32x4.mul(dz, siluSlope(multiplyAdd(d, v128.load(mean + padded), v128.load(mean + 2 * padded))));
      if (store) {
        if (left >= 4) v128.store(y, dz);
        else storeLanes(y, dz, left);
      }
      v128.store(sum, f32x4.add(v128.load(sum), dz));
      v128.store(sum + padded, multiplyAdd(dz, d, v128.load(sum + padded)));
      const step = <usize>min(left, 4) << 2;
      x += step;
      dy += step;
      if (store) y += step;
      mean += 16;
      sum += 16;
      left -= 4;
    }
    pixels--;
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
 * h = gamma dz. A unit is a block of an image. Workspace: 4 rows of roundUp(c, 4) floats.
 */
export function groupNormGradInput(args: GroupNormGrad, from: i32, to: i32, workspace: usize): void {
  const hw = args.hw, c = args.c, blocks = ceilDiv(hw, args.block);
  let image = -1;
  for (let unit = from; unit < to; unit++) {
    if (unit / blocks != image) {
      image = unit / blocks;
      prepareInput(args, image, workspace);
    }
    const first = unit % blocks * args.block, pixels = min(args.block, hw - first);
    const at = <usize>((image * hw + first) * c) << 2;
    inputGradient(args.dy + at, args.x + at, args.y + at, pixels, c, workspace);
  }
}

/** Rows mean, scale, constant, slope of an image. */
function prepareInput(args: GroupNormGrad, image: i32, mean: usize): void {
  const padded = rowBytes(args), size = args.c / args.groups;
  const scale = mean + padded, constant = scale + padded, slope = constant + padded;
  const sums = args.imageSums + <usize>(2 * image) * padded;
  for (let first = 0; first < args.c; first += size) {
    const stats = statsOf(args, image, first), rstd = f32.load(stats, 4);
    let h: f64 = 0, hx: f64 = 0;
    for (let channel = first; channel < first + size; channel++) {
      const at = <usize>channel << 2, gamma = <f64>f32.load(args.gamma + at);
      h += gamma * <f64>f32.load(sums + at);
      hx += gamma * <f64>f32.load(sums + padded + at);
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
}

function inputGradient(dz: usize, x: usize, y: usize, pixels: i32, c: i32, rows: usize): void {
  const padded = <usize>roundUp(c, 4) << 2;
  while (pixels > 0) {
    let mean = rows, left = c;
    while (left > 0) {
      const d = f32x4.sub(v128.load(x), v128.load(mean));
      const linear = multiplyAdd(d, v128.load(mean + 3 * padded), v128.load(mean + 2 * padded));
      const dx = multiplyAdd(v128.load(dz), v128.load(mean + padded), linear);
      if (left >= 4) v128.store(y, dx);
      else storeLanes(y, dx, left);
      const step = <usize>min(left, 4) << 2;
      x += step;
      dz += step;
      y += step;
      mean += 16;
      left -= 4;
    }
    pixels--;
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
