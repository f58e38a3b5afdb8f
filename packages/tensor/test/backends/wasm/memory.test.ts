import { expect } from "chai";
import { openWasm, type WasmBackend } from "../../../src/backends/wasm/index.js";
import { DeviceError } from "../../../src/core/errors.js";
import { Random } from "../../../src/random/random.js";
import { thrown } from "../../thrown.js";

describe("memory of the wasm device", () => {
  for (const threads of [1, 2]) {
    describe(`with ${threads === 1 ? "1 thread" : "2 threads"}`, () => {
      let backend: WasmBackend;
      before(async () => void (backend = await openWasm({ threads })));
      after(() => backend.dispose());

      it("names the tensor and the bytes where 4 GiB would be passed, and goes on working", async () => {
        const error = thrown(() => backend.allocate([1024, 1024, 1025], "f32"));
        expect(error).to.be.instanceOf(DeviceError);
        expect(error.message.split("\n").slice(0, 2)).to.deep.equal([
          "wasm: no room for 4299161600 bytes", "  for      a tensor f32 [1024, 1024, 1025]",
        ]);
        expect(error.message).to.match(/\n {2}in use {3}\d+ of \d+ bytes\n {2}limit {4}4 GiB/);
        const x = backend.upload(Float32Array.of(1, 2, 3), [3], "f32");
        backend.kernels.unary({ y: x }, { x }, { op: "square", n: 3 }, { p: 0, q: 0 });
        expect([...backend.read(x) as Float32Array]).to.deep.equal([1, 4, 9]);
        backend.free(x);
      });

      it("keeps values when it grows, and what was read before stays as it was", () => {
        const values = Float32Array.from({ length: 1000 }, (_, i) => i);
        const x = backend.upload(values, [1000], "f32");
        const early = backend.read(x) as Float32Array;
        const before = backend.memory().bytes;
        const large = backend.allocate([8 * 2 ** 20], "f32");
        expect(backend.memory().bytes).to.be.above(before);
        expect(backend.read(x)).to.deep.equal(values);
        const y = backend.allocate([1000], "f32");
        backend.kernels.unary({ y }, { x }, { op: "affine", n: 1000 }, { p: 2, q: 1 });
        backend.kernels.full({ y: x }, {}, { n: 1000 }, { value: 7 });
        expect(early).to.deep.equal(values);
        expect((backend.read(y) as Float32Array)[999]).to.equal(1999);
        for (const storage of [x, y, large]) backend.free(storage);
      });

      it("gives back what arrays took", () => {
        const { used } = backend.memory();
        const arrays = [1, 100, 100_000].map((n) => backend.allocate([n], "f32"));
        expect(backend.memory().used).to.equal(used + 128 + 512 + 400_000);
        for (const storage of arrays) backend.free(storage);
        expect(backend.memory().used).to.equal(used);
      });
    });
  }
});

describe("convolution weights on the wasm device", () => {
  const attrs = { n: 1, h: 8, w: 8, cin: 16, cout: 16, kh: 3, kw: 3, stride: 1, pad: [1, 1, 1, 1] as const };
  const values = (n: number, seed: number): Float32Array => Float32Array.from(new Random(seed).normal(n));
  /** Bytes of 36 frequencies, each with a cache line more than its 16 x 16 weights. */
  const TRANSFORMED = 36 * (16 * 16 * 4 + 64);

  it("are kept in transformed form from their second use on, until they are updated or freed", async () => {
    const backend = await openWasm({ threads: 1 });
    const x = backend.upload(values(1024, 1), [1, 8, 8, 16], "f32");
    const w = backend.upload(values(2304, 2), [3, 3, 16, 16], "f32");
    const other = backend.upload(values(2304, 3), [3, 3, 16, 16], "f32");
    const conv = (weights: typeof w): Float32Array => {
      const y = backend.allocate([1, 8, 8, 16], "f32");
      backend.kernels.conv2d({ y }, { x, w: weights }, attrs, {});
      const read = backend.read(y) as Float32Array;
      backend.free(y);
      return read;
    };
    const first = conv(w);
    const { used } = backend.memory();
    const expected = conv(other);
    expect(backend.memory().used, "after one use").to.equal(used);
    expect(conv(w), "the second use").to.deep.equal(first);
    expect(backend.memory().used).to.equal(used + TRANSFORMED);
    expect(conv(w), "the third use").to.deep.equal(first);
    backend.kernels.assign({ target: w }, { target: w, source: other }, { n: 2304 }, {});
    expect(conv(w), "updated").to.deep.equal(expected);
    expect(conv(w), "updated, used again").to.deep.equal(expected);
    expect(backend.memory().used).to.equal(used + TRANSFORMED);
    backend.free(w);
    expect(backend.memory().used).to.equal(used - 2304 * 4);
    await backend.dispose();
  });
});
