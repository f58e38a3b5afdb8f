import { expect } from "chai";
import type { BenchCase } from "../../src/bench.js";
import { compareReports, formatComparison } from "../../src/compare.js";
import type { Contender } from "../../src/contender.js";
import { describeMachine } from "../../src/machine.js";
import { measure } from "../../src/measure.js";
import { SCHEMA, type Report, type Row } from "../../src/rows.js";

const matmul: BenchCase = { bench: "matmul", shape: { m: 16, k: 16, n: 16 } };
const softmax: BenchCase = { bench: "softmax", shape: { rows: 4, n: 8 } };
const reduce: BenchCase = { bench: "reduce", shape: { rows: 4, n: 8 } };

const reference: Contender = { device: "reference", peer: null, threads: 1, spec: "reference", takes: () => true };
const contender = (file: string): Contender => ({ ...reference, spec: new URL(`../contenders/${file}.ts`, import.meta.url).href });

async function rowsOf(
  cases: readonly BenchCase[], contenders: readonly Contender[], { limitMs = 30_000, stopAfter = Infinity } = {},
): Promise<Row[]> {
  const rows: Row[] = [];
  const { done } = measure(cases, {
    contenders, limitMs, rounds: 6, roundSeconds: 0.01, warmSeconds: 0.02, caseSeconds: { kernel: 1, model: 1 },
    interrupted: () => rows.length >= stopAfter,
    onOpen: () => undefined, onRow: (row) => void rows.push(row), onProgress: () => undefined,
  });
  await done;
  return rows;
}

const report = (rows: Row[]): Report => ({
  schema: SCHEMA, machine: describeMachine(), date: "2026-01-01T00:00:00Z", commit: "0", node: process.version, command: "",
  complete: true, rows,
});

describe("a bench run", () => {
  let fast: Row[];

  before(async () => {
    fast = await rowsOf([matmul], [reference]);
  });

  it("checks a result against f64 and then times it", () => {
    expect(fast).to.have.length(1);
    const [row] = fast;
    expect(row.max_error).to.be.within(0, 1e-6);
    expect(row.samples).to.be.at.least(6);
    expect(row.rounds_ms).to.have.length(6);
    expect(row.best_ms).to.be.above(0).and.at.most(row.median_ms!);
    expect(row.p95_ms).to.be.at.least(row.median_ms!);
    expect(row.gflops).to.be.closeTo(2 * 16 ** 3 / row.median_ms! / 1e6, 1e-3 * row.gflops!);
    for (const value of [row.first_ms, row.upload_ms, row.readback_ms, row.anchor_ms]) expect(value).to.be.above(0);
  });

  it("reports a wrong result and does not time it", async () => {
    const [row] = await rowsOf([matmul], [contender("wrong")]);
    expect(row.note).to.match(/^wrong: error .* is above 0.0001; not timed$/);
    expect(row.max_error).to.be.above(1e-3);
    expect(row).to.include({ samples: 0, median_ms: null, first_ms: null });
  });

  it("lists a contender that cannot do the work with its own words, and goes on with the others", async () => {
    const rows = await rowsOf([matmul, softmax], [contender("silent"), reference]);
    const notes = rows.filter((row) => row.samples === 0).map((row) => row.note);
    expect(notes).to.deep.equal(["TypeError: Kernel 'MatMul' not registered", "its process ended with code 3"]);
    expect(rows.filter((row) => row.samples > 0).map((row) => row.bench)).to.deep.equal(["matmul", "softmax"]);
  });

  it("lists a contender in Chromium as not there, with what would bring it, where there is no Chromium", async () => {
    const kept = process.env["CHROMIUM"];
    process.env["CHROMIUM"] = "/nowhere/chromium";
    try {
      const inChromium = { ...reference, device: "chromium/gpu:webgpu", spec: "gpu:webgpu", page: "device" } as const;
      const [row, other] = await rowsOf([matmul], [inChromium, reference]);
      expect(row.note).to.match(/^ConfigError: Chromium is not there: \/nowhere\/chromium\n {2}setup {4}apt-get install -y chromium/);
      expect(row).to.include({ samples: 0, device: "chromium/gpu:webgpu" });
      expect(other.samples).to.be.above(0);
    } finally {
      if (kept === undefined) delete process.env["CHROMIUM"];
      else process.env["CHROMIUM"] = kept;
    }
  });

  it("does not wait for a contender that takes too long, nor tries it with more work", async () => {
    const larger = { ...reduce, shape: { rows: 8, n: 8 } };
    const rows = await rowsOf([reduce, larger], [contender("silent")], { limitMs: 1000 });
    expect(rows.map((row) => row.note)).to.deep.equal(["no answer within 1 s", "not tried: sum 4x8 took longer than 1 s"]);
  });

  it("does not try a contender with more work that a run of less says is hopeless", async () => {
    const larger = { ...reduce, shape: { rows: 16384, n: 8 } };
    const [small, large] = await rowsOf([reduce, larger], [contender("delayed")], { limitMs: 1000 });
    expect(small.samples).to.be.above(0);
    expect(large.samples).to.equal(0);
    expect(large.note).to.match(/^not tried: sum 4x8 took 0\.\d+ s, so this would take some \d+(\.\d)? s$/);
  });

  it("keeps what was measured when it is interrupted", async () => {
    const rows = await rowsOf([matmul, softmax, reduce], [reference], { stopAfter: 1 });
    expect(rows.map((row) => row.bench)).to.deep.equal(["matmul"]);
  });

  it("is compared with a slower one: a deliberately slowed kernel is found", async () => {
    const slow = await rowsOf([matmul], [contender("delayed")]);
    const comparisons = compareReports(report(fast), report(slow), 1.1);
    expect(comparisons.map(({ verdict }) => verdict)).to.deep.equal(["SLOWER"]);
    expect(comparisons[0].ratio!.low).to.be.above(1.1);
    expect(formatComparison(comparisons, 1.1)).to.include("1 slower past 1.1");
    expect(compareReports(report(slow), report(fast), 1.1)[0].verdict).to.equal("faster");
  });

  it("is compared with a second run of itself: nothing is slower past what two runs on a busy machine may differ by", async () => {
    const [comparison] = compareReports(report(fast), report(await rowsOf([matmul], [reference])), 4);
    expect(comparison.verdict).to.be.oneOf(["same", "faster", "slower"]);
    expect(comparison.ratio!.low).to.be.below(comparison.ratio!.ratio).and.below(4);
  });
});
