import { multiplyAdd } from "./variant";

/*
 * Update kernels replace the contents of their first arrays. A unit is an element, handed out in multiples of 4; past the end they
 * read and write padding, as the elementwise kernels do.
 */

@unmanaged
class Adam {
  p: usize;
  m: usize;
  v: usize;
  g: usize;
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
}

/**
 * g' = gradScale g; m = beta1 m + (1 - beta1) g'; v = beta2 v + (1 - beta2) g'^2;
 * p = keep p - rate m / (sqrt(v) scale2 + eps).
 */
export function adam(args: Adam, from: i32, to: i32, _workspace: usize): void {
  const scalars = changetype<usize>(args) + offsetof<Adam>("gradScale");
  const p = args.p, m = args.m, v = args.v, g = args.g;
  for (let i = from; i < to; i += 4) {
    const at = <usize>i << 2;
    const gi = f32x4.mul(v128.load(g + at), v128.load32_splat(scalars));
    const mi = multiplyAdd(v128.load(m + at), v128.load32_splat(scalars, 4), f32x4.mul(gi, v128.load32_splat(scalars, 8)));
    const vi = multiplyAdd(
      v128.load(v + at), v128.load32_splat(scalars, 12), f32x4.mul(f32x4.mul(gi, gi), v128.load32_splat(scalars, 16)));
    v128.store(m + at, mi);
    v128.store(v + at, vi);
    const size = multiplyAdd(f32x4.sqrt(vi), v128.load32_splat(scalars, 20), v128.load32_splat(scalars, 24));
    const step = f32x4.div(f32x4.mul(mi, v128.load32_splat(scalars, 28)), size);
    v128.store(p + at, f32x4.sub(f32x4.mul(v128.load(p + at), v128.load32_splat(scalars, 32)), step));
  }
}

@unmanaged
class Ema {
  target: usize;
  source: usize;
  decay: f32;
  /** 1 - decay */
  rest: f32;
}

/** target = decay target + (1 - decay) source */
export function ema(args: Ema, from: i32, to: i32, _workspace: usize): void {
  const decay = f32x4.splat(args.decay), rest = f32x4.splat(args.rest), target = args.target, source = args.source;
  for (let i = from; i < to; i += 4) {
    const at = <usize>i << 2;
    v128.store(target + at, multiplyAdd(v128.load(target + at), decay, f32x4.mul(v128.load(source + at), rest)));
  }
}
