import { expect } from "chai";
import { poolBuffers, RESULT_USAGE, type PooledBuffer } from "../../src/backends/gpu/engine/buffer-pool.js";
import { launch, type Engine, type GpuArray } from "../../src/backends/gpu/engine/engine.js";
import { gpuBackend, gpuModes, openGpu, type GpuBackend } from "../../src/backends/gpu/index.js";
import { describeAngle, describeRenderer } from "../../src/backends/gpu/engine/renderer.js";
import { line, matrix } from "../../src/backends/gpu/engine/space.js";
import { add, Device, DeviceError, DisposedError, openDevice, parseDevice, reshape, sum, tensor } from "../../src/index.js";
import type { KernelName } from "../../src/kernels/contract.js";
import { thrown, thrownBy } from "../thrown.js";
import { conformanceErrors } from "./conformance.js";
import { dynamic, later, openChanged, type Arrays } from "./changed-mode.js";
import { trainTiny } from "./tiny-training.js";

const double = (y: GpuArray, x: GpuArray): void =>
  launch(y, { kernel: "double", output: line(x.size), inputs: { x: [x, line(x.size)] }, body: "return 2 * x[index];" });

describe("the gpu device", () => {
  it("opens in the modes that device strings name", async () => {
    for (const mode of gpuModes) expect(parseDevice(`gpu:${mode}`)).to.deep.equal({ name: "gpu", options: { mode } });
    expect(parseDevice("gpu")).to.deep.equal({ name: "gpu", options: {} });
    expect(thrown(() => parseDevice("gpu:opengl")).message).to.contain('has no option "opengl"').and.contain(gpuModes.join(", "));
    const device = await openDevice("gpu", { mode: "webasm" });
    expect(device.description).to.equal("gpu.js webasm: no GPU, WebAssembly, one thread");
    expect([...await add(tensor([1, 2], { device, dtype: "f32" }), 1).data()]).to.deep.equal([2, 3]);
    await device.dispose();
  });

  it("says what a mode needs that is not there", async () => {
    const error = await thrownBy(openGpu("webgl2"));
    expect(error).to.be.instanceOf(DeviceError);
    expect(error.message).to.match(/^gpu: mode webgl2 is not there\n/).and.contain("needs    a browser with WebGL 2");
  });

  it("in mode auto takes a GPU mode or says why there is none, and never a CPU mode", async () => {
    const outcome = await openGpu("auto").catch((error: unknown) => error as DeviceError);
    if (outcome instanceof DeviceError) {
      expect(outcome.summary).to.equal("gpu: no mode that uses a GPU is there");
      expect(outcome.details.map((detail) => detail.split(" refused: ")[0])).to.deep.equal(["webgpu", "webgl2", "headlessgl"]);
    } else {
      expect((outcome as GpuBackend).description).to.match(/^gpu\.js (webgpu|headlessgl) on .*chosen by auto/);
      await (outcome as GpuBackend).dispose();
    }
  });

  it("calls a software renderer one", () => {
    expect(describeRenderer("ANGLE (Google, SwiftShader driver)")).to.contain("a software renderer, no GPU");
    expect(describeRenderer("llvmpipe (LLVM 15)")).to.contain("a software renderer");
    expect(describeRenderer("NVIDIA H100", true)).to.contain("a software renderer");
    expect(describeRenderer("NVIDIA GeForce RTX 3060")).to.equal("NVIDIA GeForce RTX 3060");
  });

  it("calls headless-gl's unnamed renderer one where the environment tells", () => {
    const angle = (environment: Record<string, string> = {}): string => describeAngle((name) => environment[name]);
    expect(angle()).to.equal("ANGLE, which does not name the GPU or program below it");
    expect(angle({ LIBGL_ALWAYS_SOFTWARE: "0", GALLIUM_DRIVER: "radeonsi", XAUTHORITY: "/home/me/.Xauthority" })).to.equal(angle());
    expect(angle({ LIBGL_ALWAYS_SOFTWARE: "1", GALLIUM_DRIVER: "llvmpipe" }))
      .to.equal("ANGLE under LIBGL_ALWAYS_SOFTWARE=1, GALLIUM_DRIVER=llvmpipe (a software renderer, no GPU)");
    expect(angle({ XAUTHORITY: "/tmp/xvfb-run.8oXhDp/Xauthority" }))
      .to.equal("ANGLE under a display of xvfb-run (a software renderer, no GPU)");
  });

  it("stops when gpu.js runs another class of kernel than that of the mode", async () => {
    const engine = await openChanged((mode) => mode, Map);
    expect(thrown(() => engine.upload([1])).message).to.equal(
      "upload: gpu.js left the mode webasm on its own\n  ran      WebAssemblyKernel\n  reason   none given");
  });

  it("stops, with gpu.js's reason, when gpu.js ran the kernel in another way than the class has", async () => {
    const engine = await openChanged((mode) => ({
      ...mode,
      createKernel: (...args) => {
        const kernel = mode.createKernel(...args);
        Object.defineProperty(kernel.kernel, "fallbackReason", { value: "no SIMD here" });
        return kernel;
      },
    }));
    expect(thrown(() => engine.upload([1])).message).to.equal(
      "upload: gpu.js left the mode webasm on its own\n  ran      WebAssemblyKernel\n  reason   no SIMD here");
  });

  it("counts a kernel for each source and sizes, once", async () => {
    const backend = await openGpu("webasm");
    const x = backend.upload(Float32Array.of(1, 2, 3), [3], "f32");
    const before = backend.compiledKernels();
    for (let i = 0; i < 3; i++) double(backend.allocate([3], "f32"), x);
    expect(backend.compiledKernels()).to.equal(before + 1);
    expect(backend.source?.("double")).to.equal("function (x) {\nreturn 2 * x[this.thread.x];\n}");
    await backend.dispose();
  });

  it("in a dynamic mode compiles one kernel for all sizes, except for those that are specialised", async () => {
    const engine = await openChanged(dynamic);
    const repeat = (n: number, times: number, specialised: boolean): GpuArray => {
      const y = engine.allocate(n * times);
      const x = engine.upload(Array.from({ length: n }, (_, i) => i));
      launch(y, {
        kernel: "repeat", specialised, output: line(y.size), inputs: { x: [x, line(n)] }, sizes: { n },
        body: "return x[index - n * div(index, n)];",
      });
      return y;
    };
    for (const [specialised, kernels] of [[false, 1], [true, 3]] as const) {
      repeat(1, 1, specialised);
      const before = engine.compiled;
      for (const [n, times] of [[2, 2], [3, 2], [3, 3], [3, 2]]) {
        const expected = Array.from({ length: n * times }, (_, i) => i % n);
        expect([...await engine.read(repeat(n, times, specialised))]).to.deep.equal(expected);
      }
      expect(engine.compiled - before).to.equal(specialised ? kernels : 0);
    }
  });

  it("sees one array under every shape of its size", async () => {
    const device = await openDevice("gpu", { mode: "webasm" });
    const x = tensor(Float32Array.from({ length: 24 }, (_, i) => i), { shape: [2, 3, 4], device, dtype: "f32" });
    expect([...await sum(x, { axes: 1 }).data()]).to.deep.equal([12, 15, 18, 21, 48, 51, 54, 57]);
    expect([...await sum(reshape(x, [4, 6]), { axes: 1 }).data()]).to.deep.equal([15, 51, 87, 123]);
    const column = reshape(sum(x, { axes: [1, 2] }), [2, 1]);
    expect([...await add(column, reshape(column, [1, 2])).data()]).to.deep.equal([132, 276, 276, 420]); // one array, two shapes, one kernel
    await device.dispose();
  });

  it("adds long sums in chunks, gets them right, and frees its scratch arrays", async function () {
    this.timeout(60_000);
    const backend = await openGpu("webasm");
    const norms = [[2, 2000, 6, 2], [1, 127 * 127, 4, 2], [3, 65, 4, 4], [200, 130, 3, 1]].map(([n, hw, c, groups]) => ({ n, hw, c, groups }));
    const cases: [KernelName, object[]][] = [
      ["reduce", [
        { outer: 1, axis: 100_000, inner: 1, op: "sum" }, { outer: 2, axis: 5000, inner: 3, op: "sum" },
        { outer: 3, axis: 777, inner: 1, op: "max" }, { outer: 1, axis: 999, inner: 2, op: "min" },
        { outer: 2, axis: 3000, inner: 1, op: "argmax" },
      ]],
      ["sumSquares", [{ sizes: [50_000] }, { sizes: [3, 50_000, ...new Array<number>(20).fill(700), 64] }]],
      ["conv2dGradWeight", [{ n: 3, h: 20, w: 20, cin: 3, cout: 5, kh: 3, kw: 3, stride: 1, pad: [1, 1, 1, 1] }]],
      ["matmul", [
        { batch: 1, m: 3, k: 1000, n: 5, transposeA: true, transposeB: false },
        { batch: 2, m: 4, k: 513, n: 4, transposeA: false, transposeB: true },
      ]],
      ["groupNormStats", norms], ["groupNormGrad", norms], ["groupNormSiluGrad", norms],
    ];
    for (const [kernel, list] of cases) {
      const before = backend.liveBuffers();
      for (const { tensor, attrs, error } of await conformanceErrors(backend, kernel, { dtype: "f32" }, list)) {
        expect(error, `${kernel}, ${tensor} of ${JSON.stringify(attrs)}`).to.be.at.most(5e-6);
      }
      expect(backend.liveBuffers(), kernel).to.equal(before);
    }
    await backend.dispose();
  });
});

