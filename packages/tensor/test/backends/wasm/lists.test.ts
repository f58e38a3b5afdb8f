import { expect } from "chai";
import { openWasm, type WasmBackend } from "../../../src/backends/wasm/index.js";
import type { Storage } from "../../../src/backends/wasm/machine/machine.js";
import { Random } from "../../../src/random/random.js";

/** Shorter than a vector, in the middle of chunks, and cut by several of them. */
const sizes = [1, 3, 8, 4096, 40_001, 7, 70_000, 32, 5];
const scalars = {
  lr: 1e-3, beta1: 0.9, beta2: 0.99, eps: 1e-8, correction1: 0.1, correction2: 0.01, weightDecay: 0.01, gradScale: 0.5,
};

const made = (seed: number): Float32Array[] => sizes.map((n, i) => Float32Array.from(new Random(seed, i).uniform(n)));
const upload = (backend: WasmBackend, seed: number): Storage[] =>
  made(seed).map((values, i) => backend.upload(values, [sizes[i]], "f32"));

describe("lists of tensors on the wasm device", () => {
  for (const threads of [1, 2]) {
    let backend: WasmBackend;
    before(async () => void (backend = await openWasm({ threads })));
    after(() => backend.dispose());
    const read = (storages: readonly Storage[]): Float32Array[] => storages.map((storage) => backend.read(storage) as Float32Array);

    it(`are updated by adam and ema as each tensor by itself, bit for bit, ${threads} threads`, () => {
      const [p, m, v, g] = [1, 2, 3, 4].map((seed) => upload(backend, seed));
      const [p1, m1, v1, g1] = [1, 2, 3, 4].map((seed) => upload(backend, seed));
      backend.kernels.adam({ p, m, v }, { p, m, v, g }, { sizes }, scalars);
      sizes.forEach((n, i) => {
        const one = { p: [p1[i]], m: [m1[i]], v: [v1[i]] };
        backend.kernels.adam(one, { ...one, g: [g1[i]] }, { sizes: [n] }, scalars);
      });
      for (const [all, single] of [[p, p1], [m, m1], [v, v1], [g, g1]]) expect(read(all)).to.deep.equal(read(single));
      backend.kernels.ema({ target: p }, { target: p, source: g }, { sizes }, { decay: 0.9 });
      sizes.forEach((n, i) => {
        backend.kernels.ema({ target: [p1[i]] }, { target: [p1[i]], source: [g1[i]] }, { sizes: [n] }, { decay: 0.9 });
      });
      expect(read(p)).to.deep.equal(read(p1));
    });

    for (const decay of [0.9, 0]) {
      it(`are updated by adam and an average in one pass as in two, bit for bit, decay ${decay}, ${threads} threads`, () => {
        const [p, m, v, g, target] = [1, 2, 3, 4, 5].map((seed) => upload(backend, seed));
        const [p1, m1, v1, g1, target1] = [1, 2, 3, 4, 5].map((seed) => upload(backend, seed));
        backend.kernels.adamEma!({ p, m, v, target }, { p, m, v, g, target }, { sizes }, { ...scalars, decay });
        backend.kernels.adam({ p: p1, m: m1, v: v1 }, { p: p1, m: m1, v: v1, g: g1 }, { sizes }, scalars);
        backend.kernels.ema({ target: target1 }, { target: target1, source: p1 }, { sizes }, { decay });
        for (const [one, two] of [[p, p1], [m, m1], [v, v1], [g, g1], [target, target1]]) expect(read(one)).to.deep.equal(read(two));
      });
    }

    it(`give one sum of squares, rounded once, ${threads} threads`, () => {
      const x = upload(backend, 5), y = backend.allocate([1], "f32");
      backend.kernels.sumSquares({ y }, { x }, { sizes }, {});
      const exact = made(5).flatMap((values) => [...values]).reduce((sum, value) => sum + value * value, 0);
      expect(Math.abs((backend.read(y) as Float32Array)[0] / exact - 1)).to.be.at.most(1e-7);
    });
  }
});
