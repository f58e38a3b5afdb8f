/**
 * What a build is tried on before it is trusted: every kernel at awkward sizes (edge tiles, channel counts that are no multiple of 4,
 * one-sided padding, depths beyond a block), small enough that all of them take a fraction of a second. A kernel without a trial does
 * not compile.
 */
import {
  binaryOps, reduceOps, unaryOps,
  type Attrs, type BinaryAttrs, type BinaryOp, type Conv2dAttrs, type Inputs, type KernelName, type MatmulAttrs, type Scalars, type UnaryOp,
} from "../../../kernels/contract.js";

/** The value of element i, made of a number in [-2, 2) that belongs to it. */
export type Draw = (value: number, i: number) => number;

interface Trials<K extends KernelName> {
  readonly cases: readonly Attrs<K>[];
  readonly scalars: Scalars<K>;
  /** What inputs hold that are not any numbers of [-2, 2). */
  readonly draws?: (attrs: Attrs<K>) => { readonly [name in keyof Inputs<K, unknown>]?: Draw };
}

const positive: Draw = (value) => 0.1 + Math.abs(value);
/** Whole numbers from 0 to axis - 1. */
const index = (axis: number): Draw => (value) => Math.min(axis - 1, Math.floor(((value + 2) / 4) * axis));
/** (mean, reciprocal standard deviation) in turn. */
const stats: Draw = (value, i) => (i % 2 === 0 ? value : positive(value, i));

/** Operations that give NaN for half of all numbers. */
const ofPositives: readonly (UnaryOp | BinaryOp)[] = ["sqrt", "log", "raise", "power"];
const operand = ({ op }: { readonly op: UnaryOp | BinaryOp }): Draw => (ofPositives.includes(op) ? positive : (value) => value);

const broadcasts = (op: BinaryOp): BinaryAttrs[] => [
  { op, size: [1, 1, 1027], a: [1, 1, 1027], b: [1, 1, 1027] }, { op, size: [1, 3, 19], a: [1, 3, 19], b: [1, 1, 19] },
  { op, size: [2, 3, 19], a: [2, 3, 19], b: [1, 3, 1] }, { op, size: [1, 1, 37], a: [1, 1, 1], b: [1, 1, 37] },
];

/** Tiles of 1 to 6 rows, alone and below whole ones; a depth of 300 passes a block of k, so that tiles add to what is there. */
const products: MatmulAttrs[] = ([[1, 1], [2, 2], [1, 3], [1, 4], [1, 5], [2, 6], [1, 103]] as const).flatMap(([batch, m]) =>
  ([[9, 37], [300, 20]] as const).flatMap(([k, n]) => ([[false, false], [false, true], [true, false], [true, true]] as const).map(
    ([transposeA, transposeB]) => ({ batch, m, k, n, transposeA, transposeB }))));

type ConvRow = readonly [
  n: number, h: number, w: number, cin: number, cout: number, side: number, stride: number, pad: readonly [number, number, number, number],
];
const around = (pad: number) => [pad, pad, pad, pad] as const;
const convolutions: Conv2dAttrs[] = ([
  [3, 9, 7, 19, 33, 3, 1, around(1)], [1, 10, 13, 70, 67, 3, 1, around(1)], [1, 6, 11, 8, 8, 3, 1, around(0)],   // by Winograd
  [2, 8, 9, 12, 20, 3, 2, [0, 1, 0, 1]], [1, 9, 8, 33, 19, 3, 2, around(1)],                                     // strided
  [1, 9, 6, 19, 8, 1, 2, around(0)], [1, 5, 5, 5, 6, 1, 1, around(1)],                                           // 1x1
  [1, 9, 8, 3, 33, 3, 1, around(1)], [2, 11, 9, 1, 8, 7, 2, around(3)],                                          // few inputs
  [1, 9, 8, 19, 2, 3, 1, around(1)], [1, 7, 7, 33, 1, 3, 1, around(1)], [1, 9, 7, 3, 2, 3, 1, around(1)],        // few outputs
  [1, 7, 6, 6, 10, 5, 1, around(2)], [1, 8, 6, 5, 8, 2, 2, around(0)],                                           // other sides
  [2, 33, 29, 19, 12, 3, 1, around(1)], [2, 33, 29, 12, 7, 3, 2, around(1)], [2, 33, 29, 3, 9, 3, 1, around(1)], // in several parts
] satisfies ConvRow[]).map(([n, h, w, cin, cout, side, stride, pad]) => ({ n, h, w, cin, cout, kh: side, kw: side, stride, pad }));

const norms = ([[1, 35, 3, 1], [3, 9, 5, 5], [2, 16, 64, 32], [1, 289, 8, 4], [1, 1201, 33, 11]] as const)
  .map(([n, hw, c, groups]) => ({ n, hw, c, groups }));
const attentions = ([[1, 1, 1, 1, 1], [2, 3, 5, 7, 3], [1, 2, 33, 19, 8], [1, 1, 70, 65, 20], [3, 1, 9, 37, 64]] as const)
  .map(([n, heads, l, s, d]) => ({ n, heads, l, s, d }));
