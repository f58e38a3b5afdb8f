/**
 * What every backend is tried on: for each kernel a list of attributes over awkward sizes (odd sides, channel counts that are
 * no multiple of 4, single pixels, one-sided padding), and inputs made for them. Add a case here and all backends run it.
 */
import type {
  AnyKernelName, Attrs, AxisAttrs, BinaryAttrs, BinaryOp, Conv2dAttrs, GroupNormAttrs, MatmulAttrs, ReduceOp, ResampleAttrs,
  Triple, UnaryOp,
} from "../../src/kernels/contract.js";

export type Cases = { readonly [K in AnyKernelName]: readonly Attrs<K>[] };

export const unaryOps: readonly UnaryOp[] = [
  "negative", "abs", "sign", "square", "sqrt", "reciprocal", "exp", "log", "sin", "cos", "tanh", "erf", "sigmoid", "silu", "gelu",
];
export const binaryOps: readonly BinaryOp[] = [
  "add", "subtract", "multiply", "divide", "power", "maximum", "minimum",
  "equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual", "siluGrad", "geluGrad",
];
const reduceOps: readonly ReduceOp[] = ["sum", "max", "min", "argmax"];

const vectors = [1, 2, 3, 5, 8, 19, 33, 64, 1027, 4100].map((n) => ({ n }));

const axes = ([
  [1, 1, 1], [1, 17, 1], [5, 1, 3], [3, 8, 5], [1, 64, 33], [19, 3, 1], [1, 1001, 8], [2, 5, 64],
] as const).map(([outer, axis, inner]): AxisAttrs => ({ outer, axis, inner }));

/** Every way in which one or both of two arrays fill each axis: 27 patterns. */
function broadcasts(op: BinaryOp, size: Triple): BinaryAttrs[] {
  const cases: BinaryAttrs[] = [];
  for (let pattern = 0; pattern < 27; pattern++) {
    const digits = [Math.floor(pattern / 9), Math.floor(pattern / 3) % 3, pattern % 3];  // 0: both fill, 1: a alone, 2: b alone
    const [a, b] = [2, 1].map((absent) => size.map((side, i) => (digits[i] === absent ? 1 : side)));
    cases.push({ op, size, a: a as unknown as Triple, b: b as unknown as Triple });
  }
  return cases;
}

const binaryCases: BinaryAttrs[] = [
  ...broadcasts("subtract", [3, 5, 7]),
  ...([[4, 33, 8], [1, 100, 64], [17, 1, 19]] as Triple[]).flatMap((size) => {
    const [outer, axis, inner] = size;
    return ([[1, 1, inner], [outer, 1, inner], [outer, axis, 1], [1, 1, 1]] as Triple[])
      .map((b): BinaryAttrs => ({ op: "multiply", size, a: size, b }));
  }),
  ...binaryOps.flatMap((op) =>
    ([[1, 1, 1], [1, 1, 1027], [3, 5, 8]] as Triple[]).map((size) => ({ op, size, a: size, b: size }))),
  ...binaryOps.map((op): BinaryAttrs => ({ op, size: [2, 3, 19], a: [2, 3, 19], b: [1, 3, 1] })),
];

const permutations: Attrs<"permute">[] = ([
  [[5], [0]], [[3, 7], [1, 0]], [[33, 64], [1, 0]], [[2, 3, 5], [2, 1, 0]], [[2, 3, 5], [0, 2, 1]], [[1, 19, 8], [1, 0, 2]],
  [[3, 4, 5, 6], [0, 2, 1, 3]], [[2, 3, 4, 5], [3, 1, 2, 0]], [[2, 3, 3, 2], [2, 0, 3, 1]], [[3, 3, 8, 5], [3, 2, 0, 1]],
  [[2, 1, 3, 2, 5], [4, 2, 0, 3, 1]], [[1, 2, 3, 2, 2, 3], [0, 1, 3, 5, 2, 4]], [[2, 3, 4, 5], [0, 1, 2, 3]],
] as const).map(([shape, order]) => ({ shape, order }));

