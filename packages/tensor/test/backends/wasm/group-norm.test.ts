import { expect } from "chai";
import { openWasm, type WasmBackend } from "../../../src/backends/wasm/index.js";
import type { GroupNormAttrs } from "../../../src/kernels/contract.js";
import { Random } from "../../../src/random/random.js";
import { reference } from "../reference.js";

/** Largest relative error of the reciprocal standard deviations, by `groupNormStats` and by `groupNormWithStats`. */
function rstdErrors(backend: WasmBackend, values: Float32Array, attrs: GroupNormAttrs): number[] {
  const { n, hw, c, groups } = attrs;
  const x = backend.upload(values, [n, hw, c], "f32");
  const gamma = backend.upload(new Float32Array(c).fill(1), [c], "f32"), beta = backend.upload(new Float32Array(c), [c], "f32");
  const y = backend.allocate([n, hw, c], "f32");
  const [alone, together] = [1, 2].map(() => backend.allocate([n, groups, 2], "f32"));
  backend.kernels.groupNormStats({ stats: alone }, { x }, attrs, { eps: 1e-5 });
  backend.kernels.groupNormWithStats?.({ y, stats: together }, { x, gamma, beta }, attrs, { eps: 1e-5 });
  const { stats: exact } = reference("groupNormStats", { x: Float64Array.from(values) }, attrs, { eps: 1e-5 });
  const errors = [alone, together].map((stats) => {
    const found = backend.read(stats) as Float32Array;
    return exact.reduce((worst, value, i) => (i % 2 === 1 ? Math.max(worst, Math.abs(found[i] / value - 1)) : worst), 0);
  });
  for (const storage of [x, gamma, beta, y, alone, together]) backend.free(storage);
  return errors;
}

describe("statistics of group normalisation on the wasm device", () => {
  const shapes: readonly GroupNormAttrs[] = [
    { n: 2, hw: 1024, c: 32, groups: 8 }, { n: 1, hw: 4096, c: 8, groups: 8 }, { n: 3, hw: 9000, c: 5, groups: 1 },
  ];
  /** What is far from all the other numbers, in standard deviations, and where: pixels of each image. */
  const outliers: readonly (readonly [size: number, where: string, is: (pixel: number, hw: number) => boolean])[] = [
    [30, "the first pixel", (pixel) => pixel === 0], [1000, "the first pixel", (pixel) => pixel === 0],
    [1000, "the last pixel", (pixel, hw) => pixel === hw - 1], [1000, "a pixel in the middle", (pixel, hw) => pixel === hw >> 1],
    [1e4, "the first pixel", (pixel) => pixel === 0], [100, "the first eighth", (pixel, hw) => pixel < hw / 8],
    [1000, "every fifth pixel", (pixel) => pixel % 5 === 0], [1000, "a pixel of 512", (pixel) => pixel % 512 === 0],
    [1000, "all pixels", () => true],
  ];
  for (const threads of [1, 2]) {
    for (const [size, where, is] of outliers) {
      it(`have an error of at most 2e-6 where the distance of ${where} is ${size}, ${threads} threads`, async () => {
        const backend = await openWasm({ threads });
        for (const attrs of shapes) {
          const { n, hw, c } = attrs;
          const values = Float32Array.from(new Random(5).normal(n * hw * c));
          values.forEach((value, i) => { if (is(Math.floor(i / c) % hw, hw)) values[i] = value + size; });
          for (const error of rstdErrors(backend, values, attrs)) expect(error, JSON.stringify(attrs)).to.be.at.most(2e-6);
        }
        await backend.dispose();
      });
    }
  }

  it("are the same bits alone and together with the result, image by image and in rounds over blocks", async () => {
    for (const attrs of [{ n: 3, hw: 2001, c: 24, groups: 4 }, { n: 8, hw: 49, c: 32, groups: 8 }]) {
      const { n, hw, c, groups } = attrs;
      const values = Float32Array.from(new Random(6).normal(n * hw * c));
      const found: Float32Array[] = [];
      for (const threads of [1, 2]) { // 3 images: one by one with one thread, in rounds with two
        const backend = await openWasm({ threads, deterministic: true });
        const x = backend.upload(values, [n, hw, c], "f32");
        const gamma = backend.upload(values.slice(0, c), [c], "f32"), beta = backend.upload(values.slice(c, 2 * c), [c], "f32");
        const [y, z] = [1, 2].map(() => backend.allocate([n, hw, c], "f32"));
        const [alone, together] = [1, 2].map(() => backend.allocate([n, groups, 2], "f32"));
        backend.kernels.groupNormSiluWithStats?.({ y, stats: together }, { x, gamma, beta }, attrs, { eps: 1e-5 });
        backend.kernels.groupNormStats({ stats: alone }, { x }, attrs, { eps: 1e-5 });
        backend.kernels.groupNormSilu?.({ y: z }, { x, stats: alone, gamma, beta }, attrs, {});
        const [fused, stats, composed, apart] = [y, together, z, alone].map((storage) => backend.read(storage) as Float32Array);
        expect(fused).to.deep.equal(composed);
        expect(stats).to.deep.equal(apart);
        found.push(fused);
        await backend.dispose();
      }
      expect(found[0]).to.deep.equal(found[1]);
    }
  });
});
