/** Elementwise kernels: each output element depends on one element of every input. */
import type { NumberArray } from "../../../core/backend.js";
import type { BinaryOp, KernelTable, UnaryOp } from "../../../kernels/contract.js";
import { erf, normalCdf, normalDensity } from "../../../math/erf.js";

/** 1 / (1 + e^-x); the exponential is only taken of numbers <= 0, so it never overflows. */
function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** silu'(x) = s + x s (1 - s), s = sigmoid(x), and 1 - sigmoid(x) = sigmoid(-x). */
function siluSlope(x: number): number {
  return sigmoid(x) * (1 + x * sigmoid(-x));
}

/** gelu'(x) = Phi(x) + x phi(x). */
function geluSlope(x: number): number {
  return normalCdf(x) + x * normalDensity(x);
}

const unaryOps: Readonly<Record<UnaryOp, (x: number, p: number, q: number) => number>> = {
  negative: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  square: (x) => x * x,
  sqrt: Math.sqrt,
  reciprocal: (x) => 1 / x,
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  sigmoid,
  silu: (x) => x * sigmoid(x),
  gelu: (x) => x * normalCdf(x),  // x / 2 (1 + erf(x / sqrt 2))
  affine: (x, p, q) => p * x + q,
  clip: (x, p, q) => Math.min(Math.max(x, p), q),
  over: (x, p) => x / p,
  raise: (x, p) => x ** p,
  leakyRelu: (x, p) => (x > 0 ? x : p * x),
  relu: (x) => (x > 0 || Number.isNaN(x) ? x : 0),
};

const binaryOps: Readonly<Record<BinaryOp, (a: number, b: number, p: number) => number>> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  power: (a, b) => a ** b,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  equal: (a, b) => (a === b ? 1 : 0),
  notEqual: (a, b) => (a !== b ? 1 : 0),
  less: (a, b) => (a < b ? 1 : 0),
  lessEqual: (a, b) => (a <= b ? 1 : 0),
  greater: (a, b) => (a > b ? 1 : 0),
  greaterEqual: (a, b) => (a >= b ? 1 : 0),
  reluGrad: (dy, x) => (x > 0 ? dy : 0),
  leakyReluGrad: (dy, x, p) => (x > 0 ? dy : p * dy),
  tanhGrad: (dy, y) => dy * (1 - y * y),
  sigmoidGrad: (dy, y) => dy * y * (1 - y),
  siluGrad: (dy, x) => dy * siluSlope(x),
  geluGrad: (dy, x) => dy * geluSlope(x),
};

function broadcastStrides([outer, axis, inner]: readonly [number, number, number]): [number, number, number] {
  return [outer === 1 ? 0 : axis * inner, axis === 1 ? 0 : inner, inner === 1 ? 0 : 1];
}

export const elementwise = {
  full({ y }, _inputs, _attrs, { value }) {
    y.fill(value);
  },

  unary({ y }, { x }, { n, op }, { p, q }) {
    const f = unaryOps[op];
    for (let i = 0; i < n; i++) y[i] = f(x[i], p, q);
  },

  /** An axis of size 1 is repeated: its stride is 0. */
  binary({ y }, { a, b }, { op, size, a: sizeA, b: sizeB }, { p }) {
    const f = binaryOps[op];
    const [outer, axis, inner] = size;
    const strideA = broadcastStrides(sizeA);
    const strideB = broadcastStrides(sizeB);
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (let j = 0; j < axis; j++) {
        let fromA = o * strideA[0] + j * strideA[1];
        let fromB = o * strideB[0] + j * strideB[1];
        for (let i = 0; i < inner; i++, fromA += strideA[2], fromB += strideB[2]) y[at++] = f(a[fromA], b[fromB], p);
      }
    }
  },

  where({ y }, { condition, a, b }, { n }) {
    for (let i = 0; i < n; i++) y[i] = condition[i] !== 0 ? a[i] : b[i];
  },
} satisfies Pick<KernelTable<NumberArray>, "full" | "unary" | "binary" | "where">;
