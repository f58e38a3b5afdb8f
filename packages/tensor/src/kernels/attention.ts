/** Scaled dot-product attention (Vaswani et al. 2017, equation 1): fused kernels, and what they stand for. */
import { define } from "./definition.js";
import type { Runner } from "./required.js";
import type { Shape } from "../core/shape.js";

/** n images of l queries and s keys, each of `heads` neighbouring groups of d channels. */
export interface AttentionAttrs { readonly n: number; readonly heads: number; readonly l: number; readonly s: number; readonly d: number }

const byQuery = ({ n, heads, l, d }: AttentionAttrs): Shape => [n, l, heads, d];
const byKey = ({ n, heads, s, d }: AttentionAttrs): Shape => [n, s, heads, d];
/** Of one product of matrices. */
const productFlops = ({ n, heads, l, s, d }: AttentionAttrs): number => 2 * n * heads * l * s * d;

export const attentions = {
  attention: define<AttentionAttrs>()({
    equation: "y = P v, P = softmax(scale q k^T) over the keys, for each image and head",
    inputs: { q: byQuery, k: byKey, v: byKey }, scalars: ["scale"], outputs: { y: byQuery }, flops: (attrs) => 2 * productFlops(attrs),
  }),
  attentionGrad: define<AttentionAttrs>()({
    equation: "dv = P^T dy, dq = scale dS k, dk = scale dS^T q, dS = P (dP - sum over the keys of dP P), dP = dy v^T, P as in attention",
    inputs: { dy: byQuery, q: byQuery, k: byKey, v: byKey }, scalars: ["scale"], outputs: { dq: byQuery, dk: byKey, dv: byKey },
    flops: (attrs) => 5 * productFlops(attrs),
  }),
} as const;

/** [n, a, b, d] -> [n, b, a, d]: heads from or to the place behind the image. */
function exchange<T>(run: Runner<T>, x: T, sides: readonly [n: number, a: number, b: number, d: number]): T {
  if (sides[1] === 1 || sides[2] === 1) return x;
  const kept = [0, 1, 2, 3].filter((axis) => sides[axis] !== 1);
  const order = [0, 2, 1, 3].filter((axis) => kept.includes(axis)).map((axis) => kept.indexOf(axis));
  return run("permute", { x }, { shape: kept.map((axis) => sides[axis]), order }, {}).y;
}

/** The steps of both compositions for one set of sizes; matrices are [n heads, ...]. */
function stepsOf<T>(run: Runner<T>, { n, heads, l, s, d }: AttentionAttrs) {
  const batch = n * heads, rows = { rows: batch * l, n: s };
  const product = (a: T, b: T, m: number, k: number, columns: number, transposed: "" | "a" | "b" = ""): T => run("matmul", { a, b }, {
    batch, m, k, n: columns, transposeA: transposed === "a", transposeB: transposed === "b",
  }, {}).y;
  return {
    fromQueries: (x: T): T => exchange(run, x, [n, l, heads, d]),
    fromKeys: (x: T): T => exchange(run, x, [n, s, heads, d]),
    toQueries: (x: T): T => exchange(run, x, [n, heads, l, d]),
    toKeys: (x: T): T => exchange(run, x, [n, heads, s, d]),
    scaled: (x: T, scale: number): T => run("unary", { x }, { op: "affine", n: batch * l * d }, { p: scale, q: 0 }).y,
    /** a b^T over the channels. [l, d], [s, d] -> [l, s]. */
    scores: (a: T, b: T): T => product(a, b, l, d, s, "b"),
    softmax: (x: T): T => run("softmax", { x }, rows, {}).y,
    softmaxGrad: (dy: T, y: T): T => run("softmaxGrad", { dy, y }, rows, {}).dx,
    /** [l, s] [s, d]. */
    overKeys: (weights: T, x: T): T => product(weights, x, l, s, d),
    /** [l, s]^T [l, d]. */
    overQueries: (weights: T, x: T): T => product(weights, x, s, l, d, "a"),
  };
}

export function composeAttention<T>(
  run: Runner<T>, { q, k, v }: { q: T; k: T; v: T }, attrs: AttentionAttrs, scale: number,
): { y: T } {
  const { fromQueries, fromKeys, toQueries, scaled, scores, softmax, overKeys } = stepsOf(run, attrs);
  const p = softmax(scores(scaled(fromQueries(q), scale), fromKeys(k)));
  return { y: toQueries(overKeys(p, fromKeys(v))) };
}

export function composeAttentionGrad<T>(
  run: Runner<T>, { dy, q, k, v }: { dy: T; q: T; k: T; v: T }, attrs: AttentionAttrs, scale: number,
): { dq: T; dk: T; dv: T } {
  const { fromQueries, fromKeys, toQueries, toKeys, scaled, scores, softmax, softmaxGrad, overKeys, overQueries } = stepsOf(run, attrs);
  const [queries, keys, values, dys] = [scaled(fromQueries(q), scale), fromKeys(k), fromKeys(v), fromQueries(dy)];
  const p = softmax(scores(queries, keys));
  const ds = softmaxGrad(scores(dys, values), p);
  return {
    dq: toQueries(scaled(overKeys(ds, keys), scale)),
    dk: toKeys(overQueries(ds, queries)),                                     // the queries hold the scale already
    dv: toKeys(overQueries(p, dys)),
  };
}
