import { LANES, multiplyAdd, storePair, subtractProduct } from "../variant";

/**
 * The one-dimensional transforms of Winograd's minimal filtering (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural
 * Networks"), each on LANES channels at once. A tile of side t (4 or 2) of the output needs t + 2 input pixels a side:
 *
 *   y  = A^T [ (G g G^T) . (B^T d B) ] A        d: (t+2)^2 pixels of x, g: the 3x3 kernel, y: t^2 pixels, "." element by element
 *   dg = G^T [ (B^T d B) . (A dy A^T) ] G       the gradient of the kernel, summed over all tiles
 *
 * F(4x4,3x3), interpolation points 0, 1, -1, 2, -2, infinity:        F(2x2,3x3), points 0, 1, -1, infinity:
 *         [ 4  0 -5  0 1 0 ]       [  1/4    0    0  ]                       [ 1  0 -1  0 ]      [  1   0   0  ]
 *         [ 0 -4 -4  1 1 0 ]       [ -1/6 -1/6  -1/6 ]                 B^T = [ 0  1  1  0 ]  G = [ 1/2 1/2 1/2 ]
 *   B^T = [ 0  4 -4 -1 1 0 ]   G = [ -1/6  1/6  -1/6 ]                       [ 0 -1  1  0 ]      [ 1/2 -1/2 1/2]
 *         [ 0 -2 -1  2 1 0 ]       [ 1/24  1/12  1/6 ]                       [ 0  1  0 -1 ]      [  0   0   1  ]
 *         [ 0  2 -1 -2 1 0 ]       [ 1/24 -1/12  1/6 ]
 *         [ 0  4  0 -5 0 1 ]       [   0    0     1  ]                 A^T = [ 1  1  1  0 ]
 *                                                                            [ 0  1 -1 -1 ]
 *         [ 1  1  1  1  1  0 ]
 *   A^T = [ 0  1 -1  2 -2  0 ]
 *         [ 0  1  1  4  4  0 ]
 *         [ 0  1 -1  8 -8  1 ]
 *
 * Every function reads its operands at given addresses and writes its results `step` bytes apart: the two passes (columns, then
 * rows) of a two-dimensional transform are the same function. lo and hi are the two halves of LANES = 8 channels; with LANES = 4
 * there is no hi. Both halves are computed side by side, which is the form that V8's revectorizer joins.
 */

/*
 * Constants lie in memory, as V8 rebuilds `f32x4.splat(constant)` on every use, and are read once before a loop of transforms:
 * between the stores of the loop they would be read again each time.
 */
const constants: usize = memory.data<f32>([2, 4, 8, 0.25, 1 / 6.0, 1 / 24.0, 1 / 12.0, 0.5], 16);
@inline export function two(): v128 { return v128.load32_splat(constants); }
@inline export function four(): v128 { return v128.load32_splat(constants, 4); }
@inline export function eight(): v128 { return v128.load32_splat(constants, 8); }
@inline export function quarter(): v128 { return v128.load32_splat(constants, 12); }
@inline export function sixth(): v128 { return v128.load32_splat(constants, 16); }
@inline export function twentyFourth(): v128 { return v128.load32_splat(constants, 20); }
@inline export function twelfth(): v128 { return v128.load32_splat(constants, 24); }
@inline export function half(): v128 { return v128.load32_splat(constants, 28); }

@inline function add(a: v128, b: v128): v128 { return f32x4.add(a, b); }
@inline function sub(a: v128, b: v128): v128 { return f32x4.sub(a, b); }

@inline
function high(at: usize): v128 {
  return LANES == 8 ? v128.load(at, 16) : f32x4.splat(0);
}

@inline
function put(at: usize, lo: v128, hi: v128): void {
  if (LANES == 8) storePair(at, lo, hi);
  else v128.store(at, lo);
}

/** B^T d for F(4x4,3x3): 6 operands, 6 results. The constants are 2 and 4. */
@inline
export function inputTransform4(
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, to: usize, step: usize, k2: v128, k4: v128,
): void {
  const d0 = v128.load(a0), e0 = high(a0), d1 = v128.load(a1), e1 = high(a1), d2 = v128.load(a2), e2 = high(a2);
  const d3 = v128.load(a3), e3 = high(a3), d4 = v128.load(a4), e4 = high(a4), d5 = v128.load(a5), e5 = high(a5);
  const p = subtractProduct(k4, d2, d4), q = subtractProduct(k4, e2, e4); // d4 - 4 d2
  const r = subtractProduct(k4, d1, d3), s = subtractProduct(k4, e1, e3); // d3 - 4 d1
  const t = sub(d3, d1), u = sub(e3, e1), v = sub(d4, d2), w = sub(e4, e2);
  put(to, multiplyAdd(k4, sub(d0, d2), v), multiplyAdd(k4, sub(e0, e2), w));
  put(to + step, add(p, r), add(q, s));
  put(to + 2 * step, sub(p, r), sub(q, s));
  put(to + 3 * step, multiplyAdd(k2, t, v), multiplyAdd(k2, u, w));
  put(to + 4 * step, subtractProduct(k2, t, v), subtractProduct(k2, u, w));
  put(to + 5 * step, subtractProduct(k4, t, sub(d5, d3)), subtractProduct(k4, u, sub(e5, e3)));
}

