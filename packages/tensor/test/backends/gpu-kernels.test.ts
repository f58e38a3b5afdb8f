/** How the kernels of the gpu backend are made of launches: how many, how long their loops are, what each of them computes. */
import { expect } from "chai";
import type { GpuArray } from "../../src/backends/gpu/engine/engine.js";
import { gpuBackend, openGpu, type GpuBackend } from "../../src/backends/gpu/index.js";
import { functions } from "../../src/backends/gpu/notation/functions.js";
import { dynamic, openChanged } from "./changed-mode.js";

/** A number for every i, never 0, of either sign. */
const wave = (i: number): number => Math.sin(i + 1) + 0.25;

/** Runs kernels on a backend; its arrays are made of numbers and freed with it. */
class Bench {
  constructor(readonly backend: GpuBackend) {}

  upload(n: number, value: (i: number) => number = wave): GpuArray {
    return this.backend.upload(Float32Array.from({ length: n }, (_, i) => value(i)), [n], "f32");
  }

  room(n: number): GpuArray {
    return this.backend.allocate([n], "f32");
  }

  async read(x: GpuArray): Promise<number[]> {
    return Array.from(await this.backend.read(x));
  }

  /** The names of the launches that `run` makes, in order. */
  async launches(run: () => void): Promise<string[]> {
    await this.backend.sync();
    const names: string[] = [];
    this.backend.observeLaunches(({ kernel }) => names.push(kernel));
    run();
    await this.backend.sync();
    this.backend.observeLaunches(undefined);
    return names;
  }
}

let bench: Bench;
beforeEach(async () => { bench = new Bench(await openGpu("webasm")); });
afterEach(() => bench.backend.dispose());

describe("group normalisation on the gpu backend", () => {
  const SIDE = 127; // 127^2 has no divisor but 127 that is more than 1
  const attrs = { n: 1, hw: SIDE * SIDE, c: 4, groups: 2 };

  function run(backend: GpuBackend): { dx: GpuArray; dgamma: GpuArray; dbeta: GpuArray; stats: GpuArray } {
    const { hw, c, groups } = attrs;
    const x = bench.upload(hw * c, (i) => 100 + wave(i));
    const [dy, gamma, beta] = [hw * c, c, c].map((n) => bench.upload(n));
    const [stats, dx, dgamma, dbeta] = [2 * groups, hw * c, c, c].map((n) => bench.room(n));
    backend.kernels.groupNormStats({ stats }, { x }, attrs, { eps: 1e-5 });
    backend.kernels.groupNormSiluGrad!({ dx, dgamma, dbeta }, { dy, x, stats, gamma, beta }, attrs, {});
    return { dx, dgamma, dbeta, stats };
  }

  it("cuts 127 x 127 pixels into chunks of 127: no thread has a long loop", async () => {
    run(bench.backend);
    for (const kernel of [
      "groupNormStats (chunks)", "groupNormStats", "groupNormGrad (chunks)", "groupNormGrad (means)", "groupNormGrad (parameters)",
    ]) {
      const bounds = [...bench.backend.source!(kernel)!.matchAll(/ < (\d+); /g)].map(([, bound]) => Number(bound));
      expect(bounds, kernel).to.not.be.empty;
      expect(Math.max(...bounds), kernel).to.be.at.most(SIDE);
    }
  });

  it("weighs a last chunk by its own length", async () => {
    // 65 pixels: chunks of 33 and of 32; the values of the two differ, so that a wrong weight moves the mean and the deviation
    const sizes = { n: 1, hw: 65, c: 1, groups: 1 };
    const values = Array.from({ length: 65 }, (_, i) => (i < 33 ? 1 : 3) + 0.1 * wave(i));
    const mean = values.reduce((sum, v) => sum + v, 0) / 65;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 65;
    const stats = bench.room(2);
    bench.backend.kernels.groupNormStats({ stats }, { x: bench.upload(65, (i) => values[i]) }, sizes, { eps: 0 });
    const [actualMean, rstd] = await bench.read(stats);
    expect(actualMean).to.be.closeTo(mean, 1e-6);
    expect(rstd).to.be.closeTo(1 / Math.sqrt(variance), 1e-6);

    // dgamma and dbeta over the same pixels: each pixel counts once
    const [dx, dgamma, dbeta] = [65, 1, 1].map((n) => bench.room(n));
    const [dy, x, gamma] = [bench.upload(65), bench.upload(65, (i) => values[i]), bench.upload(1, () => 2)];
    bench.backend.kernels.groupNormGrad({ dx, dgamma, dbeta }, { dy, x, stats, gamma }, sizes, {});
    const slopes = values.map((_, i) => Math.fround(wave(i)));
    expect((await bench.read(dbeta))[0]).to.be.closeTo(slopes.reduce((sum, d) => sum + d, 0), 1e-5);
    expect((await bench.read(dgamma))[0]).to.be.closeTo(slopes.reduce((sum, d, i) => sum + d * (values[i] - mean) * rstd, 0), 1e-5);
  });

  it("computes the exponential of an element's slope once, and all gradients from one set of sums", async () => {
    const launches = await bench.launches(() => run(bench.backend));
    expect(launches.slice(-6)).to.deep.equal([
      "groupNormSiluGrad (dz)", "groupNormGrad (chunks)", "groupNormGrad (means)", "groupNormGrad", "groupNormGrad (parameters)",
      "groupNormGrad (parameters)",
    ]);
    const sloping = launches.slice(-6).filter((kernel) => bench.backend.source!(kernel)!.includes("siluSlope"));
    expect(sloping).to.deep.equal(["groupNormSiluGrad (dz)"]);
    expect(functions.find((text) => text.startsWith("function siluSlope"))!.split(/exp|sigmoid/)).to.have.length(2);
  });
});

