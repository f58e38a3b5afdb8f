/** Elementwise kernels: each output element depends on one element of every input. Comparisons with NaN as the driver has them. */
import type { BinaryOp, Kernel, UnaryOp } from "../../../kernels/contract.js";
import { launch, type GpuArray } from "../engine/engine.js";
import { foldedAt, foldedPlace, foldedSpace, line, type Folded } from "../engine/space.js";

/** f(v) of a number v. */
const unaryOps: Readonly<Record<UnaryOp, string>> = {
  negative: "-v", abs: "abs(v)", sign: "sign(v)", square: "v * v", sqrt: "sqrt(v)", reciprocal: "1 / v", exp: "exp(v)", log: "log(v)",
  sin: "circle(v, 0)", cos: "circle(v, 1)", tanh: "hyperbolicTangent(v)", erf: "errorFunction(v)",
  sigmoid: "sigmoid(v)", silu: "silu(v)", gelu: "gelu(v)",
};

const NAN_WINS = "if (p !== p) { return p; } if (q !== q) { return q; }";
const truth = (condition: string): string => `if (${condition}) { return 1; } return 0;`;

/** What to return for two numbers p and q. */
const binaryOps: Readonly<Record<BinaryOp, string>> = {
  add: "return p + q;",
  subtract: "return p - q;",
  multiply: "return p * q;",
  divide: "return p / q;",
  power: "return power(p, q);",
  maximum: `${NAN_WINS} return max(p, q);`,
  minimum: `${NAN_WINS} return min(p, q);`,
  equal: truth("p === q"),
  notEqual: truth("p !== q"),
  less: truth("p < q"),
  lessEqual: truth("p <= q"),
  greater: truth("p > q"),
  greaterEqual: truth("p >= q"),
  siluGrad: "return p * siluSlope(q);",
  geluGrad: "return p * geluSlope(q);",
};

export const full: Kernel<"full", GpuArray> = (y, _inputs, { n }, { value }) => {
  launch(y, { kernel: "full", output: line(n), scalars: { value }, body: "return value;" });
};

export const unary: Kernel<"unary", GpuArray> = (y, { x }, { n, op }) => {
  launch(y, { kernel: op, output: line(n), inputs: { x: [x, line(n)] }, body: `const v = x[index]; return ${unaryOps[op]};` });
};

export const affine: Kernel<"affine", GpuArray> = (y, { x }, { n }, { scale, shift }) => {
  launch(y, {
    kernel: "affine", output: line(n), inputs: { x: [x, line(n)] }, scalars: { scale, shift }, body: "return scale * x[index] + shift;",
  });
};

/** NaN stays NaN, as in NumPy. */
export const clip: Kernel<"clip", GpuArray> = (y, { x }, { n }, { low, high }) => {
  launch(y, {
    kernel: "clip", output: line(n), inputs: { x: [x, line(n)] }, scalars: { low, high },
    body: "const v = x[index]; if (v !== v) { return v; } return min(max(v, low), high);",
  });
};

export const where: Kernel<"where", GpuArray> = (y, { condition, a, b }, { n }) => {
  launch(y, {
    kernel: "where", output: line(n), inputs: { condition: [condition, line(n)], a: [a, line(n)], b: [b, line(n)] },
    body: "if (condition[index] !== 0) { return a[index]; } return b[index];",
  });
};

/** Arrays of one size, or a number and an array, are taken as lines; otherwise a size of 1 has the coordinate 0. */
export const binary: Kernel<"binary", GpuArray> = (y, { a, b }, { op, size, a: sizeA, b: sizeB }) => {
  const n = size[0] * size[1] * size[2];
  if ([a, b].every(({ size: elements }) => elements === n || elements === 1)) {
    launch(y, {
      kernel: op, output: line(n), inputs: { a: [a, line(a.size)], b: [b, line(b.size)] },
      body: `const p = a[${a.size === n ? "index" : "0"}]; const q = b[${b.size === n ? "index" : "0"}]; ${binaryOps[op]}`,
    });
    return;
  }
  launch(y, {
    kernel: op, output: foldedSpace(size), inputs: { a: [a, foldedSpace(sizeA)], b: [b, foldedSpace(sizeB)] }, sizes: { axis: size[1] },
    body: `${foldedPlace(size, "axis")} const p = a[${repeatedAt(sizeA)}]; const q = b[${repeatedAt(sizeB)}]; ${binaryOps[op]}`,
  });
};

/** The index of (o, j, i), with 0 along every axis of size 1. */
function repeatedAt(size: Folded): string {
  const [o, j, i] = ["o", "j", "i"].map((name, axis) => (size[axis] === 1 ? "0" : name));
  return foldedAt(size, "axis", o, j, i);
}
