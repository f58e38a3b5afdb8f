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
  ...broadcasts("subtract", [3, 5, 7]),
  ...([[4, 33, 8], [1, 100, 64], [17, 1, 19]] as Triple[]).flatMap((size) => {
    const [outer, axis, inner] = size;
    return ([[1, 1, inner], [outer, 1, inner], [outer, axis, 1], [1, 1, 1]] as Triple[]).map((b) => merged({ op: "multiply", size, a: size, b }));
  }),
  ...binaryOps.flatMap((op) => [both(op, [1, 1, 1]), both(op, [1, 1, 1027]), both(op, [3, 5, 8])]),
  ...binaryOps.map((op) => merged({ op, size: [2, 3, 19], a: [2, 3, 19], b: [1, 3, 1] })),
];

const unaryDraws: Readonly<Partial<Record<UnaryOp, Draw>>> = {
  sign: lattice(-1, 1, 0.5),
  sqrt: uniform(0, 4),
  log: uniform(0.05, 4),
  reciprocal: awayFromZero(0.3, 4),
  exp: uniform(-4, 4), sin: uniform(-7, 7), cos: uniform(-7, 7), tanh: uniform(-4, 4), erf: uniform(-4, 4),
  sigmoid: uniform(-8, 8), silu: uniform(-8, 8), gelu: uniform(-6, 6),
  raise: uniform(0.2, 3),
};

/** The numbers p and q of the operations that take them. */
const unaryScalars: Readonly<Partial<Record<UnaryOp, Scalars<"unary">>>> = {
  affine: { p: -1.3, q: 0.4 }, clip: { p: -0.6, q: 0.8 }, over: { p: 0.7, q: 0 }, raise: { p: 2.5, q: 0 },
};

const ties = lattice(-1, 1, 0.5);
const binaryDraws: Readonly<Partial<Record<BinaryOp, { a: Draw; b: Draw }>>> = {
  divide: { a: usual, b: awayFromZero(0.3, 3) },
  maximum: { a: ties, b: ties }, minimum: { a: ties, b: ties },
  equal: { a: ties, b: ties }, notEqual: { a: ties, b: ties }, less: { a: ties, b: ties },
  lessEqual: { a: ties, b: ties }, greater: { a: ties, b: ties }, greaterEqual: { a: ties, b: ties },
  siluGrad: { a: usual, b: uniform(-8, 8) },
  geluGrad: { a: usual, b: uniform(-6, 6) },
};

/** Negative bases have whole powers, positive ones any. */
const powers: readonly { a: Draw; b: Draw }[] = [
  { a: lattice(-2, 2, 0.5), b: lattice(0, 3, 1) },
  { a: uniform(0.2, 3), b: uniform(-3, 3) },
];

const binaryScalars: Readonly<Partial<Record<BinaryOp, Scalars<"binary">>>> = {};

export const elementwise: Specs<"full" | "unary" | "binary" | "where"> = {
  full: { cases: lengths.slice(0, 6).map((n) => ({ n })), scalars: () => ({ value: 0.7 }) },
  unary: {
    cases: [
      ...unaryOps.flatMap((op) => [1, 7, 33, 1027].map((n) => ({ op, n }))),
      ...lengths.map((n) => ({ op: "affine" as const, n })), ...lengths.slice(2, 9).map((n) => ({ op: "clip" as const, n })),
    ],
    draws: ({ op }) => ({ x: unaryDraws[op] ?? usual }),
    scalars: ({ op }) => unaryScalars[op] ?? { p: 0, q: 0 },
    terms: ({ x }, { op }, { p, q }) => (op === "affine" ? { y: Math.abs(p) * largest(x) + Math.abs(q) } : {}),
  },
  binary: {
    cases: binaryCases,
    draws: ({ op }, seed) => (op === "power" ? powers[seed % 2] : binaryDraws[op] ?? {}),
    scalars: ({ op }) => binaryScalars[op] ?? { p: 0 },
    terms: ({ a, b }, { op }) => (op === "add" || op === "subtract" ? { y: largest(a) + largest(b) } : {}),
  },
  where: { cases: lengths.slice(2, 9).map((n) => ({ n })), draws: () => ({ condition: lattice(-1, 1, 1) }) },
};