describe("updates on the gpu backend", () => {
  const scalars = {
    lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, correction1: 0.1, correction2: 0.001, weightDecay: 0, gradScale: 1,
  };
  const sizes = [3, 1, 5];
  const list = (value: (i: number) => number = wave): GpuArray[] => sizes.map((n) => bench.upload(n, value));

  it("take a launch for each tensor that they replace", async () => {
    const { kernels } = bench.backend;
    const [p, m, v, g] = [list(), list(), list(() => 1), list()];
    const adam = await bench.launches(() => kernels.adam({ p, m, v }, { p, m, v, g }, { sizes }, scalars));
    expect(adam).to.deep.equal(sizes.flatMap(() => ["adam (m)", "adam (v)", "adam"]));
    const ema = await bench.launches(() => kernels.ema({ target: p }, { target: p, source: m }, { sizes }, { decay: 0.9 }));
    expect(ema).to.deep.equal(sizes.map(() => "ema"));
  });

  it("square a gradient after it was scaled, so that the square of a small scale loses nothing", async () => {
    for (const gradScale of [1e-18, 1e-25]) {
      const [p, m, v, g] = [list(), list(() => 0), list(() => 0), list((i) => wave(i) / gradScale)];
      bench.backend.kernels.adam({ p, m, v }, { p, m, v, g }, { sizes }, { ...scalars, gradScale });
      for (const [t, n] of sizes.entries()) {
        const [ms, vs] = [await bench.read(m[t]), await bench.read(v[t])];
        for (let i = 0; i < n; i++) {
          expect(ms[i] / (0.1 * wave(i)), `m at ${gradScale}`).to.be.closeTo(1, 1e-6);
          expect(vs[i] / (0.001 * wave(i) ** 2), `v at ${gradScale}`).to.be.closeTo(1, 1e-6);
        }
      }
    }
  });
});

describe("the sum of squares of a list on the gpu backend", () => {
  const sizes = Array.from({ length: 40 }, (_, i) => 1 + (i * 377) % 5000);
  const squares = sizes.flatMap((n, t) => Array.from({ length: n }, (_, i) => Math.fround(wave(i + t)) ** 2));
  const exact = squares.reduce((sum, square) => sum + square, 0);

  async function sumOfSquares(on: Bench): Promise<{ launches: string[]; value: number }> {
    const x = sizes.map((n, t) => on.upload(n, (i) => wave(i + t)));
    const y = on.room(1);
    const launches = await on.launches(() => on.backend.kernels.sumSquares({ y }, { x }, { sizes }, {}));
    return { launches, value: (await on.read(y))[0] };
  }

  it("takes as many tensors a launch as a kernel may have inputs: 8 launches for 40 tensors", async () => {
    const { launches, value } = await sumOfSquares(bench);
    expect(launches).to.deep.equal([...new Array<string>(7).fill("sumSquares"), "sum"]); // 7 tensors, then 6 and the sums so far
    expect(Math.abs(value / exact - 1)).to.be.below(1e-6);
  });

  it("has the same bits however many tensors a launch takes", async () => {
    const { value } = await sumOfSquares(bench);
    const engine = await openChanged((mode) => ({ ...mode, limits: { ...mode.limits, inputs: 3 } }));
    const narrow = new Bench(gpuBackend({ engine, description: "three inputs a kernel" }));
    const { launches, value: again } = await sumOfSquares(narrow);
    expect(launches).to.have.length(1 + Math.ceil(37 / 2) + 1);
    expect(again).to.equal(value);
    await narrow.backend.dispose();
  });

  it("compiles two kernels for lists of all lengths, where sizes are arguments", async () => {
    const engine = await openChanged(dynamic);
    const on = new Bench(gpuBackend({ engine, description: "sizes as arguments" }));
    const sum = (count: number): void => {
      const lengths = sizes.slice(0, count);
      on.backend.kernels.sumSquares({ y: on.room(1) }, { x: lengths.map((n) => on.upload(n)) }, { sizes: lengths }, {});
    };
    sum(2);
    const [before, counts] = [on.backend.compiledKernels(), [3, 7, 8, 13, 20, 40]];
    counts.forEach(sum);
    expect(on.backend.compiledKernels() - before, "the one with the sums so far").to.equal(1);
    await on.backend.dispose();
  });

  it("sums one tensor, and one number", async () => {
    for (const n of [1, 20, 100_000]) {
      const y = bench.room(1);
      bench.backend.kernels.sumSquares({ y }, { x: [bench.upload(n, () => 2)] }, { sizes: [n] }, {});
      expect(await bench.read(y)).to.deep.equal([4 * n]);
    }
  });
});
