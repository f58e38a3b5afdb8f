import { expect } from "chai";
import { openWasm, type WasmBackend } from "../../../src/backends/wasm/index.js";
import type { UnaryOp } from "../../../src/kernels/contract.js";
import { reference } from "../reference.js";

/** Largest |y - f(x)| / |f(x)| over the range in equal steps, x in f32 and f(x) by the reference in f64. */
function relativeError(backend: WasmBackend, op: UnaryOp, low: number, high: number): number {
  const n = 20_000;
  const values = Float32Array.from({ length: n }, (_, i) => low + (high - low) * (i + 0.5) / n);
  const x = backend.upload(values, [n], "f32");
  const y = backend.allocate([n], "f32");
  backend.kernels.unary({ y }, { x }, { op, n }, { p: 0, q: 0 });
  const found = backend.read(y) as Float32Array;
  const expected = reference("unary", { x: Float64Array.from(values) }, { op, n }, { p: 0, q: 0 }).y;
  for (const storage of [x, y]) backend.free(storage);
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(found[i] - value) / Math.abs(value)), 0);
}

const ranges: readonly (readonly [UnaryOp, number, number])[] = [
  ["exp", -87, 88.7], ["sigmoid", -87, 20], ["silu", -20, 100], ["tanh", -12, 12], ["tanh", -0.01, 0.01], ["erf", -5, 5],
  ["erf", -0.01, 0.01], ["gelu", 0.001, 8], ["gelu", -3, -0.001], ["log", 0.001, 100], ["sin", 0.01, 3.1], ["cos", -1.5, 1.5],
  ["sqrt", 0.001, 100], ["reciprocal", 0.001, 100],
];

for (const deterministic of [false, true]) {
  describe(`functions of the wasm device${deterministic ? ", base SIMD" : ""}`, () => {
    let backend: WasmBackend;
    before(async () => void (backend = await openWasm({ threads: 1, deterministic })));
    after(() => backend.dispose());

    for (const [op, low, high] of ranges) {
      it(`${op} has a relative error of at most 1e-6 from ${low} to ${high}`, () => {
        expect(relativeError(backend, op, low, high)).to.be.at.most(1e-6);
      });
    }

    it("exp ends in 0 and Infinity and has the subnormal numbers between", () => {
      const values = Float32Array.of(-Infinity, -200, -100, 0, 88.8, 200, Infinity, NaN);
      const x = backend.upload(values, [8], "f32");
      backend.kernels.unary({ y: x }, { x }, { op: "exp", n: 8 }, { p: 0, q: 0 });
      const [lowest, low, subnormal, one, ...high] = backend.read(x) as Float32Array;
      expect([lowest, low, one, ...high]).to.deep.equal([0, 0, 1, Infinity, Infinity, Infinity, NaN]);
      expect(subnormal).to.be.closeTo(Math.exp(-100), 2e-45);
    });

    it("softmax gives exact zeros where x is -Infinity, and NaN throughout a row with one", () => {
      const x = backend.upload(Float32Array.of(0, -Infinity, 0, 0, -Infinity, 1, NaN, 1, 1, 1), [2, 5], "f32");
      const y = backend.allocate([2, 5], "f32");
      backend.kernels.softmax({ y }, { x }, { rows: 2, n: 5 }, {});
      const found = [...backend.read(y) as Float32Array];
      expect(found.slice(0, 5)).to.deep.equal([1 / 3, 0, 1 / 3, 1 / 3, 0].map(Math.fround));
      expect(found.slice(5)).to.deep.equal([NaN, NaN, NaN, NaN, NaN]);
    });

    it("raise is power with one exponent, bit for bit, and over a true division", () => {
      const values = Float32Array.of(-2, -1, -0, 0, 0.5, 1, 3, Infinity, -Infinity, NaN, 1e-40, 7), n = values.length;
      const x = backend.upload(values, [n], "f32");
      const [y, z, b] = [1, 2, 3].map(() => backend.allocate([n], "f32"));
      const size = [1, 1, n] as const;
      for (const p of [0, 1, 2, 3, -1, 0.5, -0.5, 1 / 3, 10, Infinity, NaN]) {
        backend.kernels.full({ y: b }, {}, { n }, { value: p });
        for (const [one, two] of [["raise", "power"], ["over", "divide"]] as const) {
          backend.kernels.unary({ y }, { x }, { op: one, n }, { p, q: 0 });
          backend.kernels.binary({ y: z }, { a: x, b }, { op: two, size, a: size, b: size }, { p: 0 });
          expect(backend.read(y), `${one} ${p}`).to.deep.equal(backend.read(z));
        }
      }
    });

    it("NaN wins maxima, minima and clip, as in NumPy", () => {
      const x = backend.upload(Float32Array.of(1, NaN, 3, 4, 5, 6), [6], "f32");
      const y = backend.allocate([6], "f32");
      const read = (n: number): number[] => [...(backend.read(y) as Float32Array).slice(0, n)];
      for (const op of ["max", "min"] as const) {
        backend.kernels.reduce({ y }, { x }, { op, outer: 1, axis: 6, inner: 1 }, {});
        expect(read(1), op).to.deep.equal([NaN]);
        backend.kernels.reduce({ y }, { x }, { op, outer: 1, axis: 3, inner: 2 }, {});
        expect(read(2), op).to.deep.equal([op === "max" ? 5 : 1, NaN]);
      }
      backend.kernels.reduce({ y }, { x }, { op: "argmax", outer: 1, axis: 6, inner: 1 }, {});
      expect(read(1)).to.deep.equal([1]);
      backend.kernels.unary({ y }, { x }, { op: "clip", n: 6 }, { p: 2, q: 5 });
      expect(read(6)).to.deep.equal([2, NaN, 3, 4, 5, 5]);
    });
  });
}
