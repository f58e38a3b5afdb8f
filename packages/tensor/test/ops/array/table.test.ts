import { expect } from "chai";
import { Device, openDevice, type DType, type NumberArray } from "../../../src/index.js";
import * as ops from "../../../src/ops/index.js";
import { openStrict } from "../../strict-backend.js";
import { applyOp, argumentsOf, cases, type Case } from "./expected.js";

/** Largest error relative to the largest expected value (to 1 at least); 0 for equal values, NaN and infinities included. */
function worstError(values: NumberArray, expected: readonly number[]): number {
  const scale = expected.reduce((largest, value) => (Number.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest), 1);
  return expected.reduce((worst, value, i) => {
    const same = values[i] === value || (Number.isNaN(values[i]) && Number.isNaN(value));
    const error = same ? 0 : Math.abs(values[i] - value) / scale;
    return Math.max(worst, Number.isNaN(error) ? Infinity : error);
  }, 0);
}

const tolerances = { f64: 1e-14, f32: 2e-6 } as const;

async function check(entry: Case, device: Device, dtype: DType): Promise<void> {
  const label = `${entry.op}(${entry.args.map((arg) => JSON.stringify(arg)).join(", ")}) in ${dtype}`;
  const results = applyOp(entry, argumentsOf(entry, device, dtype));
  expect(results.length, label).to.equal(entry.gives.length);
  for (const [i, { shape, values }] of entry.gives.entries()) {
    expect(results[i].shape, label).to.deep.equal(shape);
    expect(results[i].dtype, label).to.equal(dtype);
    const got = await results[i].data();
    const difference = `${label}: got ${got.join(" ")}, NumPy gives ${values.join(" ")}`;
    expect(worstError(got, values), difference).to.be.at.most(tolerances[dtype]);
  }
}

describe("ndarray functions give what NumPy gives", () => {
  for (const op of new Set(cases.map((entry) => entry.op))) {
    const table = cases.filter((entry) => entry.op === op);
    it(`${op} in ${table.length} cases, f64 and f32`, async () => {
      const device = await openDevice("reference");
      for (const entry of table) for (const dtype of ["f64", "f32"] as const) await check(entry, device, dtype);
    });
  }

  it("the table misses no function but those with tests of their own", () => {
    const elsewhere = ["randomNormal", "randomUniform", "format", "allClose", "cast", "to"];
    const ndarray = [
      "add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "where", "clip",
      "equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual",
      "negative", "abs", "sign", "square", "sqrt", "reciprocal", "exp", "log", "sin", "cos", "tanh", "sigmoid", "erf",
      "sum", "mean", "variance", "max", "min", "argmax", "reshape", "permute", "transpose", "expandDims", "squeeze",
      "slice", "split", "pad", "broadcastTo", "sumTo", "flip", "clone", "concat", "stack", "gather", "matmul",
      "tensor", "zeros", "ones", "full", "zerosLike", "onesLike", "arange", "linspace", "eye", "oneHot",
    ];
    for (const name of [...ndarray, ...elsewhere]) expect(ops, name).to.have.property(name);
    for (const name of ndarray) expect(cases.some(({ op }) => op === name), name).to.equal(true);
  });
});

describe("ndarray functions keep the contract of kernels", () => {
  it("no empty, misfitting, freed or uncanonical array reaches a backend, and nothing leaks", async () => {
    const backend = openStrict();
    const device = Device.over("strict", backend);
    for (const entry of cases) {
      const before = device.memory();
      const results = device.scope(() => applyOp(entry, argumentsOf(entry, device, "f32")));
      for (const [i, { values }] of entry.gives.entries()) {
        expect(worstError(await results[i].data(), values), entry.op).to.be.at.most(tolerances.f32);
      }
      for (const y of results) y.dispose();
      expect(device.memory(), entry.op).to.deep.equal({ ...before, peakBytes: device.memory().peakBytes });
    }
    expect(backend.live()).to.equal(0);
  });

  it("temporaries made inside an op are gone when it returns, without a scope around it", async () => {
    const device = await openDevice("reference");
    for (const entry of cases) {
      const args = argumentsOf(entry, device, "f32");
      const before = device.memory().tensors;
      const results = applyOp(entry, args);
      expect(device.memory().tensors - before, `${entry.op} ${JSON.stringify(entry.args)}`).to.equal(results.length);
    }
  });
});
