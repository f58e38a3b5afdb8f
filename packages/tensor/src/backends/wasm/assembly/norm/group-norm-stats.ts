import { BLOCK, blockPixels, channelBytes } from "./blocks";
import { channelMeans, channelSums } from "./channel-sums";
import { firstLanes } from "../gemm/pack";
import { GroupNorm } from "./group-norm";
import { ceilDiv } from "../variant";

/*
 * Mean and variance in parts that do not cancel (Chan, Golub and LeVeque 1983). In each block of N <= 512 pixels, sums of so many
 * numbers in f32, for each channel:
 *   k = the mean of some of the pixels,   s = sum of d,   q = sum of d^2,   d = x - k;   m = k + s / N,   M = q - s^2 / N.
 * Where s^2 / N is more than half of q for some channel, the sums are taken again from k = m: q <= 2 M then, so that little is lost
 * in the difference, however far some pixels are from the others. That is rare: it takes |k - m| above the standard deviation, and
 * the pixels of k, spread over the block, are a fair sample. Only the first pass reads a block from memory, the others from the
 * cache. Sets A and B of a and b numbers, with means m and sums of squared distances M, are one set:
 *   m = m_A + delta b / (a + b),   M = M_A + M_B + delta^2 a b / (a + b),   delta = m_B - m_A.
 */

/** Pixels in a block, blocks of an image, and blocks in a chunk. */
@inline function statsPixels(args: GroupNorm): i32 { return min(512, blockPixels(args.hw, args.c)); }
@inline function statsBlocks(args: GroupNorm): i32 { return ceilDiv(args.hw, statsPixels(args)); }
@inline function chunkSize(args: GroupNorm): i32 { return ceilDiv(BLOCK, statsPixels(args) * args.c); }

/** The pixels of k are every so many-th of the block. */
@inline
function sampleStep(pixels: i32): i32 {
  return min(5, 1 + pixels / 16);
}

/** Bytes of three rows of sums for each block: k, s and q, each a number for every channel. */
export function groupNormSumsBytes(args: GroupNorm): f64 {
  return 3 * <f64>args.n * statsBlocks(args) * <f64>channelBytes(args.c);
}

export function groupNormSumsChunks(args: GroupNorm): i32 {
  return ceilDiv(args.n * statsBlocks(args), chunkSize(args));
}

/** The sums of each block. Reads x, writes sums. */
export function groupNormSums(args: GroupNorm, from: i32, to: i32, _workspace: usize): void {
  blockSums(args, from * chunkSize(args), min(to * chunkSize(args), args.n * statsBlocks(args)));
}

/** The sums of all blocks of an image. */
export function imageSums(args: GroupNorm, image: i32): void {
  blockSums(args, image * statsBlocks(args), (image + 1) * statsBlocks(args));
}

/** The sums of blocks from .. to - 1 of all images. */
function blockSums(args: GroupNorm, from: i32, to: i32): void {
  const c = args.c, hw = args.hw, blocks = statsBlocks(args), block = statsPixels(args), row = channelBytes(c);
  for (let unit = from; unit < to; unit++) {
    const first = unit % blocks * block, pixels = min(block, hw - first), centre = args.sums + <usize>unit * 3 * row;
    const x = args.x + (<usize>((unit / blocks * hw + first) * c) << 2);
    channelMeans(x, ceilDiv(pixels, sampleStep(pixels)), sampleStep(pixels), c, centre);
    channelSums(x, centre, pixels, c, centre + row, row);
    if (recentre(centre, row, pixels, c)) channelSums(x, centre, pixels, c, centre + row, row);
  }
}

/** Whether s^2 / N > q / 2 for some channel; then k = k + s / N for all of them. */
function recentre(centre: usize, row: usize, pixels: i32, c: i32): bool {
  const share = f32x4.splat(1 / <f32>pixels), half = f32x4.splat(0.5);
  let far = i32x4.splat(0);
  for (let j = 0, at = centre + row; j < c; j += 4, at += 16) {
    const s = v128.load(at), cancels = f32x4.gt(f32x4.mul(s, f32x4.mul(s, share)), f32x4.mul(v128.load(at + row), half));
    far = v128.or(far, firstLanes(cancels, min(4, c - j)));
  }
  if (!v128.any_true(far)) return false;
  for (let j = 0, at = centre; j < c; j += 4, at += 16) {
    v128.store(at, f32x4.add(v128.load(at), f32x4.mul(v128.load(at + row), share)));
  }
  return true;
}

/** Images in a chunk of `groupNormStats`: a few hundred channels' sums. */
@inline
function chunkStats(args: GroupNorm): i32 {
  return ceilDiv(256, args.c * statsBlocks(args));
}

export function groupNormStatsChunks(args: GroupNorm): i32 {
  return ceilDiv(args.n, chunkStats(args));
}

/** The stats of each image. Reads sums, writes stats. */
export function groupNormStats(args: GroupNorm, from: i32, to: i32, _workspace: usize): void {
  const size = chunkStats(args), end = min(to * size, args.n);
  for (let image = from * size; image < end; image++) imageStats(args, image);
}

/** Mean and 1 / sqrt(variance + eps) of each group of an image: blocks make a channel, channels a group. */
export function imageStats(args: GroupNorm, image: i32): void {
  const c = args.c, hw = args.hw, size = c / args.groups, blocks = statsBlocks(args), block = statsPixels(args);
  const row = channelBytes(c);
  for (let group = 0; group < args.groups; group++) {
    let mean: f64 = 0, squares: f64 = 0;
    for (let j = 0; j < size; j++) {
      let at = args.sums + <usize>(image * blocks) * 3 * row + (<usize>(group * size + j) << 2);
      let channelMean: f64 = 0, channelSquares: f64 = 0;
      for (let b = 0; b < blocks; b++, at += 3 * row) {
        const pixels = <f64>min(block, hw - b * block), before = <f64>(b * block), sum = <f64>f32.load(at + row);
        const delta = <f64>f32.load(at) + sum / pixels - channelMean, share = pixels / (before + pixels);
        channelSquares += <f64>f32.load(at + 2 * row) - sum * sum / pixels + delta * delta * before * share;
        channelMean += delta * share;
      }
      const delta = channelMean - mean;
      squares += channelSquares + delta * delta * <f64>hw * <f64>j / <f64>(j + 1);
      mean += delta / <f64>(j + 1);
    }
    const stats = args.stats + <usize>(image * args.groups + group) * 8;
    f32.store(stats, <f32>mean);
    f32.store(stats, <f32>(1 / Math.sqrt(max<f64>(squares, 0) / <f64>(hw * size) + <f64>args.eps)), 4);
  }
}
