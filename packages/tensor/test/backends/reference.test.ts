import { expect } from "chai";
import { openReference } from "../../src/backends/reference/index.js";
import { DeviceError } from "../../src/core/errors.js";
import { binaryOps, unaryOps, type BinaryOp, type ReduceOp, type UnaryOp } from "../../src/kernels/contract.js";
import { conformanceError } from "./conformance.js";
import { dot, expectDefinition, sum } from "./definitions.js";
import { inputsFor, reference, scalarsFor } from "./reference.js";
import { binarySpecs, tabulated, unarySpecs } from "./spec/elementwise.js";
import { specs } from "./spec/index.js";

const { p, q } = tabulated;

const unary = (op: UnaryOp, ...x: number[]): number[] =>
  [...reference("unary", { x: Float64Array.from(x) }, { op, n: x.length }, { p, q }).y];

function binary(op: BinaryOp, a: readonly number[], b: readonly number[]): number[] {
  const size = [1, 1, a.length] as const;
  return [...reference("binary", { a: Float64Array.from(a), b: Float64Array.from(b) }, { op, size, a: size, b: size }, { p }).y];
}

const reduce = (op: ReduceOp, ...x: number[]): number =>
  reference("reduce", { x: Float64Array.from(x) }, { op, outer: 1, axis: x.length, inner: 1 }, {}).y[0];

describe("reference backend, elementwise", () => {
  for (const op of unaryOps) {
    it(`${op} has tabulated values`, () => {
      expect(conformanceError(unary(op, ...tabulated.x), unarySpecs[op].values)).to.be.below(1e-15);
    });
  }

  for (const op of binaryOps) {
    it(`${op} has tabulated values`, () => {
      expect(conformanceError(binary(op, tabulated.a, tabulated.b), binarySpecs[op].values)).to.be.below(1e-14);
    });
  }

  it("siluGrad and geluGrad are the slopes of silu and gelu", () => {
    for (const x of [-6, -2, -0.3, 0, 0.7, 1.5, 5]) {
      for (const [op, grad] of [["silu", "siluGrad"], ["gelu", "geluGrad"]] as const) {
        const [high, low] = unary(op, x + 1e-5, x - 1e-5);
        expect(binary(grad, [3], [x])[0] / 3, `${grad} at ${x}`).to.be.closeTo((high - low) / 2e-5, 1e-9);
      }
    }
  });

  it("saturates without overflow for large arguments", () => {
    expect(unary("sigmoid", -1000, 1000)).to.deep.equal([0, 1]);
    for (const op of ["silu", "gelu"] as const) expect(conformanceError(unary(op, -1000, 1000), [0, 1000]), op).to.equal(0);
    for (const op of ["siluGrad", "geluGrad"] as const) {
      expect(conformanceError(binary(op, [1, 1], [-1000, 1000]), [0, 1]), op).to.equal(0);
    }
    expect(conformanceError(unary("sigmoid", -30), [9.357622968839299e-14])).to.be.below(1e-15);
    expect(conformanceError(unary("silu", -30), [-2.8072868906517897e-12])).to.be.below(1e-15);
  });

  it("NaN wins maximum and minimum and passes clip; it equals nothing", () => {
    expect(binary("maximum", [NaN, 1], [1, NaN])).to.deep.equal([NaN, NaN]);
    expect(binary("minimum", [NaN, 1], [1, NaN])).to.deep.equal([NaN, NaN]);
    expect(binary("equal", [NaN], [NaN])).to.deep.equal([0]);
    expect(binary("notEqual", [NaN], [NaN])).to.deep.equal([1]);
    expect([...reference("unary", { x: Float64Array.of(NaN, -5, 0.5, 5) }, { op: "clip", n: 4 }, { p: -1, q: 2 }).y])
      .to.deep.equal([NaN, -1, 0.5, 2]);
  });

  it("binary repeats sizes of 1 in all 27 patterns, the second operand on the right", () => {
    const place = (size: readonly number[], index: readonly number[]) => index.map((i, axis) => Math.min(i, size[axis] - 1));
    const f: Partial<Record<BinaryOp, (a: number, b: number) => number>> = {
      subtract: (a, b) => a - b, multiply: (a, b) => a * b, divide: (a, b) => a / b,
    };
    const one = [1, 1, 1] as const;
    expectDefinition("binary", ({ a, b }, { op, a: sizeA, b: sizeB }, scalars) => (...index) => {
      const [u, v] = [a(...place(sizeA, index)), b(...place(sizeB, index))];
      const alone = { a: Float64Array.of(u), b: Float64Array.of(v) };
      return f[op]?.(u, v) ?? reference("binary", alone, { op, size: one, a: one, b: one }, scalars).y[0];
    });
  });

  it("full, affine, clip, over, raise and where follow their equations", () => {
    expectDefinition("full", (_, __, { value }) => () => value);
    const f: Partial<Record<UnaryOp, (x: number, p: number, q: number) => number>> = {
      affine: (x, p, q) => p * x + q, clip: (x, p, q) => (x < p ? p : x > q ? q : x), over: (x, p) => x / p,
      raise: (x, p) => Math.exp(p * Math.log(x)),
    };
    expectDefinition("unary", ({ x }, { op }, scalars) => (i) =>
      f[op]?.(x(i), scalars.p, scalars.q) ?? reference("unary", { x: Float64Array.of(x(i)) }, { op, n: 1 }, scalars).y[0]);
    expectDefinition("where", ({ condition, a, b }) => (i) => (condition(i) === 0 ? b(i) : a(i)));
  });
});

