import {
  binaryOps, unaryOps, type BinaryAttrs, type BinaryOp, type Scalars, type Triple, type UnaryOp,
} from "../../../src/kernels/contract.js";
import { awayFromZero, lattice, largest, lengths, uniform, usual, type Draw, type Specs } from "./spec.js";

/** Every way in which one or both of two arrays fill each axis, the axes merged where a pattern allows it: 27 patterns. */
function broadcasts(op: BinaryOp, size: Triple): BinaryAttrs[] {
  return Array.from({ length: 27 }, (_, pattern) => {
    const digits = [Math.floor(pattern / 9), Math.floor(pattern / 3) % 3, pattern % 3]; // 0: both fill, 1: a alone, 2: b alone
    const [a, b] = [2, 1].map((absent) => size.map((side, i) => (digits[i] === absent ? 1 : side)) as unknown as Triple);
    return merged({ op, size, a, b });
  });
}

/** The same computation over as few axes as possible, as ops hand it down. */
function merged({ op, size, a, b }: BinaryAttrs): BinaryAttrs {
  const axes: { size: number; a: number; b: number }[] = [];
  for (let i = 0; i < 3; i++) {
    const last = axes.at(-1);
    if (size[i] === 1) continue;
    if (last !== undefined && (last.a === last.size) === (a[i] === size[i]) && (last.b === last.size) === (b[i] === size[i])) {
      axes[axes.length - 1] = { size: last.size * size[i], a: last.a * a[i], b: last.b * b[i] };
    } else axes.push({ size: size[i], a: a[i], b: b[i] });
  }
  while (axes.length < 3) axes.unshift({ size: 1, a: 1, b: 1 });
  const of = (name: "size" | "a" | "b"): Triple => axes.map((axis) => axis[name]) as unknown as Triple;
  return { op, size: of("size"), a: of("a"), b: of("b") };
}

const both = (op: BinaryOp, size: Triple): BinaryAttrs => merged({ op, size, a: size, b: size });

const binaryCases: BinaryAttrs[] = [
  ...broadcasts("subtract", [3, 5, 7]), ...broadcasts("subtract", [2, 3, 37]),
  ...([[4, 33, 8], [1, 100, 64], [17, 1, 19]] as Triple[]).flatMap((size) => {
    const [outer, axis, inner] = size;
    return ([[1, 1, inner], [outer, 1, inner], [outer, axis, 1], [1, 1, 1]] as Triple[]).map((b) => merged({ op: "multiply", size, a: size, b }));
  }),
  ...binaryOps.flatMap((op) => [both(op, [1, 1, 1]), both(op, [1, 1, 1027]), both(op, [3, 5, 8])]),
  ...binaryOps.map((op) => merged({ op, size: [2, 3, 19], a: [2, 3, 19], b: [1, 3, 1] })),
];

/** One operation: what its operands are drawn from, the numbers it takes, and what it gives in the table below. */
interface OpSpec<D, S> { readonly draw?: D; readonly scalars?: S; readonly values: readonly number[] }

/** Arguments of the tabulated values; p is 2 and q is 0.5. Of the gradients, dy = a and x or y = b. */
export const tabulated = { x: [-2, 0.5, 3], a: [-2, 0.5, 3, 2], b: [3, 2, 3, 0.5], p: 2, q: 0.5 } as const;

/** Values computed with 30 digits. */
export const unarySpecs: Readonly<Record<UnaryOp, OpSpec<Draw, Scalars<"unary">>>> = {
  negative: { values: [2, -0.5, -3] },
  abs: { values: [2, 0.5, 3] },
  sign: { draw: lattice(-1, 1, 0.5), values: [-1, 1, 1] },
  square: { values: [4, 0.25, 9] },
  sqrt: { draw: uniform(0, 4), values: [NaN, 0.7071067811865475, 1.7320508075688773] },
  reciprocal: { draw: awayFromZero(0.3, 4), values: [-0.5, 2, 0.3333333333333333] },
  exp: { draw: uniform(-4, 4), values: [0.1353352832366127, 1.6487212707001282, 20.085536923187668] },
  log: { draw: uniform(0.05, 4), values: [NaN, -0.6931471805599453, 1.0986122886681098] },
  sin: { draw: uniform(-7, 7), values: [-0.9092974268256817, 0.479425538604203, 0.1411200080598672] },
  cos: { draw: uniform(-7, 7), values: [-0.4161468365471424, 0.8775825618903728, -0.9899924966004454] },
  tanh: { draw: uniform(-4, 4), values: [-0.9640275800758169, 0.46211715726000975, 0.9950547536867305] },
  erf: { draw: uniform(-4, 4), values: [-0.9953222650189527, 0.5204998778130465, 0.9999779095030014] },
  sigmoid: { draw: uniform(-8, 8), values: [0.11920292202211756, 0.6224593312018546, 0.9525741268224332] },
  silu: { draw: uniform(-8, 8), values: [-0.2384058440442351, 0.3112296656009273, 2.8577223804672997] },
  gelu: { draw: uniform(-6, 6), values: [-0.0455002638963584, 0.3457312306370066, 2.9959503059051097] },
  affine: { scalars: { p: -1.3, q: 0.4 }, values: [-3.5, 1.5, 6.5] },
  clip: { scalars: { p: -0.6, q: 0.8 }, values: [0.5, 0.5, 0.5] },
  over: { scalars: { p: 0.7, q: 0 }, values: [-1, 0.25, 1.5] },
  relu: { values: [0, 0.5, 3] },
  leakyRelu: { scalars: { p: 0.2, q: 0 }, values: [-4, 0.5, 3] },
  raise: { draw: uniform(0.2, 3), scalars: { p: 2.5, q: 0 }, values: [4, 0.25, 9] },
};

