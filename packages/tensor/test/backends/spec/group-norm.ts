import type { NumberArray } from "../../../src/core/backend.js";
import type { GroupNormAttrs } from "../../../src/kernels/contract.js";
import { runReference } from "../../../src/verify/run-reference.js";
import { absolute, largest, uniform, type Draw, type Specs } from "./spec.js";

const cases: readonly GroupNormAttrs[] = ([
  [1, 1, 1, 1], [1, 1, 8, 8], [3, 1, 8, 2], [1, 35, 3, 1], [3, 9, 5, 5], [1, 64, 64, 8], [1, 49, 33, 11], [3, 15, 19, 1],
  [1, 289, 8, 4], [3, 16, 64, 32],
] as const).map(([n, hw, c, groups]) => ({ n, hw, c, groups }));

/** Two of them with a first pixel far from all others, which must not be taken for the mean (30 and 1000 standard deviations). */
const outlierCases: readonly GroupNormAttrs[] = [{ n: 2, hw: 1031, c: 8, groups: 2 }, { n: 1, hw: 4099, c: 5, groups: 5 }];
const statsCases = [...cases, ...outlierCases];

const activations = uniform(-1.5, 2.5);
const withOutlier = (size: number, c: number, perImage: number): Draw => (random, n) =>
  activations(random, n).map((value, i) => (i % perImage < c ? size : value));
const drawX = ({ hw, c }: GroupNormAttrs): Draw =>
  (hw === 1031 ? withOutlier(30, c, hw * c) : hw === 4099 ? withOutlier(1000, c, hw * c) : activations);

/** Statistics of x, rounded to f32. */
const statsOf = (x: NumberArray, attrs: GroupNormAttrs): NumberArray =>
  (runReference("groupNormStats", { x }, attrs, { eps: 1e-5 }).stats as NumberArray).map(Math.fround);
const settle = ({ x }: { x: NumberArray }, attrs: GroupNormAttrs): { stats: NumberArray } => ({ stats: statsOf(x, attrs) });
const draws = (attrs: GroupNormAttrs): { x: Draw } => ({ x: drawX(attrs) });
const scalars = (): { eps: number } => ({ eps: 1e-5 });

interface Norm { x: NumberArray; stats: NumberArray; gamma: NumberArray; beta: NumberArray }

/** |gamma| rstd (|x| + |mean|) + |beta|: the statistics with -|mean| put |x| + |mean| in the place of x - mean. */
function normTerms({ x, stats, gamma, beta }: Norm, attrs: GroupNormAttrs): number {
  const apart = stats.map((value, i) => (i % 2 === 0 ? -Math.abs(value) : value));
  const inputs = { x: absolute(x), stats: apart, gamma: absolute(gamma), beta: absolute(beta) };
  return largest(runReference("groupNorm", inputs, attrs, {}).y as NumberArray);
}

/** rstd |gamma dy|, the first and largest term of dx; |dy xhat| and |dy| of the sums over images and positions. */
function gradTerms(
  { dy, x, stats, gamma }: Omit<Norm, "beta"> & { dy: NumberArray }, attrs: GroupNormAttrs,
): { dx: number; dgamma: number; dbeta: number } {
  const zeros = gamma.map(() => 0);
  const rstd = stats.map((value, i) => (i % 2 === 0 ? 0 : value));
  const first = runReference("groupNorm", { x: absolute(dy), stats: rstd, gamma: absolute(gamma), beta: zeros }, attrs, {});
  const apart = stats.map((value, i) => (i % 2 === 0 ? -Math.abs(value) : value));
  const sums = runReference("groupNormGrad", { dy: absolute(dy), x: absolute(x), stats: apart, gamma }, attrs, {});
  return { dx: largest(first.y as NumberArray), dgamma: largest(sums.dgamma as NumberArray), dbeta: largest(sums.dbeta as NumberArray) };
}