/** B^T d for F(2x2,3x3): 4 operands, 4 results. */
@inline
export function inputTransform2(a0: usize, a1: usize, a2: usize, a3: usize, to: usize, step: usize): void {
  const d0 = v128.load(a0), e0 = high(a0), d1 = v128.load(a1), e1 = high(a1);
  const d2 = v128.load(a2), e2 = high(a2), d3 = v128.load(a3), e3 = high(a3);
  put(to, sub(d0, d2), sub(e0, e2));
  put(to + step, add(d1, d2), add(e1, e2));
  put(to + 2 * step, sub(d2, d1), sub(e2, e1));
  put(to + 3 * step, sub(d1, d3), sub(e1, e3));
}

/** A^T m for F(4x4,3x3), plus `bias` where it is not 0: 6 operands, 4 results at four addresses. The constants are 2, 4 and 8. */
@inline
export function outputTransform4(
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, bias: usize, y0: usize, y1: usize, y2: usize, y3: usize,
  k2: v128, k4: v128, k8: v128,
): void {
  const m0 = v128.load(a0), n0 = high(a0), m1 = v128.load(a1), n1 = high(a1), m2 = v128.load(a2), n2 = high(a2);
  const m3 = v128.load(a3), n3 = high(a3), m4 = v128.load(a4), n4 = high(a4), m5 = v128.load(a5), n5 = high(a5);
  let p = add(m1, m2), q = add(n1, n2), r = sub(m1, m2), s = sub(n1, n2);
  if (bias) {
    const c = v128.load(bias), d = high(bias);
    p = add(p, c), q = add(q, d), r = add(r, c), s = add(s, d);
  }
  const t = add(m3, m4), u = add(n3, n4), v = sub(m3, m4), w = sub(n3, n4);
  put(y0, add(add(m0, p), t), add(add(n0, q), u));
  put(y1, multiplyAdd(k2, v, r), multiplyAdd(k2, w, s));
  put(y2, multiplyAdd(k4, t, p), multiplyAdd(k4, u, q));
  put(y3, add(multiplyAdd(k8, v, r), m5), add(multiplyAdd(k8, w, s), n5));
}

/** A^T m for F(2x2,3x3), plus `bias`: 4 operands, 2 results at two addresses. */
@inline
export function outputTransform2(a0: usize, a1: usize, a2: usize, a3: usize, bias: usize, y0: usize, y1: usize): void {
  const m0 = v128.load(a0), n0 = high(a0), m1 = v128.load(a1), n1 = high(a1);
  const m2 = v128.load(a2), n2 = high(a2), m3 = v128.load(a3), n3 = high(a3);
  const c = v128.load(bias), d = high(bias);
  put(y0, add(add(m0, c), add(m1, m2)), add(add(n0, d), add(n1, n2)));
  put(y1, add(sub(sub(m1, m2), m3), c), add(sub(sub(n1, n2), n3), d));
}

/** A dy for F(4x4,3x3): 4 operands, 6 results. The constants are 2 and 4. */
@inline
export function gradOutputTransform4(
  a0: usize, a1: usize, a2: usize, a3: usize, to: usize, step: usize, k2: v128, k4: v128,
): void {
  const y0 = v128.load(a0), z0 = high(a0), y1 = v128.load(a1), z1 = high(a1);
  const y2 = v128.load(a2), z2 = high(a2), y3 = v128.load(a3), z3 = high(a3);
  const p = add(y0, y2), q = add(z0, z2), r = add(y1, y3), s = add(z1, z3);
  const t = multiplyAdd(k4, y2, y0), u = multiplyAdd(k4, z2, z0); // y0 + 4 y2
  const v = multiplyAdd(k4, y3, y1), w = multiplyAdd(k4, z3, z1); // y1 + 4 y3
  put(to, y0, z0);
  put(to + step, add(p, r), add(q, s));
  put(to + 2 * step, sub(p, r), sub(q, s));
  put(to + 3 * step, multiplyAdd(k2, v, t), multiplyAdd(k2, w, u));
  put(to + 4 * step, subtractProduct(k2, v, t), subtractProduct(k2, w, u));
  put(to + 5 * step, y3, z3);
}