describe("limits of a gpu mode", () => {
  const limits = { elements: 100, side: 20, inputs: 2 };
  let engine: Engine;
  before(async () => { engine = await openChanged((mode) => ({ ...mode, limits })); });
  const copy = (x: GpuArray, rows: number, cols: number): void => launch(engine.allocate(rows * cols), {
    kernel: "copy", output: matrix(rows, cols), inputs: { x: [x, matrix(rows, cols)] }, body: "return x[row, col];",
  });

  it("are named when an array, a side or the inputs of a kernel pass them, and hold up to the last element", () => {
    engine.upload(new Float32Array(100));
    const error = thrown(() => engine.upload(new Float32Array(101)));
    expect(error).to.be.instanceOf(DeviceError);
    expect(error.message).to.equal("gpu: 101 numbers are too many for one array\n  limit    100 (webasm)");

    copy(engine.upload(new Float32Array(40)), 20, 2);
    expect(thrown(() => copy(engine.upload(new Float32Array(42)), 21, 2)).message)
      .to.equal("copy: a side of 21 is too long\n  space    [21, 2]\n  limit    20 rows or columns (webasm)");

    const x = engine.upload([1]);
    const sumOf = (count: number): void => {
      const inputs = Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, [x, line(1)] as const]));
      launch(engine.allocate(1), { kernel: "sum", output: line(1), inputs, body: `return ${Object.keys(inputs).map((name) => `${name}[index]`).join(" + ")};` });
    };
    sumOf(2);
    expect(thrown(() => sumOf(3)).message).to.equal("sum: 3 input arrays are too many\n  limit    2 (webasm)");
  });
});

