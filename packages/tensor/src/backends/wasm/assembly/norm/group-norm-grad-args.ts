import { blockCount, channelBytes } from "./blocks";
import { flag } from "../variant";

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
  /** [n, 2, c]: scale and shift of each image (group-norm.ts), only with `silu`; 0 where there are none. */
  time: usize = 0;
  /** dx, with `silu` dz before. */
  dx: usize;
  dgamma: usize;
  dbeta: usize;
  /** Gradient of `time`, where that is. */
  dtime: usize = 0;
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

export function groupNormGradSumsBytes(args: GroupNormGrad): f64 {
  return 2 * <f64>args.n * (blockCount(args.hw, args.c) + 1) * <f64>channelBytes(args.c);
}

/** Address of the two rows of sums of an image. */
@inline
export function imageSums(args: GroupNormGrad, image: i32): usize {
  return args.sums + <usize>(2 * (args.n * blockCount(args.hw, args.c) + image)) * channelBytes(args.c);
}

/** Address of (mean, rstd) of a channel's group. */
@inline
export function statsOf(args: GroupNormGrad, image: i32, channel: i32): usize {
  return args.stats + <usize>((image * args.groups + channel / (args.c / args.groups)) * 8);
}