const matmuls: MatmulAttrs[] = ([
  [1, 1, 1, 1], [1, 3, 5, 7], [3, 17, 8, 19], [1, 64, 33, 64], [2, 16, 64, 5], [1, 8, 1, 33], [3, 1, 19, 1], [1, 33, 65, 130],
  [1, 1, 64, 19], [1, 256, 4, 8],
] as const).flatMap(([batch, m, k, n]) => [[false, false], [false, true], [true, false], [true, true]]
  .map(([transposeA, transposeB]) => ({ batch, m, k, n, transposeA, transposeB })));

const channels = [1, 3, 5, 8, 19, 33, 64];

/** Sides 1..17 both ways, every channel count on both sides, batch 1 and 3. */
const sides: Conv2dAttrs[] = Array.from({ length: 17 }, (_, i) => ({
  n: i % 4 === 0 ? 3 : 1, h: i + 1, w: 17 - i, cin: channels[i % 7], cout: channels[(3 * i + 2) % 7],
  kh: 3, kw: 3, stride: 1, pad: [1, 1, 1, 1],
}));

type ConvRow = readonly [n: number, h: number, w: number, cin: number, cout: number, kh: number, kw: number, stride: number,
  pad: readonly [number, number, number, number]];
const same = (k: number) => [(k - 1) / 2, (k - 1) / 2, (k - 1) / 2, (k - 1) / 2] as const;
const none = [0, 0, 0, 0] as const;
const bottomRight = [0, 1, 0, 1] as const;

const convolutions: Conv2dAttrs[] = [...sides, ...([
  [1, 1, 1, 1, 1, 1, 1, 1, none], [3, 5, 7, 8, 19, 1, 1, 1, none], [1, 4, 4, 64, 33, 1, 1, 1, none],
  [1, 9, 6, 5, 3, 1, 1, 2, none],
  [1, 1, 1, 19, 8, 3, 3, 1, same(3)], [3, 1, 1, 3, 5, 5, 5, 1, same(5)], [1, 1, 1, 8, 1, 7, 7, 1, same(7)],
  [1, 8, 8, 33, 64, 3, 3, 1, same(3)], [3, 9, 9, 64, 64, 3, 3, 1, same(3)], [1, 16, 16, 3, 33, 3, 3, 1, same(3)],
  [1, 6, 11, 8, 8, 3, 3, 1, none], [3, 3, 3, 5, 8, 3, 3, 1, none], [1, 7, 5, 8, 5, 3, 3, 1, [2, 2, 2, 2]],
  [1, 8, 8, 8, 16, 3, 3, 2, bottomRight], [3, 7, 9, 19, 5, 3, 3, 2, bottomRight], [1, 2, 2, 3, 8, 3, 3, 2, bottomRight],
  [1, 5, 6, 3, 3, 3, 3, 1, bottomRight], [1, 6, 5, 8, 3, 3, 3, 1, [1, 0, 1, 0]], [1, 7, 8, 5, 8, 3, 3, 2, [1, 0, 2, 1]],
  [1, 8, 8, 33, 19, 3, 3, 2, same(3)], [3, 7, 7, 8, 8, 3, 3, 2, same(3)], [1, 1, 5, 5, 1, 3, 3, 2, same(3)],
  [1, 9, 8, 3, 8, 5, 5, 1, same(5)], [3, 6, 6, 8, 5, 5, 5, 2, same(5)], [1, 5, 5, 19, 3, 5, 5, 1, none],
  [1, 11, 9, 3, 19, 7, 7, 1, same(7)], [1, 13, 8, 5, 8, 7, 7, 2, same(7)], [1, 7, 7, 1, 33, 7, 7, 1, none],
  [1, 6, 9, 3, 5, 1, 3, 1, [0, 0, 1, 1]], [1, 9, 6, 5, 3, 7, 1, 2, [3, 3, 0, 0]], [1, 8, 6, 5, 8, 2, 2, 2, none],
  [1, 5, 5, 2, 3, 1, 1, 1, [1, 1, 1, 1]], [3, 4, 6, 3, 2, 3, 3, 1, [3, 0, 0, 4]], [1, 9, 8, 5, 4, 2, 3, 3, [0, 1, 4, 0]],
] satisfies ConvRow[]).map(([n, h, w, cin, cout, kh, kw, stride, pad]) => ({ n, h, w, cin, kh, kw, cout, stride, pad }))];

