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

    it("max and min find NaN, the right zero and infinities wherever they stand, over rows and over columns", () => {
      const rest = Float32Array.from({ length: 37 }, (_, i) => -1 - (i % 5));
      const finds: readonly (readonly [found: number, kept: number])[] = [[NaN, NaN], [0, 0], [-0, -0], [Infinity, Infinity], [3, 3]];
      for (const sign of [1, -1]) {
        for (const [found, kept] of finds) {
          for (let place = 0; place < rest.length; place++) {
            const values = rest.slice();
            values[place] = found;
            if (found === 0) values[(place + 11) % 37] = -0;                   // +0 beside -0: the larger one is +0
            const line = values.map((value) => sign * value), expected = sign * (Object.is(found, -0) ? -0 : kept);
            const op = sign > 0 ? "max" : "min";
            const x = backend.upload(line, [37], "f32"), y = backend.allocate([1], "f32");
            backend.kernels.reduce({ y }, { x }, { op, outer: 1, axis: 37, inner: 1 }, {});
            expect([...backend.read(y) as Float32Array], `${op} of a row, ${found} at ${place}`).to.deep.equal([expected]);
            const columns = new Float32Array(37 * 23).fill(sign * -9);
            for (let row = 0; row < 37; row++) columns[23 * row + (place % 23)] = line[row];
            const xs = backend.upload(columns, [37, 23], "f32"), ys = backend.allocate([23], "f32");
            backend.kernels.reduce({ y: ys }, { x: xs }, { op, outer: 1, axis: 37, inner: 23 }, {});
            const want = Array.from({ length: 23 }, (_, i) => (i === place % 23 ? expected : sign * -9));
            expect([...backend.read(ys) as Float32Array], `${op} of columns, ${found} at ${place}`).to.deep.equal(want);
            for (const storage of [x, y, xs, ys]) backend.free(storage);
          }
        }
      }
    });

    it("relu keeps NaN and makes -0 a zero", () => {
      const x = backend.upload(Float32Array.of(-1, -0, 0, 2, NaN, -Infinity, Infinity), [7], "f32");
      backend.kernels.unary({ y: x }, { x }, { op: "relu", n: 7 }, { p: 0, q: 0 });
      expect([...backend.read(x) as Float32Array]).to.deep.equal([0, 0, 0, 2, NaN, 0, Infinity]);
      backend.free(x);
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