/** A dy for F(2x2,3x3): 2 operands, 4 results. */
@inline
export function gradOutputTransform2(a0: usize, a1: usize, to: usize, step: usize): void {
  const y0 = v128.load(a0), z0 = high(a0), y1 = v128.load(a1), z1 = high(a1);
  put(to, y0, z0);
  put(to + step, add(y0, y1), add(z0, z1));
  put(to + 2 * step, sub(y0, y1), sub(z0, z1));
  put(to + 3 * step, f32x4.neg(y1), f32x4.neg(z1));
}

/** G g for F(4x4,3x3): 3 operands, 6 results. */
@inline
export function weightTransform4(
  a0: usize, a1: usize, a2: usize, to: usize, step: usize, sixth: v128, twelfth: v128, twentyFourth: v128, quarter: v128,
): void {
  const g0 = v128.load(a0), h0 = high(a0), g1 = v128.load(a1), h1 = high(a1), g2 = v128.load(a2), h2 = high(a2);
  const s = f32x4.mul(sixth, add(g0, g2)), t = f32x4.mul(sixth, add(h0, h2));
  const u = f32x4.mul(sixth, g1), v = f32x4.mul(sixth, h1);
  put(to, f32x4.mul(quarter, g0), f32x4.mul(quarter, h0));
  put(to + step, f32x4.neg(add(s, u)), f32x4.neg(add(t, v)));
  put(to + 2 * step, sub(u, s), sub(v, t));
  const p = add(f32x4.mul(twentyFourth, g0), f32x4.mul(sixth, g2)), q = add(f32x4.mul(twentyFourth, h0), f32x4.mul(sixth, h2));
  const x = f32x4.mul(twelfth, g1), y = f32x4.mul(twelfth, h1);
  put(to + 3 * step, add(p, x), add(q, y));
  put(to + 4 * step, sub(p, x), sub(q, y));
  put(to + 5 * step, g2, h2);
}

/** G g for F(2x2,3x3): 3 operands, 4 results. */
@inline
export function weightTransform2(a0: usize, a1: usize, a2: usize, to: usize, step: usize): void {
  const g0 = v128.load(a0), h0 = high(a0), g1 = v128.load(a1), h1 = high(a1), g2 = v128.load(a2), h2 = high(a2);
  const s = f32x4.mul(half(), add(g0, g2)), t = f32x4.mul(half(), add(h0, h2));
  const u = f32x4.mul(half(), g1), v = f32x4.mul(half(), h1);
  put(to, g0, h0);
  put(to + step, add(s, u), add(t, v));
  put(to + 2 * step, sub(s, u), sub(t, v));
  put(to + 3 * step, g2, h2);
}

/** G^T m for F(4x4,3x3): 6 operands, 3 results. */
@inline
export function gradWeightTransform4(
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, to: usize, step: usize,
  sixth: v128, twelfth: v128, twentyFourth: v128, quarter: v128,
): void {
  const m0 = v128.load(a0), n0 = high(a0), m1 = v128.load(a1), n1 = high(a1), m2 = v128.load(a2), n2 = high(a2);
  const m3 = v128.load(a3), n3 = high(a3), m4 = v128.load(a4), n4 = high(a4), m5 = v128.load(a5), n5 = high(a5);
  const p = f32x4.mul(sixth, add(m1, m2)), q = f32x4.mul(sixth, add(n1, n2)), s = add(m3, m4), t = add(n3, n4);
  put(
    to, add(sub(f32x4.mul(quarter, m0), p), f32x4.mul(twentyFourth, s)), add(sub(f32x4.mul(quarter, n0), q), f32x4.mul(twentyFourth, t)),
  );
  put(
    to + step, add(f32x4.mul(sixth, sub(m2, m1)), f32x4.mul(twelfth, sub(m3, m4))),
    add(f32x4.mul(sixth, sub(n2, n1)), f32x4.mul(twelfth, sub(n3, n4))),
  );
  put(to + 2 * step, add(sub(f32x4.mul(sixth, s), p), m5), add(sub(f32x4.mul(sixth, t), q), n5));
}

/** G^T m for F(2x2,3x3): 4 operands, 3 results. */
@inline
export function gradWeightTransform2(a0: usize, a1: usize, a2: usize, a3: usize, to: usize, step: usize): void {
  const m0 = v128.load(a0), n0 = high(a0), m1 = v128.load(a1), n1 = high(a1);
  const m2 = v128.load(a2), n2 = high(a2), m3 = v128.load(a3), n3 = high(a3);
  const s = f32x4.mul(half(), add(m1, m2)), t = f32x4.mul(half(), add(n1, n2));
  put(to, add(m0, s), add(n0, t));
  put(to + step, f32x4.mul(half(), sub(m1, m2)), f32x4.mul(half(), sub(n1, n2)));
  put(to + 2 * step, add(s, m3), add(t, n3));
}
