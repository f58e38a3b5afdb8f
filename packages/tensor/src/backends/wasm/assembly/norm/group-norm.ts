import { channelSums } from "./channel-sums";
import { copyFloats } from "../move/copy";
import { normSiluRow } from "../elementwise/exp-rows";
import { storeLanes } from "../gemm/pack";
import { ceilDiv, multiplyAdd, roundUp } from "../variant";

/**
 * Group normalisation of x [n, hw, c]. The pixels of an image are cut into blocks of `block`, fixed by the shape. `sums` holds,
 * for each block of each image, two rows of roundUp(c, 4) floats. Which fields a kernel reads is said there.
 */
@unmanaged
export class GroupNorm {
  x: usize;
  y: usize;
  /** [n, groups, 2]: mean and reciprocal standard deviation. */
  stats: usize;
  gamma: usize;
  beta: usize;
  sums: usize;
  hw: i32;
  c: i32;
  groups: i32;
  block: i32;
  /** Pixels in a row of workspace. */
  repeat: i32;
  /** y = silu(z) instead of y = z. */
  silu: i32;
  eps: f32;
}

/**
 * Per block and channel, the sums of x - k and (x - k)^2, k = the image's first pixel: near enough to the mean that the variance
 * does not cancel. Reads x, writes sums. A unit is a block of an image.
 */
export function groupNormSums(args: GroupNorm, from: i32, to: i32, _workspace: usize): void {
  const c = args.c, hw = args.hw, blocks = ceilDiv(hw, args.block), padded = <usize>roundUp(c, 4) << 2;
  for (let unit = from; unit < to; unit++) {
    const first = unit % blocks * args.block, image = args.x + (<usize>(unit / blocks * hw * c) << 2);
    const x = image + (<usize>(first * c) << 2), sums = args.sums + <usize>unit * 2 * padded;
    channelSums(x, image, min(args.block, hw - first), c, sums, padded);
  }
}

/**
 * Mean and 1 / sqrt(variance + eps) of each group, from the sums of its channels: with the channels' means m_j and sums of
 * squared distances M_j, the group's mean is the mean of m_j, and its sum of squared distances that of M_j + hw (m_j - mean)^2.
 * Reads x, sums; writes y = stats. A unit is a group of an image.
 */
export function groupNormStats(args: GroupNorm, from: i32, to: i32, _workspace: usize): void {
  const c = args.c, hw = args.hw, groups = args.groups, size = c / groups, blocks = ceilDiv(hw, args.block);
  for (let unit = from; unit < to; unit++) {
    const image = unit / groups, first = unit % groups * size;
    let mean: f64 = 0, squares: f64 = 0;
    for (let j = 0; j < size; j++) { // j channels and the next one: the rule above for two sets
      const channel = first + j;
      let sum: f64 = 0, square: f64 = 0;
      for (let b = 0; b < blocks; b++) {
        sum += blockSum(args, image * blocks + b, 0, channel);
        square += blockSum(args, image * blocks + b, 1, channel);
      }
      const k = <f64>f32.load(args.x + (<usize>(image * hw * c + channel) << 2));
      const distance = k + sum / <f64>hw - mean;
      squares += square - sum * sum / <f64>hw + distance * distance * <f64>hw * <f64>j / <f64>(j + 1);
      mean += distance / <f64>(j + 1);
    }
    const y = args.y + <usize>unit * 8;
    f32.store(y, <f32>mean);
    f32.store(y, <f32>(1 / sqrt<f64>(max<f64>(squares, 0) / <f64>(hw * size) + <f64>args.eps)), 4);
  }
}

/** Entry `channel` of row 0 or 1 of a block's sums. */
@inline
function blockSum(args: GroupNorm, block: i32, row: i32, channel: i32): f64 {
  return <f64>f32.load(args.sums + (<usize>((2 * block + row) * roundUp(args.c, 4) + channel) << 2));
}

/*
 * Rows of workspace hold one number for each channel, over and over for `repeat` pixels: the loops over elements then run over
 * rows of repeat * c neighbours, whatever c is.
 */

/** Bytes of a row of workspace. */
@inline
export function patternBytes(c: i32, repeat: i32): usize {
  return <usize>roundUp(c * repeat, 4) << 2;
}

/** Repeats the first c numbers of a row until it is full. */
export function fillPattern(row: usize, c: i32, repeat: i32): void {
  for (let r = 1; r < repeat; r++) copyFloats(row + (<usize>(r * c) << 2), row, c);
}

/**
 * y = scale x + shift, scale = gamma rstd, shift = beta - mean scale, or silu of it. Reads x, stats, gamma, beta.
 * A unit is a block of an image. Workspace: 2 rows.
 */
export function groupNorm(args: GroupNorm, from: i32, to: i32, scale: usize): void {
  const hw = args.hw, c = args.c, blocks = ceilDiv(hw, args.block), length = c * args.repeat;
  const shift = scale + patternBytes(c, args.repeat);
  let image = -1;
  for (let unit = from; unit < to; unit++) {
    if (unit / blocks != image) {
      image = unit / blocks;
      scaleAndShift(args, image, scale, shift);
    }
    const first = unit % blocks * args.block;
    let left = min(args.block, hw - first) * c, at = <usize>((image * hw + first) * c) << 2;
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
    const gamma = f32.load(args.gamma + at) * f32.load(stats, 4);
    f32.store(scale + at, gamma);
    f32.store(shift + at, f32.load(args.beta + at) - f32.load(stats) * gamma);
  }
  fillPattern(scale, c, args.repeat);
  fillPattern(shift, c, args.repeat);
}

/** y = scale x + shift, n neighbours. */
@inline
function normRow(x: usize, scale: usize, shift: usize, y: usize, n: i32): void {
  while (n >= 8) {
    const x0 = v128.load(x), x1 = v128.load(x, 16), a0 = v128.load(scale), a1 = v128.load(scale, 16);
    const b0 = v128.load(shift), b1 = v128.load(shift, 16);
    v128.store(y, multiplyAdd(x0, a0, b0));
    v128.store(y, multiplyAdd(x1, a1, b1), 16);
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