describe("reference backend, reductions", () => {
  it("have tabulated values; argmax is the first of equal maxima", () => {
    expect(reduce("sum", 1, -2, 4.5)).to.equal(3.5);
    expect(reduce("max", 1, -2, 4.5)).to.equal(4.5);
    expect(reduce("min", 1, -2, 4.5)).to.equal(-2);
    expect(reduce("argmax", 1, 4.5, -2, 4.5)).to.equal(1);
    expect(reduce("argmax", -Infinity, -Infinity)).to.equal(0);
  });

  it("NaN wins max and min, and argmax gives the first NaN", () => {
    expect([reduce("max", 1, NaN, 2), reduce("min", NaN, 1, 2), reduce("sum", 1, NaN)]).to.deep.equal([NaN, NaN, NaN]);
    expect([reduce("argmax", 1, NaN, 2, NaN), reduce("argmax", NaN, 1), reduce("argmax", 1, 2, NaN)]).to.deep.equal([1, 0, 2]);
  });

  it("follow their definitions along the middle axis", () => {
    const folds: Readonly<Record<ReduceOp, (column: number[]) => number>> = {
      sum: (column) => column.reduceRight((a, b) => a + b),
      max: (column) => [...column].sort((a, b) => b - a)[0],
      min: (column) => [...column].sort((a, b) => a - b)[0],
      argmax: (column) => column.indexOf(Math.max(...column)),
    };
    expectDefinition("reduce", ({ x }, { axis, op }) => (o, i) => folds[op](Array.from({ length: axis }, (_, a) => x(o, a, i))));
    for (const [seed, attrs] of specs.sumSquares.cases.entries()) {
      const { x } = inputsFor("sumSquares", attrs, seed);
      const backwards = x.flatMap((values) => [...values]).reverse();
      const total = sum(backwards.length, (i) => backwards[i] ** 2);
      expect(conformanceError(reference("sumSquares", { x }, attrs, {}).y, [total])).to.be.below(1e-12);
    }
  });

  it("sum in doubles also where the storage is f32", () => {
    const x = new Float32Array(4097).fill(2 ** -24).fill(1, 0, 1);
    const y = new Float32Array(1);
    openReference().kernels.reduce({ y }, { x }, { op: "sum", outer: 1, axis: 4097, inner: 1 }, {});
    expect(y[0]).to.equal(1 + 2 ** -12);
  });
});

describe("reference backend, layout", () => {
  it("expand, slice, pad and concat follow their index equations", () => {
    expectDefinition("expand", ({ x }) => (o, _, i) => x(o, i));
    expectDefinition("slice", ({ x }, _, { start }) => (o, a, i) => x(o, start + a, i));
    expectDefinition("pad", ({ x }, { axis, before }, { value }) => (o, a, i) =>
      (a < before || a >= before + axis ? value : x(o, a - before, i)));
    expectDefinition("concat", ({ a, b }, { axisA }) => (o, j, i) => (j < axisA ? a(o, j, i) : b(o, j - axisA, i)));
  });

  it("permute puts axis order[j] of x at place j", () => {
    expectDefinition("permute", ({ x }, { order }) => (...index) => {
      const from: number[] = [];
      for (const [j, axis] of order.entries()) from[axis] = index[j];
      return x(...from);
    });
  });

  it("gather picks and scatterAdd adds up by index", () => {
    expectDefinition("gather", ({ x, index }) => (o, j, i) => x(o, index(j), i));
    expectDefinition("scatterAdd", ({ x, index }, { count }) => (o, a, i) =>
      sum(count, (j) => (index(j) === a ? x(o, j, i) : 0)));
  });

  it("scatterAdd is the adjoint of gather", () => {
    for (const [seed, attrs] of specs.gather.cases.entries()) {
      const { x, index } = inputsFor("gather", attrs, seed);
      const { x: dy } = inputsFor("scatterAdd", attrs, seed + 100);
      const y = reference("gather", { x, index }, attrs, {}).y;
      const dx = reference("scatterAdd", { x: dy, index }, attrs, {}).y;
      expect(dot(dy, y)).to.be.closeTo(dot(dx, x), 1e-10);
    }
  });
});

