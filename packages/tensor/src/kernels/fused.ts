/**
 * Kernels a backend may have for speed, and what each of them means: the composition of required kernels that devices without it
 * run, that checks compare with and that the tests hold the fast ones to. It is written here and nowhere else.
 */
import { composeAda, composeAdaGrad } from "./ada-group-norm.js";
import { attentions, composeAttention, composeAttentionGrad } from "./attention.js";
import { convFlaw, convFlops, convOutput, convW, convX, convY, type Conv2dAttrs } from "./conv2d.js";
import { define, vectors, type AttrsOf, type InputsOf, type OutputsOf, type ScalarsOf, type Sizes } from "./definition.js";
import { channels, normStats, normTimes, normX, type GroupNormAttrs } from "./group-norm.js";
import { asMatmul, type LinearAttrs } from "./matmul.js";
import type { Runner } from "./required.js";
import { updates } from "./update.js";
import type { Shape } from "../core/shape.js";

export const fusedKernels = {
  linear: define<LinearAttrs>()({
    equation: "y = x w + bias, the bias repeated over the rows",
    inputs: { x: ({ m, k }): Shape => [m, k], w: ({ k, n }): Shape => [k, n], bias: ({ n }): Shape => [n] },
    scalars: [], outputs: { y: ({ m, n }): Shape => [m, n] }, flops: ({ m, k, n }) => 2 * m * k * n,
  }),
  linearGrad: define<LinearAttrs>()({
    equation: "dx = dy w^T, dw = x^T dy, db = the sum of dy over the rows",
    inputs: { dy: ({ m, n }): Shape => [m, n], x: ({ m, k }): Shape => [m, k], w: ({ k, n }): Shape => [k, n] }, scalars: [],
    outputs: { dx: ({ m, k }): Shape => [m, k], dw: ({ k, n }): Shape => [k, n], db: ({ n }): Shape => [n] },
    flops: ({ m, k, n }) => 4 * m * k * n,
  }),
  conv2dBias: define<Conv2dAttrs>()({
    equation: "y = conv2d(x, w) + bias",
    inputs: { x: convX, w: convW, bias: ({ cout }): Shape => [cout] }, scalars: [], outputs: { y: convY }, flops: convFlops, flaw: convFlaw,
  }),
  conv2dGrad: define<Conv2dAttrs>()({
    equation: "dx = conv2dGradInput(dy, w), dw = conv2dGradWeight(x, dy), db = the sum of dy over images and positions",
    inputs: { dy: convY, x: convX, w: convW }, scalars: [], outputs: { dx: convX, dw: convW, db: ({ cout }): Shape => [cout] },
    flops: (attrs) => 2 * convFlops(attrs), flaw: convFlaw,
  }),
  groupNormWithStats: define<GroupNormAttrs>()({
    equation: "stats = groupNormStats(x), y = groupNorm(x, stats)",
    inputs: { x: normX, gamma: channels, beta: channels }, scalars: ["eps"], outputs: { y: normX, stats: normStats },
  }),
  groupNormSilu: define<GroupNormAttrs>()({
    equation: "y = silu(z), z = groupNorm(x, stats)",
    inputs: { x: normX, stats: normStats, gamma: channels, beta: channels }, scalars: [], outputs: { y: normX },
  }),
  groupNormSiluWithStats: define<GroupNormAttrs>()({
    equation: "stats = groupNormStats(x), y = groupNormSilu(x, stats)",
    inputs: { x: normX, gamma: channels, beta: channels }, scalars: ["eps"], outputs: { y: normX, stats: normStats },
  }),
  groupNormSiluGrad: define<GroupNormAttrs>()({
    equation: "groupNormGrad of dz = dy silu'(z), z = groupNorm(x, stats)",
    inputs: { dy: normX, x: normX, stats: normStats, gamma: channels, beta: channels }, scalars: [],
    outputs: { dx: normX, dgamma: channels, dbeta: channels },
  }),
  adaGroupNormSilu: define<GroupNormAttrs>()({
    equation: "stats = groupNormStats(x), y = silu(z), z = groupNorm(x, stats) (1 + scale) + shift, t = (scale, shift) of each image",
    inputs: { x: normX, gamma: channels, beta: channels, t: normTimes }, scalars: ["eps"], outputs: { y: normX, stats: normStats },
  }),
  adaGroupNormSiluGrad: define<GroupNormAttrs>()({
    equation: "dt = sums over hw of (dz groupNorm(x), dz), dz = dy silu'(z); groupNormGrad of dz (1 + scale)",
    inputs: { dy: normX, x: normX, stats: normStats, gamma: channels, beta: channels, t: normTimes }, scalars: [],
    outputs: { dx: normX, dgamma: channels, dbeta: channels, dt: normTimes },
  }),
  ...attentions,
  adamEma: define<Sizes>()({
    equation: "adam of p, m, v and g; then target = decay target + (1 - decay) p, for every tensor of the lists",
    inputs: { ...updates.adam.inputs, target: vectors }, scalars: [...updates.adam.scalars, "decay"],
    outputs: { ...updates.adam.outputs, target: vectors },
  }),
} as const;

