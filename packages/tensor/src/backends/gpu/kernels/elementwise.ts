/** Elementwise kernels: each output element depends on one element of every input. Comparisons with NaN as the driver has them. */
import type { BinaryOp, KernelTable, UnaryOp } from "../../../kernels/contract.js";
import { launch, type GpuArray } from "../engine/engine.js";
import { foldedAt, foldedPlace, foldedSpace, line, type Folded } from "../engine/space.js";

/** What to return for a number v; p and q are arguments of the kernels that name them. */
const unaryBodies: Readonly<Record<UnaryOp, string>> = {
  negative: "return -v;",
  abs: "return abs(v);",
  sign: "return sign(v);",
  square: "return v * v;",
  sqrt: "return sqrt(v);",
  reciprocal: "return 1 / v;",
  exp: "return exp(v);",
  log: "return log(v);",
  sin: "return circle(v, 0);",
  cos: "return circle(v, 1);",
  tanh: "return hyperbolicTangent(v);",
  erf: "return errorFunction(v);",
  sigmoid: "return sigmoid(v);",
  silu: "return silu(v);",
  gelu: "return gelu(v);",
  affine: "return p * v + q;",
  clip: "if (v !== v) { return v; } return min(max(v, p), q);", // NaN stays NaN, as in NumPy
  over: "return v / p;",
  raise: "return power(v, p);",
  leakyRelu: "if (v > 0) { return v; } return p * v;",
  relu: "if (v !== v) { return v; } return max(v, 0);",
};

const NAN_WINS = "if (u !== u) { return u; } if (v !== v) { return v; }";
const truth = (condition: string): string => `if (${condition}) { return 1; } return 0;`;

/** What to return for two numbers u and v; p is an argument of the kernels that name it. */
const binaryBodies: Readonly<Record<BinaryOp, string>> = {
  add: "return u + v;",
  subtract: "return u - v;",
  multiply: "return u * v;",
  divide: "return u / v;",
  power: "return power(u, v);",
  maximum: `${NAN_WINS} return max(u, v);`,
  minimum: `${NAN_WINS} return min(u, v);`,
  equal: truth("u === v"),
  notEqual: truth("u !== v"),
  less: truth("u < v"),
  lessEqual: truth("u <= v"),
  greater: truth("u > v"),
  greaterEqual: truth("u >= v"),
  reluGrad: "if (v > 0) { return u; } return 0;",
  leakyReluGrad: "if (v > 0) { return u; } return p * u;",
  tanhGrad: "return u * (1 - v * v);",
  sigmoidGrad: "return u * v * (1 - v);",
  siluGrad: "return u * siluSlope(v);",
  geluGrad: "return u * geluSlope(v);",
};

/** Those of the scalars that a body names. */
function named(body: string, scalars: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(scalars).filter(([name]) => new RegExp(`\\b${name}\\b`).test(body)));
}

/** The index of (o, j, i), with 0 along every axis of size 1. */
function repeatedAt(size: Folded): string {
  const [o, j, i] = ["o", "j", "i"].map((name, axis) => (size[axis] === 1 ? "0" : name));
  return foldedAt(size, "axis", o, j, i);
}

export const elementwise = {
  full({ y }, _inputs, { n }, { value }) {
    launch(y, { kernel: "full", output: line(n), scalars: { value }, body: "return value;" });
  },

  unary({ y }, { x }, { op, n }, scalars) {
    const body = unaryBodies[op];
    launch(y, {
      kernel: op, output: line(n), inputs: { x: [x, line(n)] }, scalars: named(body, scalars), body: `const v = x[index]; ${body}`,
    });
  },

  /** Where both fill one axis, or one of them is a single number, arrays are lines; otherwise a size of 1 has the coordinate 0. */
  binary({ y }, { a, b }, { op, size, a: sizeA, b: sizeB }, scalars) {
    const body = binaryBodies[op];
    const [, axis, n] = size;
    if (axis === 1) {
      const at = (elements: number): string => (elements === n ? "index" : "0");
      launch(y, {
        kernel: op, output: line(n), inputs: { a: [a, line(sizeA[2])], b: [b, line(sizeB[2])] }, scalars: named(body, scalars),
        body: `const u = a[${at(sizeA[2])}]; const v = b[${at(sizeB[2])}]; ${body}`,
      });
      return;
    }
    launch(y, {
      kernel: op, output: foldedSpace(size), inputs: { a: [a, foldedSpace(sizeA)], b: [b, foldedSpace(sizeB)] },
      sizes: { axis }, scalars: named(body, scalars),
      body: `${foldedPlace(size, "axis")} const u = a[${repeatedAt(sizeA)}]; const v = b[${repeatedAt(sizeB)}]; ${body}`,
    });
  },

  where({ y }, { condition, a, b }, { n }) {
    launch(y, {
      kernel: "where", output: line(n), inputs: { condition: [condition, line(n)], a: [a, line(n)], b: [b, line(n)] },
      body: "if (condition[index] !== 0) { return a[index]; } return b[index];",
    });
  },
} satisfies Pick<KernelTable<GpuArray>, "full" | "unary" | "binary" | "where">;
