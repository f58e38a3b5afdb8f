import { multiplyAdd, storePair } from "../variant";

/*
 * Sums over pixels for each channel of x [pixels, c], as group normalisation needs them:
 *   forward:  of x for its mean, then of d and d^2,  d = x - centre
 *   backward: of dz and dz d,                        dz another array [pixels, c]
 * Two rows of sums lie `padded` bytes apart; lanes behind the last channel are of no use.
 * Loops are written out for 16, 8 and 4 channels: sums stay in registers as locals only, and a function here cannot give back two.
 */

/** The mean of each channel over every `step`-th pixel, `count` of them. */
export function channelMeans(x: usize, count: i32, step: i32, c: i32, means: usize): void {
  const row = <usize>(step * c) << 2, share = f32x4.splat(1 / <f32>count);
  let j = 0;
  for (; j + 16 <= c; j += 16, x += 64, means += 64) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    let at = x, left = count;
    while (left > 0) {
      s0 = f32x4.add(s0, v128.load(at));
      s1 = f32x4.add(s1, v128.load(at, 16));
      s2 = f32x4.add(s2, v128.load(at, 32));
      s3 = f32x4.add(s3, v128.load(at, 48));
      at += row;
      left--;
    }
    storePair(means, f32x4.mul(s0, share), f32x4.mul(s1, share));
    storePair(means, f32x4.mul(s2, share), f32x4.mul(s3, share), 32);
  }
  for (; j < c; j += 4, x += 16, means += 16) {
    let sum = f32x4.splat(0);
    for (let p = 0, at = x; p < count; p++, at += row) sum = f32x4.add(sum, v128.load(at));
    v128.store(means, f32x4.mul(sum, share));
  }
}

/** Sums of d and d^2, d = x - centre. */
export function channelSums(x: usize, centre: usize, pixels: i32, c: i32, sums: usize, padded: usize): void {
  sumChannels(false, x, x, centre, pixels, c, sums, padded);
}

/** Sums of dz and dz d, d = x - centre. */
export function channelGradSums(x: usize, dz: usize, centre: usize, pixels: i32, c: i32, sums: usize, padded: usize): void {
  sumChannels(true, x, dz, centre, pixels, c, sums, padded);
}

@inline
function sumChannels(
  grad: bool, x: usize, dz: usize, centre: usize, pixels: i32, c: i32, sums: usize, padded: usize,
): void {
  const row = <usize>c << 2;
  let j = 0;
  // Whole lines, and eight sums that need not wait for each other; too many registers where a product needs one of its own.
  for (; ASC_FEATURE_RELAXED_SIMD && j + 16 <= c; j += 16, x += 64, dz += 64, centre += 64, sums += 64) {
    const k0 = v128.load(centre), k1 = v128.load(centre, 16), k2 = v128.load(centre, 32), k3 = v128.load(centre, 48);
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, q0 = s0, q1 = s0, q2 = s0, q3 = s0;
    let at = x, from = dz, left = pixels;
    while (left > 0) {
      const d0 = f32x4.sub(v128.load(at), k0), d1 = f32x4.sub(v128.load(at, 16), k1);
      const v0 = grad ? v128.load(from) : d0, v1 = grad ? v128.load(from, 16) : d1;
      s0 = f32x4.add(s0, v0);
      s1 = f32x4.add(s1, v1);
      q0 = multiplyAdd(v0, d0, q0);
      q1 = multiplyAdd(v1, d1, q1);
      const d2 = f32x4.sub(v128.load(at, 32), k2), d3 = f32x4.sub(v128.load(at, 48), k3);
      const v2 = grad ? v128.load(from, 32) : d2, v3 = grad ? v128.load(from, 48) : d3;
      s2 = f32x4.add(s2, v2);
      s3 = f32x4.add(s3, v3);
      q2 = multiplyAdd(v2, d2, q2);
      q3 = multiplyAdd(v3, d3, q3);
      at += row;
      from += row;
      left--;
    }
    storePair(sums, s0, s1);
    storePair(sums, s2, s3, 32);
    storePair(sums + padded, q0, q1);
    storePair(sums + padded, q2, q3, 32);
  }
  for (; j + 8 <= c; j += 8, x += 32, dz += 32, centre += 32, sums += 32) {
    const k0 = v128.load(centre), k1 = v128.load(centre, 16);
    let s0 = f32x4.splat(0), s1 = s0, q0 = s0, q1 = s0;
    let at = x, from = dz, left = pixels;
    while (left > 0) {
      const d0 = f32x4.sub(v128.load(at), k0), d1 = f32x4.sub(v128.load(at, 16), k1);
      const v0 = grad ? v128.load(from) : d0, v1 = grad ? v128.load(from, 16) : d1;
      s0 = f32x4.add(s0, v0);
      s1 = f32x4.add(s1, v1);
      q0 = multiplyAdd(v0, d0, q0);
      q1 = multiplyAdd(v1, d1, q1);
      at += row;
      from += row;
      left--;
    }
    storePair(sums, s0, s1);
    storePair(sums + padded, q0, q1);
  }
  for (; j < c; j += 4, x += 16, dz += 16, centre += 16, sums += 16) {
    const k = v128.load(centre);
    let s = f32x4.splat(0), q = s;
    for (let p = 0, at = x, from = dz; p < pixels; p++, at += row, from += row) {
      const d = f32x4.sub(v128.load(at), k), v = grad ? v128.load(from) : d;
      s = f32x4.add(s, v);
      q = multiplyAdd(v, d, q);
    }
    v128.store(sums, s);
    v128.store(sums + padded, q);
  }
}