const rows = ([[3, 2], [5, 8], [7, 33], [3, 257], [64, 64]] as const).map(([count, n]) => ({ rows: count, n }));
const axes = ([[1, 17, 1], [5, 2, 3], [19, 3, 1], [2, 65, 33], [1, 8001, 5]] as const).map(([outer, axis, inner]) => ({ outer, axis, inner }));
const gathers = ([[1, 5, 8, 3], [3, 4, 1, 9], [1, 17, 19, 40]] as const).map(([outer, axis, inner, count]) => ({ outer, axis, inner, count }));
const vectors = [1, 7, 37, 1027].map((n) => ({ n }));
const lists = [{ sizes: [7] }, { sizes: [1027, 1, 33, 4100, 5] }];

export const trials: { readonly [K in KernelName]: Trials<K> } = {
  full: { cases: vectors, scalars: { value: 0.7 } },
  unary: {
    cases: unaryOps.flatMap((op) => [7, 1027].map((n) => ({ op, n }))), scalars: { p: 0.7, q: 1.3 }, draws: (attrs) => ({ x: operand(attrs) }),
  },
  binary: { cases: binaryOps.flatMap(broadcasts), scalars: { p: 0.2 }, draws: (attrs) => ({ a: operand(attrs), b: operand(attrs) }) },
  where: { cases: vectors, scalars: {}, draws: () => ({ condition: (value) => Number(value > 0) }) },
  reduce: { cases: reduceOps.flatMap((op) => axes.map((size) => ({ op, ...size }))), scalars: {} },
  sumSquares: { cases: lists, scalars: {} },
  expand: { cases: axes, scalars: {} },
  permute: {
    cases: [
      { shape: [33, 70], order: [1, 0] }, { shape: [3, 5, 9], order: [0, 2, 1] }, { shape: [3, 4, 5, 8], order: [0, 2, 1, 3] },
      { shape: [2, 3, 4, 5], order: [3, 1, 0, 2] },
    ],
    scalars: {},
  },
  slice: { cases: axes.map((size) => ({ ...size, size: size.axis - 1 })), scalars: { start: 1 } },
  pad: { cases: axes.map((size) => ({ ...size, before: 1, after: 2 })), scalars: { value: 0.7 } },
  concat: { cases: axes.map(({ outer, axis, inner }) => ({ outer, axisA: axis, axisB: 3, inner })), scalars: {} },
  gather: { cases: gathers, scalars: {}, draws: ({ axis }) => ({ index: index(axis) }) },
  scatterAdd: { cases: gathers, scalars: {}, draws: ({ axis }) => ({ index: index(axis) }) },
  matmul: { cases: products, scalars: {} },
  linear: {
    cases: [...[1, 2, 3, 4, 5, 6, 103].flatMap((m) => [{ m, k: 9, n: 37 }, { m, k: 300, n: 20 }]), { m: 70, k: 33, n: 19 }], scalars: {},
  },
  linearGrad: {
    cases: [...[1, 2, 3, 4, 5, 6, 103].flatMap((m) => [{ m, k: 9, n: 37 }, { m, k: 30, n: 300 }]), { m: 700, k: 33, n: 19 }], scalars: {},
  },
  conv2d: { cases: convolutions, scalars: {} },
  conv2dBias: { cases: convolutions, scalars: {} },
  conv2dGradInput: { cases: convolutions, scalars: {} },
  conv2dGradWeight: { cases: convolutions, scalars: {} },
  conv2dGrad: { cases: convolutions, scalars: {} },
  attention: { cases: attentions, scalars: { scale: 0.4 } },
  attentionGrad: { cases: attentions, scalars: { scale: 0.4 } },
  groupNormStats: { cases: norms, scalars: { eps: 1e-5 } },
  groupNorm: { cases: norms, scalars: {}, draws: () => ({ stats }) },
  groupNormGrad: { cases: norms, scalars: {}, draws: () => ({ stats }) },
  groupNormWithStats: { cases: norms, scalars: { eps: 1e-5 } },
  groupNormSilu: { cases: norms, scalars: {}, draws: () => ({ stats }) },
  groupNormSiluWithStats: { cases: norms, scalars: { eps: 1e-5 } },
  groupNormSiluGrad: { cases: norms, scalars: {}, draws: () => ({ stats }) },
  adaGroupNormSilu: { cases: norms, scalars: { eps: 1e-5 } },
  adaGroupNormSiluGrad: { cases: norms, scalars: {}, draws: () => ({ stats }) },
  softmax: { cases: rows, scalars: {} },
  softmaxGrad: { cases: rows, scalars: {}, draws: () => ({ y: (value) => (value + 2) / 4 }) },
  upsampleNearest: { cases: [{ n: 3, h: 3, w: 5, c: 3, scale: 2 }, { n: 1, h: 7, w: 2, c: 19, scale: 3 }], scalars: {} },
  sumPool: { cases: [{ n: 3, h: 6, w: 10, c: 3, scale: 2 }, { n: 1, h: 21, w: 6, c: 19, scale: 3 }], scalars: {} },
  adam: {
    cases: lists, draws: () => ({ v: positive }),
    scalars: { lr: 0.5, beta1: 0.9, beta2: 0.99, eps: 1e-5, correction1: 0.271, correction2: 0.029701, weightDecay: 0.1, gradScale: 0.7 },
  },
  adamEma: {
    cases: lists, draws: () => ({ v: positive }), scalars: {
      lr: 0.5, beta1: 0.9, beta2: 0.99, eps: 1e-5, correction1: 0.271, correction2: 0.029701, weightDecay: 0.1, gradScale: 0.7, decay: 0.8,
    },
  },
  ema: { cases: lists, scalars: { decay: 0.8 } },
  assign: { cases: vectors, scalars: {} },
};