const norms: GroupNormAttrs[] = ([
  [1, 1, 1, 1], [1, 1, 8, 8], [3, 1, 8, 2], [1, 35, 3, 1], [3, 9, 5, 5], [1, 64, 64, 8], [1, 49, 33, 11], [3, 15, 19, 1],
  [1, 289, 8, 4], [3, 16, 64, 32],
] as const).map(([n, hw, c, groups]) => ({ n, hw, c, groups }));

const rows = ([[1, 1], [3, 2], [1, 17], [5, 8], [7, 33], [64, 64], [2, 257], [19, 5]] as const).map(([rows, n]) => ({ rows, n }));

const ups: ResampleAttrs[] = ([
  [1, 1, 1, 1, 2], [3, 3, 5, 3, 2], [1, 7, 2, 19, 2], [1, 8, 8, 64, 2], [1, 2, 3, 5, 3], [1, 3, 3, 8, 1], [1, 1, 4, 33, 4],
] as const).map(([n, h, w, c, scale]) => ({ n, h, w, c, scale }));

const gathers = ([
  [1, 1, 1, 1], [1, 5, 8, 3], [1, 17, 19, 40], [3, 4, 1, 9], [2, 8, 5, 8], [1, 3, 64, 64],
] as const).map(([outer, axis, inner, count]) => ({ outer, axis, inner, count }));

export const cases: Cases = {
  full: vectors.slice(0, 6),
  unary: unaryOps.flatMap((op) => [1, 7, 33, 1027].map((n) => ({ op, n }))),
  affine: vectors,
  clip: vectors.slice(2, 9),
  binary: binaryCases,
  where: vectors.slice(2, 9),
  reduce: reduceOps.flatMap((op) => axes.map((size) => ({ op, ...size }))),
  sumSquares: vectors,
  expand: axes,
  permute: permutations,
  slice: axes.flatMap((size) =>
    [...new Set([1, Math.ceil(size.axis / 2), size.axis])].map((length) => ({ ...size, size: length }))),
  pad: axes.flatMap((size) => [[1, 1], [0, 1], [2, 0]].map(([before, after]) => ({ ...size, before, after }))),
  concat: axes.map(({ outer, axis, inner }, i) => ({ outer, inner, axisA: axis, axisB: [1, 8, 3][i % 3] })),
  gather: gathers,
  scatterAdd: gathers,
  matmul: matmuls,
  conv2d: convolutions,
  conv2dGradInput: convolutions,
  conv2dGradWeight: convolutions,
  groupNormStats: norms,
  groupNorm: norms,
  groupNormGradInput: norms,
  groupNormGradParams: norms,
  softmax: rows,
  softmaxGrad: rows,
  upsampleNearest: ups,
  sumPool: ups.map(({ h, w, scale, ...rest }) => ({ ...rest, h: h * scale, w: w * scale, scale })),
  linear: matmuls.filter(({ batch, transposeA }) => batch === 1 && !transposeA),
  conv2dBias: convolutions.filter((_, i) => i % 2 === 0),
  groupNormSilu: norms,
  groupNormSiluGradInput: norms,
  groupNormSiluGradParams: norms,
  adam: vectors.slice(3),
  ema: vectors.slice(3),
  assign: vectors.slice(3),
};