describe("the queue of the gpu device", () => {
  it("notices use after free, and a second free", async () => {
    const engine = await openChanged((mode) => mode);
    const x = engine.upload([1, 2]);
    const y = engine.allocate(2);
    engine.free(x);
    for (const use of [() => double(y, x), () => double(x, y), () => engine.read(x), () => engine.free(x)]) {
      expect(thrown(use)).to.be.instanceOf(DisposedError);
    }
  });

  it("keeps launches, frees and reads in program order where launches are promises", async () => {
    const engine = await openChanged(later);
    const [a, b, c] = [engine.upload([1, 2, 3]), engine.allocate(3), engine.allocate(3)];
    double(b, a);
    const early = engine.read(b);
    double(b, b);
    engine.free(a);
    double(c, b);
    engine.free(b);
    expect(engine.live, "nothing has run yet").to.be.at.most(1);
    expect([...await engine.read(c)]).to.deep.equal([8, 16, 24]);
    expect([...await early]).to.deep.equal([2, 4, 6]);
    await engine.sync();
    expect(engine.live).to.equal(1);
  });

  it("throws the first failure, under the kernel's name, at the next read, op or sync, once", async () => {
    const engine = await openChanged((mode) => later({
      ...mode, createKernel: (text, ...rest) => mode.createKernel(text.replace("2 *", "missing *"), ...rest),
    }));
    const fail = (): GpuArray => {
      const y = engine.allocate(2);
      double(y, engine.upload([1, 2]));
      return y;
    };
    const y = fail();
    const error = await thrownBy(Promise.resolve(engine.read(y)));
    expect(error).to.be.instanceOf(DeviceError);
    expect(error.message).to.match(/^double: the kernel failed on the GPU\n/);

    fail();
    expect((await thrownBy(engine.sync())).message).to.match(/^double: the kernel failed/);
    await engine.sync();

    fail();
    await engine.queue.idle();
    expect(thrown(() => double(engine.allocate(2), y)).message).to.match(/^double: the kernel failed/);

    const copied = engine.allocate(2);
    const copy = (): void => launch(copied, { kernel: "copy", output: line(2), inputs: { x: [y, line(2)] }, body: "return x[index];" });
    expect(thrown(copy).message).to.equal("copy: an input was never computed, because an earlier kernel failed");
  });

  it("holds the number of live arrays through 300 training steps, and learns the same with and without promises", async function () {
    this.timeout(60_000);
    const results: { losses: number[]; weights: number[] }[] = [];
    for (const change of [(mode: Arrays) => mode, later]) {
      const engine = await openChanged(change);
      const device = Device.over("gpu", gpuBackend({ engine, description: "test" }));
      const tensors: number[] = [];
      const live: number[] = [];
      results.push(await trainTiny(device, 300, () => {
        tensors.push(device.memory().tensors);
        if (change !== later) live.push(engine.live);
      }));
      expect(new Set(tensors).size, "tensors after each step").to.equal(1);
      expect(new Set(live).size, "arrays after each step").to.be.at.most(1);
      await device.sync();
      expect(engine.live).to.equal(device.memory().tensors);
      await device.dispose();
    }
    expect(results[1]).to.deep.equal(results[0]);
    const { losses } = results[0];
    expect(losses.at(-1)!).to.be.lessThan(0.5 * losses[0]);
  });
});