/** The same for dz = dy silu'(z): an error of z, in proportion to its terms, goes over to the sum of dz by |silu''| <= 1/2. */
function siluGradTerms(inputs: Norm & { dy: NumberArray }, attrs: GroupNormAttrs): ReturnType<typeof gradTerms> {
  const terms = gradTerms(inputs, attrs);
  return { ...terms, dbeta: terms.dbeta * Math.max(1, normTerms(inputs, attrs) / 2) };
}

interface Ada extends Norm { t: NumberArray }

/** gamma (1 + scale) and beta (1 + scale) + shift of an image. */
function affineOf({ gamma, beta, t }: Omit<Ada, "x" | "stats">, image: number): { gamma: NumberArray; beta: NumberArray } {
  const c = gamma.length, at = 2 * image * c;
  return { gamma: gamma.map((v, i) => v * (1 + t[at + i])), beta: beta.map((v, i) => v * (1 + t[at + i]) + t[at + c + i]) };
}

/** For each image alone the terms of `of`, with its own gamma and beta; of all the largest. */
function largestOf<N extends string>(
  inputs: Ada & { dy?: NumberArray }, attrs: GroupNormAttrs, of: (one: Norm & { dy: NumberArray }, attrs: GroupNormAttrs) => Record<N, number>,
): Record<N, number> {
  const { x, stats, dy = x } = inputs, one = { ...attrs, n: 1 }, size = attrs.hw * attrs.c, pairs = 2 * attrs.groups;
  const all = Array.from({ length: attrs.n }, (_, k) => of({
    x: x.slice(k * size, (k + 1) * size), dy: dy.slice(k * size, (k + 1) * size), stats: stats.slice(k * pairs, (k + 1) * pairs), ...affineOf(inputs, k),
  }, one));
  return Object.fromEntries(Object.keys(all[0]).map((name) => [name, Math.max(...all.map((terms) => terms[name as N]))])) as Record<N, number>;
}

/** Sums over images have n times the terms of one, each times its 1 + scale <= 3; those of dt gamma and beta times the sums. */
function adaGradTerms(inputs: Ada & { dy: NumberArray }, attrs: GroupNormAttrs): { dx: number; dgamma: number; dbeta: number; dt: number } {
  const { dx, dgamma, dbeta } = largestOf(inputs, attrs, siluGradTerms), { gamma, beta } = inputs;
  return { dx, dgamma: 3 * attrs.n * dgamma, dbeta: 3 * attrs.n * dbeta, dt: Math.max(dbeta, largest(gamma) * dgamma + largest(beta) * dbeta) };
}

const withStats = {
  cases: statsCases, draws, scalars,
  terms: ({ x, gamma, beta }: Omit<Norm, "stats">, attrs: GroupNormAttrs): { y: number } =>
    ({ y: normTerms({ x, stats: statsOf(x, attrs), gamma, beta }, attrs) }),
};

export const groupNorms: Specs<
  "groupNormStats" | "groupNorm" | "groupNormGrad" | "groupNormSilu" | "groupNormSiluGrad" | "groupNormWithStats" | "groupNormSiluWithStats" | "adaGroupNormSilu"
  | "adaGroupNormSiluGrad"
> = {
  groupNormStats: { cases: statsCases, draws, scalars },
  groupNorm: { cases, draws, settle, terms: (inputs, attrs) => ({ y: normTerms(inputs, attrs) }) },
  groupNormGrad: { cases, draws, settle, terms: gradTerms },
  groupNormSilu: { cases, draws, settle, terms: (inputs, attrs) => ({ y: normTerms(inputs, attrs) }) },
  groupNormSiluGrad: { cases, draws, settle, terms: siluGradTerms },
  groupNormWithStats: withStats,
  groupNormSiluWithStats: withStats,
  adaGroupNormSilu: {
    cases: statsCases, draws, scalars,
    terms: (inputs, attrs) => largestOf({ ...inputs, stats: statsOf(inputs.x, attrs) }, attrs, (one, of) => ({ y: normTerms(one, of) })),
  },
  adaGroupNormSiluGrad: { cases, draws, settle, terms: adaGradTerms },
};
