import { readFileSync } from "node:fs";
import { expect } from "chai";
import { openDevice } from "@fromnoise/tensor";
import type { BenchCase, ModelShape } from "../src/bench.js";
import { benchOf, casesOf } from "../src/cases.js";
import { benchNames } from "../src/bench.js";
import { countRun, differences, guardFile, measureCounts, slower, type Guard } from "../src/guard.js";
import { maxError } from "../src/max-error.js";
import { benchUNet, distinctShape } from "../src/model-benches.js";
import { referenceResults } from "../src/reference.js";

const tiny = { ...benchUNet, sample_size: 4, block_out_channels: [8, 8, 16] };

async function resultsOf({ bench, shape }: BenchCase): Promise<Float64Array[]> {
  const device = await openDevice("reference");
  return benchOf(bench).open(shape, device, "f64").results();
}

describe("the reference of the benches", () => {
  it("measures the largest error over tensors, relative to the largest value of each", () => {
    const reference = [Float64Array.of(1, -4), Float64Array.of(10)];
    expect(maxError([Float64Array.of(1, -4), Float64Array.of(10)], reference)).to.equal(0);
    expect(maxError([Float64Array.of(1, -3), Float64Array.of(10)], reference)).to.equal(0.25);
    expect(maxError([Float64Array.of(1, -4, 1, -4), Float64Array.of(15)], reference)).to.equal(0.5);
    expect(maxError([Float64Array.of(1, NaN), Float64Array.of(10)], reference)).to.equal(Infinity);
    expect(maxError([Float64Array.of(1, -4, 0), Float64Array.of(10)], reference)).to.equal(Infinity);
    expect(maxError([Float64Array.of(1, -4)], reference)).to.equal(Infinity);
  });

  it("of a batch that repeats two images is that of the two", async () => {
    for (const bench of ["unet-forward", "unet-train-step", "sampler"] as const) {
      const shape: ModelShape = { batch: 4, config: tiny, ...(bench === "sampler" && { steps: 3 }) };
      expect(distinctShape(shape).batch).to.equal(2);
      const two = await resultsOf({ bench, shape: distinctShape(shape) });
      expect(maxError(await resultsOf({ bench, shape }), two)).to.be.below(1e-12);
    }
  });

  it("keeps the results of every training step of the benches, and they are finite", async () => {
    for (const c of casesOf(benchNames, false).filter(({ bench }) => bench.endsWith("train-step"))) {
      const results = await referenceResults(c);
      expect(results).to.have.length(4);
      for (const [value] of results) expect(value).to.be.above(0).and.below(1e3);
    }
  });
});

describe("the guard of the benches", () => {
  it("counts launches, bytes and what a run leaves", async () => {
    const counts = await countRun({ bench: "adam", shape: { n: 10 } }, await openDevice("reference"));
    expect(counts).to.deep.equal({
      kernels: { adam: 1 }, launches: 1, bytesAllocated: 0, peakBytes: 0, tensorsLeft: 0, bytesLeft: 0,
    });
    const product = await countRun({ bench: "matmul", shape: { m: 2, k: 3, n: 4 } }, await openDevice("reference"));
    expect(product).to.include({ launches: 1, bytesAllocated: 32, peakBytes: 32, tensorsLeft: 0, bytesLeft: 0 });
  });

  it("finds the committed counts", async () => {
    const { counts } = JSON.parse(readFileSync(guardFile, "utf8")) as Guard;
    expect(differences(counts, await measureCounts()), "if that is meant: npm run bench:guard -- --update").to.deep.equal([]);
  });

  it("names every figure that differs", () => {
    expect(differences({ a: { kernels: 1, bytes: 2 } }, { a: { kernels: 1, bytes: 2 } })).to.deep.equal([]);
    expect(differences({ a: { kernels: 1, bytes: 2 } }, { a: { kernels: 3, bytes: 2, left: 1 } }))
      .to.deep.equal(["a.kernels: 1 -> 3", "a.left: undefined -> 1"]);
  });

  it("finds a ratio that grew, on the same processor only", () => {
    const ratios = (cpu: string, value: number) => ({ cpu, node: "v20", values: { matmul: value } });
    expect(slower(ratios("a", 1), ratios("a", 1.4))).to.deep.equal([]);
    expect(slower(ratios("a", 1), ratios("a", 1.6))).to.deep.equal(["matmul: 1 -> 1.6 times the anchor"]);
    expect(slower(ratios("a", 1), ratios("b", 1.6))).to.deep.equal([]);
  });
});