describe("the pool of result buffers", () => {
  it("hands out a destroyed result again for the same size, counts what is in use, and keeps no more than ever was", () => {
    const destroyed: number[] = [];
    let made = 0;
    const device = { createBuffer: ({ size }: { size: number; usage: number }): PooledBuffer => (made++, { destroy: () => void destroyed.push(size) }) };
    const live = poolBuffers(device);
    expect(poolBuffers(device), "a device has one pool").to.equal(live);
    const result = (size: number): PooledBuffer => device.createBuffer({ size, usage: RESULT_USAGE });

    const [a, b] = [result(100), result(60)];
    const argument = device.createBuffer({ size: 100, usage: 0x88 });
    expect(live()).to.equal(3);
    a.destroy();
    argument.destroy();
    expect([live(), destroyed]).to.deep.equal([1, [100]]); // arguments are not pooled
    expect(result(80)).to.not.equal(a);
    expect(result(100)).to.equal(a);
    expect([live(), made]).to.deep.equal([3, 4]);

    const many = [result(200), result(300)]; // 740 bytes in use: 740 may stay in the pool
    for (const buffer of [a, b, ...many]) buffer.destroy();
    expect(destroyed, "100 + 60 + 200 + 300 fit").to.deep.equal([100]);
    result(90).destroy();
    expect(destroyed, "90 more do not").to.deep.equal([100, 90]);
    expect(live()).to.equal(1);
  });
});