export type FusedKernels = typeof fusedKernels;
export type FusedKernelName = keyof FusedKernels;

type Composition<D> = <T>(run: Runner<T>, inputs: InputsOf<D, T>, attrs: AttrsOf<D>, scalars: ScalarsOf<D>) => OutputsOf<D, T>;

/** y + bias, y of `rows` rows as long as the bias. */
function addBias<T>(run: Runner<T>, y: T, bias: T, rows: number, n: number): { y: T } {
  const whole = rows === 1 || n === 1 ? ([1, 1, rows * n] as const) : ([1, rows, n] as const);
  return run("binary", { a: y, b: bias }, { op: "add", size: whole, a: whole, b: [1, 1, n] }, { p: 0 });
}

/** The sum over the rows of dy [rows, n]. */
function sumRows<T>(run: Runner<T>, dy: T, rows: number, n: number): T {
  return run("reduce", { x: dy }, { op: "sum", outer: 1, axis: rows, inner: n }, {}).y;
}

const length = ({ n, hw, c }: GroupNormAttrs): number => n * hw * c;

export const compositions: { readonly [K in FusedKernelName]: Composition<FusedKernels[K]> } = {
  linear: (run, { x, w, bias }, attrs) => {
    const { y } = run("matmul", { a: x, b: w }, asMatmul(attrs), {});
    return addBias(run, y, bias, attrs.m, attrs.n);
  },
  linearGrad: (run, { dy, x, w }, { m, k, n }) => {
    const { y: dx } = run("matmul", { a: dy, b: w }, { ...asMatmul({ m, k: n, n: k }), transposeB: true }, {});
    const { y: dw } = run("matmul", { a: x, b: dy }, { ...asMatmul({ m: k, k: m, n }), transposeA: true }, {});
    return { dx, dw, db: sumRows(run, dy, m, n) };
  },
  conv2dBias: (run, { x, w, bias }, attrs) => {
    const { y } = run("conv2d", { x, w }, attrs, {});
    const [oh, ow] = convOutput(attrs);
    return addBias(run, y, bias, attrs.n * oh * ow, attrs.cout);
  },
  conv2dGrad: (run, { dy, x, w }, attrs) => {
    const { dx } = run("conv2dGradInput", { dy, w }, attrs, {});
    const { dw } = run("conv2dGradWeight", { x, dy }, attrs, {});
    const [oh, ow] = convOutput(attrs);
    return { dx, dw, db: sumRows(run, dy, attrs.n * oh * ow, attrs.cout) };
  },
  groupNormWithStats: (run, { x, gamma, beta }, attrs, scalars) => {
    const { stats } = run("groupNormStats", { x }, attrs, scalars);
    return { ...run("groupNorm", { x, stats, gamma, beta }, attrs, {}), stats };
  },
  groupNormSilu: (run, inputs, attrs) => {
    const { y: z } = run("groupNorm", inputs, attrs, {});
    return run("unary", { x: z }, { op: "silu", n: length(attrs) }, { p: 0, q: 0 });
  },
  groupNormSiluWithStats: (run, { x, gamma, beta }, attrs, scalars) => {
    const { stats } = run("groupNormStats", { x }, attrs, scalars);
    return { ...compositions.groupNormSilu(run, { x, stats, gamma, beta }, attrs, {}), stats };
  },
  groupNormSiluGrad: (run, { dy, x, stats, gamma, beta }, attrs) => {
    const { y: z } = run("groupNorm", { x, stats, gamma, beta }, attrs, {});
    const size = [1, 1, length(attrs)] as const;
    const { y: dz } = run("binary", { a: dy, b: z }, { op: "siluGrad", size, a: size, b: size }, { p: 0 });
    return run("groupNormGrad", { dy: dz, x, stats, gamma }, attrs, {});
  },
  adaGroupNormSilu: (run, inputs, attrs, { eps }) => composeAda(run, inputs, attrs, eps),
  adaGroupNormSiluGrad: (run, inputs, attrs) => composeAdaGrad(run, inputs, attrs),
  attention: (run, inputs, attrs, { scale }) => composeAttention(run, inputs, attrs, scale),
  attentionGrad: (run, inputs, attrs, { scale }) => composeAttentionGrad(run, inputs, attrs, scale),
  adamEma: (run, { target, ...inputs }, attrs, { decay, ...scalars }) => {
    const moved = run("adam", inputs, attrs, scalars);
    return { ...moved, ...run("ema", { target, source: moved.p }, attrs, { decay }) };
  },
};