const ties = { a: lattice(-1, 1, 0.5), b: lattice(-1, 1, 0.5) };

export const binarySpecs: Readonly<Record<BinaryOp, OpSpec<{ a: Draw; b: Draw }, Scalars<"binary">>>> = {
  add: { values: [1, 2.5, 6, 2.5] },
  subtract: { values: [-5, -1.5, 0, 1.5] },
  multiply: { values: [-6, 1, 9, 1] },
  divide: { draw: { a: usual, b: awayFromZero(0.3, 3) }, values: [-0.6666666666666666, 0.25, 1, 4] },
  power: { values: [-8, 0.25, 27, 1.4142135623730951] },
  maximum: { draw: ties, values: [3, 2, 3, 2] },
  minimum: { draw: ties, values: [-2, 0.5, 3, 0.5] },
  equal: { draw: ties, values: [0, 0, 1, 0] },
  notEqual: { draw: ties, values: [1, 1, 0, 1] },
  less: { draw: ties, values: [1, 1, 0, 0] },
  lessEqual: { draw: ties, values: [1, 1, 1, 0] },
  greater: { draw: ties, values: [0, 0, 0, 1] },
  greaterEqual: { draw: ties, values: [0, 0, 1, 1] },
  reluGrad: { values: [-2, 0.5, 3, 2] },
  leakyReluGrad: { scalars: { p: 0.2 }, values: [-2, 0.5, 3, 2] },
  tanhGrad: { draw: { a: usual, b: uniform(-1, 1) }, values: [16, -1.5, -24, 1.5] },
  sigmoidGrad: { draw: { a: usual, b: uniform(0, 1) }, values: [12, -1, -18, 0.5] },
  siluGrad: {
    draw: { a: usual, b: uniform(-8, 8) }, values: [-2.1762082120303394, 0.5453921243924478, 3.264312318045509, 1.4799223746053036],
  },
  geluGrad: {
    draw: { a: usual, b: uniform(-6, 6) }, values: [-2.023891294408368, 0.5426159005390985, 3.0358369416125517, 1.7349902493123257],
  },
};

/** Negative bases have whole powers, positive ones any. */
const powers: readonly { a: Draw; b: Draw }[] = [
  { a: lattice(-2, 2, 0.5), b: lattice(0, 3, 1) },
  { a: uniform(0.2, 3), b: uniform(-3, 3) },
];

export const elementwise: Specs<"full" | "unary" | "binary" | "where"> = {
  full: { cases: lengths.slice(0, 6).map((n) => ({ n })), scalars: () => ({ value: 0.7 }) },
  unary: {
    cases: [
      ...unaryOps.flatMap((op) => [1, 7, 33, 1027].map((n) => ({ op, n }))),
      ...lengths.map((n) => ({ op: "affine" as const, n })), ...lengths.slice(2, 9).map((n) => ({ op: "clip" as const, n })),
    ],
    draws: ({ op }) => ({ x: unarySpecs[op].draw ?? usual }),
    scalars: ({ op }) => unarySpecs[op].scalars ?? { p: 0, q: 0 },
    terms: ({ x }, { op }, { p, q }) => (op === "affine" ? { y: Math.abs(p) * largest(x) + Math.abs(q) } : {}),
  },
  binary: {
    cases: binaryCases,
    draws: ({ op }, seed) => (op === "power" ? powers[seed % 2] : binarySpecs[op].draw ?? {}),
    scalars: ({ op }) => binarySpecs[op].scalars ?? { p: 0 },
    terms: ({ a, b }, { op }) => (op === "add" || op === "subtract" ? { y: largest(a) + largest(b) } : {}),
  },
  where: { cases: lengths.slice(2, 9).map((n) => ({ n })), draws: () => ({ condition: lattice(-1, 1, 1) }) },
};