describe("reference backend, matmul", () => {
  it("is the triple sum over indices in the four transposed forms", () => {
    expectDefinition("matmul", ({ a, b }, { k, transposeA, transposeB }) => (s, i, j) =>
      sum(k, (l) => (transposeA ? a(s, l, i) : a(s, i, l)) * (transposeB ? b(s, j, l) : b(s, l, j))));
  });

  it("multiplies two matrices as on paper", () => {
    const attrs = { batch: 1, m: 2, k: 3, n: 2, transposeA: false, transposeB: false };
    const y = reference("matmul", { a: Float64Array.of(1, 2, 3, 4, 5, 6), b: Float64Array.of(7, 8, 9, 10, 11, 12) }, attrs, {}).y;
    expect([...y]).to.deep.equal([58, 64, 139, 154]);
  });
});

describe("reference backend, updates", () => {
  const vector = (...values: number[]) => Float64Array.from(values);

  it("the first Adam step moves each weight by lr against the sign of its gradient", () => {
    const scalars = {
      lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 0, correction1: 1 - 0.9, correction2: 1 - 0.999, weightDecay: 0, gradScale: 1,
    };
    const inputs = { p: [vector(1, 2)], m: [vector(0, 0)], v: [vector(0, 0)], g: [vector(0.5, -4)] };
    const { p: [p], m: [m], v: [v] } = reference("adam", inputs, { sizes: [2] }, scalars);
    expect(conformanceError(p, [0.9, 2.1])).to.be.below(1e-14);
    expect(conformanceError(m, [0.05, -0.4])).to.be.below(1e-15);
    expect(conformanceError(v, [0.00025, 0.016])).to.be.below(1e-14);
  });

  it("Adam uses every scalar as its equation says", () => {
    for (const [seed, attrs] of specs.adam.cases.entries()) {
      const { p, m, v, g } = inputsFor("adam", attrs, seed);
      const scalars = scalarsFor("adam", attrs, seed);
      const { lr, beta1, beta2, eps, correction1, correction2, weightDecay, gradScale } = scalars;
      const after = reference("adam", { p, m, v, g }, attrs, scalars);
      for (let k = 0; k < attrs.sizes.length; k++) {
        const gs = g[k].map((value) => value * gradScale);
        const mRef = m[k].map((value, i) => value + (1 - beta1) * (gs[i] - value));
        const vRef = v[k].map((value, i) => value + (1 - beta2) * (gs[i] ** 2 - value));
        const pRef = p[k].map((value, i) => {
          const direction = mRef[i] / correction1 / (eps + Math.sqrt(vRef[i] / correction2));
          return value - lr * (direction + weightDecay * value);
        });
        expect(conformanceError(after.m[k], mRef)).to.be.below(1e-14);
        expect(conformanceError(after.v[k], vRef)).to.be.below(1e-14);
        expect(conformanceError(after.p[k], pRef)).to.be.below(1e-14);
      }
    }
  });

  it("ema moves the target towards the source, assign copies it", () => {
    const [target, source] = [vector(1, -2), vector(3, 2)];
    const [moved] = reference("ema", { target: [target], source: [source] }, { sizes: [2] }, { decay: 0.75 }).target;
    expect([...moved]).to.deep.equal([1.5, -1]);
    expect([...reference("assign", { target, source }, { n: 2 }, {}).target]).to.deep.equal([3, 2]);
  });
});

describe("reference backend, storage", () => {
  const backend = openReference();

  it("copies on upload and on read", () => {
    const values = Float64Array.of(1, 2);
    const storage = backend.upload(values, [2], "f64");
    values[0] = 9;
    const read = backend.read(storage) as Float64Array;
    read[1] = 9;
    expect([...storage]).to.deep.equal([1, 2]);
  });

  it("rounds to f32 on upload where the dtype says so", () => {
    expect(backend.upload(Float64Array.of(0.1), [1], "f32")).to.deep.equal(Float32Array.of(0.1));
    expect(backend.allocate([2, 3], "f64")).to.deep.equal(new Float64Array(6));
  });

  it("names the bytes when there is no room", () => {
    expect(() => backend.allocate([2 ** 25, 2 ** 25], "f32"))
      .to.throw(DeviceError, "reference: no room for 4503599627370496 bytes");
  });
});
