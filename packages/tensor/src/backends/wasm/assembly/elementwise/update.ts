import { findPiece, Piece, placeWithin } from "../lists";
import { GRAIN, ceilDiv, multiplyAdd, storePair } from "../variant";

/*
 * Update kernels replace the contents of arrays, of a whole list of tensors in one launch. Past the end of a tensor they read and
 * write its padding, as the elementwise kernels do.
 */

/** Elements in a chunk of `adam`, which reads four arrays. */
@inline const ADAM_GRAIN: i32 = GRAIN / 4;

/** A parameter with its moments and its gradient, and the average that follows it. */
@unmanaged
export class AdamTensor extends Piece {
  p: usize;
  m: usize;
  v: usize;
  g: usize;
  target: usize = 0;
}

/** Adam with decoupled weight decay, and an average that follows it. */
@unmanaged
export class Adam {
  /** `count` rows AdamTensor. */
  list: usize;
  count: i32;
  /** Elements of all tensors. */
  total: i32;
  gradScale: f32;
  beta1: f32;
  /** 1 - beta1 */
  rest1: f32;
  beta2: f32;
  /** 1 - beta2 */
  rest2: f32;
  /** 1 / sqrt(correction2) */
  scale2: f32;
  eps: f32;
  /** lr / correction1 */
  rate: f32;
  /** 1 - lr weightDecay */
  keep: f32;
  /** Of the average. */
  decay: f32 = 0;
  /** 1 - decay */
  rest: f32 = 0;
}

export function adamChunks(args: Adam): i32 {
  return ceilDiv(args.total, ADAM_GRAIN);
}

/**
 * g' = gradScale g; m = beta1 m + (1 - beta1) g'; v = beta2 v + (1 - beta2) g'^2;
 * p = keep p - rate m / (sqrt(v) scale2 + eps).
 */
export function adam(args: Adam, from: i32, to: i32, _workspace: usize): void {
  step(false, args, from, to);
}

export function adamEmaChunks(args: Adam): i32 {
  return adamChunks(args);
}

/** `adam`, and target = decay target + (1 - decay) p of what p is then. */
export function adamEma(args: Adam, from: i32, to: i32, _workspace: usize): void {
  step(true, args, from, to);
}

/** Chunks of all tensors; `follow` is a constant at each call. */
@inline
function step(follow: bool, args: Adam, from: i32, to: i32): void {
  const first = from * ADAM_GRAIN, end = min(to * ADAM_GRAIN, args.total), size = offsetof<AdamTensor>();
  const scalars = changetype<usize>(args) + offsetof<Adam>("gradScale");
  for (let at = findPiece(args.list, args.count, size, first);; at += size) {
    const row = changetype<AdamTensor>(at), start = placeWithin(row, first);
    adamRow(follow, row, <usize>start << 2, placeWithin(row, end) - start, scalars);
    if (row.first + row.n >= end) return;
  }
}

/** n elements of one tensor, `at` bytes behind its begin. */
@inline
function adamRow(follow: bool, row: AdamTensor, at: usize, n: i32, scalars: usize): void {
  let p = row.p + at, m = row.m + at, v = row.v + at, g = row.g + at, target = row.target + at;
  for (; n > 0; n -= 8) {
    const g0 = f32x4.mul(v128.load(g), v128.load32_splat(scalars)), g1 = f32x4.mul(v128.load(g, 16), v128.load32_splat(scalars));
    const m0 = v128.load(m), m1 = v128.load(m, 16), v0 = v128.load(v), v1 = v128.load(v, 16);
    const p0 = v128.load(p), p1 = v128.load(p, 16);
    const n0 = moment(m0, g0, scalars + 4), n1 = moment(m1, g1, scalars + 4);
    const u0 = moment(v0, f32x4.mul(g0, g0), scalars + 12), u1 = moment(v1, f32x4.mul(g1, g1), scalars + 12);
    const q0 = moved(p0, n0, u0, scalars + 20), q1 = moved(p1, n1, u1, scalars + 20);
    storePair(m, n0, n1);
    storePair(v, u0, u1);
    storePair(p, q0, q1);
    if (follow) {
      const t0 = v128.load(target), t1 = v128.load(target, 16);
      storePair(target, moment(t0, q0, scalars + 36), moment(t1, q1, scalars + 36));
      target += 32;
    }
    p += 32, m += 32, v += 32, g += 32;
  }
}

/** beta m + (1 - beta) g, the two factors at `scalars`. */
@inline
function moment(m: v128, g: v128, scalars: usize): v128 {
  return multiplyAdd(m, v128.load32_splat(scalars), f32x4.mul(g, v128.load32_splat(scalars, 4)));
}

/** keep p - rate m / (sqrt(v) scale2 + eps); scale2, eps, rate, keep at `scalars`. */
@inline
function moved(p: v128, m: v128, v: v128, scalars: usize): v128 {
  const size = multiplyAdd(f32x4.sqrt(v), v128.load32_splat(scalars), v128.load32_splat(scalars, 4));
  const step = f32x4.div(f32x4.mul(m, v128.load32_splat(scalars, 8)), size);
  return f32x4.sub(f32x4.mul(p, v128.load32_splat(scalars, 12)), step);
}

/** An average and what it follows. */
@unmanaged
export class EmaTensor extends Piece {
  target: usize;
  source: usize;
}

/** Exponential moving averages. */
@unmanaged
export class Ema {
  /** `count` rows EmaTensor. */
  list: usize;
  count: i32;
  /** Elements of all tensors. */
  total: i32;
  decay: f32;
  /** 1 - decay */
  rest: f32;
}

export function emaChunks(args: Ema): i32 {
  return ceilDiv(args.total, GRAIN);
}

/** target = decay target + (1 - decay) source */
export function ema(args: Ema, from: i32, to: i32, _workspace: usize): void {
  const first = from * GRAIN, end = min(to * GRAIN, args.total), size = offsetof<EmaTensor>();
  const decay = f32x4.splat(args.decay), rest = f32x4.splat(args.rest);
  for (let at = findPiece(args.list, args.count, size, first);; at += size) {
    const row = changetype<EmaTensor>(at), start = placeWithin(row, first);
    let target = row.target + (<usize>start << 2), source = row.source + (<usize>start << 2);
    for (let n = placeWithin(row, end) - start; n > 0; n -= 4, target += 16, source += 16) {
      v128.store(target, multiplyAdd(v128.load(target), decay, f32x4.mul(v128.load(source), rest)));
    }
    if (row.first + row.n >= end) return;
  }
}
