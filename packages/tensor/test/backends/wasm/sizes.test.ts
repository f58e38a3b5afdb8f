import { expect } from "chai";
import { openWasm, type WasmBackend } from "../../../src/backends/wasm/index.js";
import type { ConvFields } from "../../../src/backends/wasm/generated/bindings.js";
import { loadModule } from "../../../src/backends/wasm/machine/loader.js";
import { Machine } from "../../../src/backends/wasm/machine/machine.js";
import { Memory } from "../../../src/backends/wasm/machine/memory.js";
import { DeviceError } from "../../../src/core/errors.js";
import { thrown } from "../../thrown.js";

/** A convolution's arguments without addresses: nothing is read or written where a size is refused. */
const conv = (sizes: Partial<ConvFields>): ConvFields => ({
  x: 0, weights: 0, y: 0, n: 1, h: 1, w: 1, cin: 1, oh: 1, ow: 1, cout: 1, kh: 1, kw: 1, stride: 1, padTop: 0, padLeft: 0, ...sizes,
});

/** That fn is refused for want of room for so many bytes or more, for a purpose. */
function expectRefusal(fn: () => void, least: number, purpose: string): void {
  const error = thrown(fn);
  expect(error, purpose).to.be.instanceOf(DeviceError);
  const [first, second, third] = error.message.split("\n");
  expect(Number(/^wasm: no room for (\d+) bytes$/.exec(first)?.[1]), first).to.be.at.least(least);
  expect(second).to.equal(`  for      ${purpose}`);
  expect(third).to.equal("  limit    below 2147483648 bytes (2 GiB) for what a kernel needs beside its tensors");
}

describe("sizes of 2^31 bytes and more on the wasm device", () => {
  let machine: Machine;
  before(async () => void (machine = await Machine.start(await loadModule("base", false), new Memory(false), 1)));

  it("are refused where a product's matrix is packed, and the device goes on working", async () => {
    const backend: WasmBackend = await openWasm({ threads: 1, deterministic: true });
    const k = 2 ** 26;
    const a = backend.allocate([1, k], "f32"), b = backend.allocate([k, 1], "f32");
    const behind = backend.upload(Float32Array.of(1, 2, 3), [3], "f32"), y = backend.allocate([1, 1], "f32");
    const attrs = { batch: 1, m: 1, k, n: 1, transposeA: false, transposeB: false };
    expectRefusal(() => backend.kernels.matmul({ y }, { a, b }, attrs, {}), 2 ** 31, "the second matrix of a product in panels");
    expect([...backend.read(behind) as Float32Array]).to.deep.equal([1, 2, 3]);
    backend.kernels.matmul({ y }, { a: behind, b: behind }, { ...attrs, k: 3 }, {});
    expect([...backend.read(y) as Float32Array]).to.deep.equal([14]);
    await backend.dispose();
  });

  it("are exact for everything that is packed, transformed or kept between two rounds", () => {
    const { bind } = machine;
    const gemm = bind.Gemm({ a: 0, b: 0, c: 0, batch: 3, m: 1, n: 9, k: 2 ** 26, transA: false, transB: false });
    expect(gemm.packBytes()).to.equal(3 * 16 * 2 ** 26 * 4);
    const wide = bind.Conv(conv({ cin: 2 ** 26, cout: 9 }));
    expect([wide.packForwardBytes(), wide.packGradInputBytes(), wide.packFewOutputsBytes()])
      .to.deep.equal([2 ** 26 * 16 * 4, 9 * 2 ** 26 * 4, 2 ** 26 * 16 * 4]);
    const few = bind.Conv(conv({ cin: 3, kh: 2 ** 13, kw: 2 ** 13, cout: 9 }));
    expect(few.packFewInputsBytes()).to.equal(16 * (3 * 2 ** 26 + 1) * 4);
    const weights = bind.WinogradWeights({ weights: 0, cin: 2 ** 23, cout: 9, tile: 4, gradInput: false });
    expect(weights.bytes()).to.equal(36 * (2 ** 23 * 16 * 4 + 64));
    const norm = { x: 0, stats: 0, n: 2 ** 26, hw: 1, c: 5, groups: 1 };
    expect(bind.GroupNorm(norm).sumsBytes()).to.equal(3 * 2 ** 26 * 32);
    const grad = bind.GroupNormGrad({ ...norm, dy: 0, gamma: 0, dx: 0, dgamma: 0, dbeta: 0, silu: false });
    expect(grad.sumsBytes()).to.equal(2 * 2 ** 26 * 2 * 32);
  });

  it("are refused for workspaces, by the kernel's name, before anything is written", () => {
    const { bind } = machine;
    const winograd = conv({ h: 8, w: 8, oh: 8, ow: 8, cin: 2 ** 23, cout: 8, kh: 3, kw: 3, padTop: 1, padLeft: 1, tile: 4 });
    const patches = conv({ kh: 2 ** 13, kw: 2 ** 13, padTop: 2 ** 12, padLeft: 2 ** 12 });
    const attempts: (readonly [kernel: string, run: () => void])[] = [
      ["convForward", () => bind.Conv({ ...patches, cin: 5, cout: 3 }).run("convForward")],
      ["convGradInput", () => bind.Conv({ ...patches, cin: 5, cout: 3 }).run("convGradInput")],
      ["convGradWeight", () => bind.Conv(conv({ cin: 2 ** 24, cout: 8, stride: 2 })).run("convGradWeight")],
      ["convFewInputs", () => bind.Conv({ ...patches, cout: 8 }).run("convFewInputs")],
      ["convFewInputsGrad", () => bind.Conv({ ...patches, cout: 8 }).run("convFewInputsGrad")],
      ["convFewOutputs", () => bind.Conv(conv({ w: 2 ** 25, ow: 2 ** 25, cin: 8, kh: 3, kw: 3 })).run("convFewOutputs")],
      ["winogradConv", () => bind.Conv(winograd).run("winogradConv")],
      ["groupNorm", () => bind.GroupNorm({ x: 0, stats: 0, n: 1, hw: 1, c: 2 ** 28, groups: 1 }).run("groupNorm")],
    ];
    const wide = { q: 0, k: 0, v: 0, n: 1, heads: 1, l: 9, s: 9, d: 2 ** 25, scale: 1 };
    attempts.push(["attention", () => bind.Attention(wide).run("attention")]);
    attempts.push(["attentionGrad", () => bind.Attention(wide).run("attentionGrad")]);
    for (const [kernel, run] of attempts) expectRefusal(run, 2 ** 31, `the workspace of ${kernel}`);
  });

  it("do not occur in the cut of many rows into tiles: the gradient of 120000 channels' weights", async () => {
    const backend = await openWasm({ threads: 1 });
    const cin = 120_000, cout = 5;
    const values = Float32Array.from({ length: cin }, (_, i) => i % 7 - 3);
    const x = backend.upload(values, [1, 1, 1, cin], "f32");
    const dy = backend.upload(Float32Array.of(1, 2, 3, 4, 5), [1, 1, 1, cout], "f32");
    const dw = backend.allocate([1, 1, cin, cout], "f32");
    const attrs = { n: 1, h: 1, w: 1, cin, cout, kh: 1, kw: 1, stride: 2, pad: [0, 0, 0, 0] as const };
    backend.kernels.conv2dGradWeight({ dw }, { x, dy }, attrs, {});
    const found = backend.read(dw) as Float32Array;
    expect(found.findIndex((value, i) => value !== values[Math.floor(i / cout)] * (i % cout + 1))).to.equal(-1);
    await backend.dispose();
  });
});
