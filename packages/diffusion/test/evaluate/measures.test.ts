import { expect } from "chai";
import { readFileSync } from "node:fs";
import { ConfigError, Random, ShapeError } from "@fromnoise/tensor";
import { copies, frechetDistance, nearest, NearestSearch, precisionRecall, stacked, type Rows } from "../../src/index.js";

interface Case { n: number; m: number; scale: number; base: number; k: number; frechet: number; precision: number; recall: number }
const golden = JSON.parse(readFileSync(new URL("../golden/evaluation.json", import.meta.url), "utf8")) as { width: number; cases: Case[] };

/** The closed form of evaluation.py. */
function fill(n: number, k: number, scale: number, base: number): Rows {
  const data = Float64Array.from({ length: n * golden.width }, (_, j) => base + scale * Math.sin((0.7 * (k + 1) + 1.3 * j) + (0.01 * j) * j));
  return { shape: [n, golden.width], data };
}

function normal(n: number, shape: readonly number[], seed: number): Rows {
  const width = shape.reduce((a, b) => a * b, 1);
  return { shape: [n, ...shape], data: new Random(seed).normal(n * width) };
}

/** Some of the rows, in the given order. */
function rowsAt(rows: Rows, indices: readonly number[]): Rows {
  const width = rows.data.length / rows.shape[0];
  return { shape: [indices.length, ...rows.shape.slice(1)], data: Float64Array.from(indices.flatMap((i) => Array.from(rows.data.slice(i * width, (i + 1) * width)))) };
}

describe("Frechet distance, precision and recall", () => {
  for (const { n, m, scale, base, k, frechet, precision, recall } of golden.cases) {
    it(`are those of NumPy and SciPy: ${n} and ${m} rows, scale ${scale}, base ${base}, k = ${k}`, () => {
      const a = fill(n, 1, 1, 0), b = fill(m, 2, scale, base);
      expect(frechetDistance(a, b)).to.be.closeTo(frechet, 1e-9 * Math.max(1, frechet));
      expect(precisionRecall(b, a, k)).to.deep.equal({ precision, recall });
    });
  }

  it("are 0, 1 and 1 of a set and itself, in whatever order", () => {
    const a = normal(50, [4], 1), reversed = rowsAt(a, Array.from({ length: 50 }, (_, i) => 49 - i));
    expect(frechetDistance(a, reversed)).to.be.below(1e-12);
    expect(precisionRecall(a, reversed)).to.deep.equal({ precision: 1, recall: 1 });
  });

  it("grow by the square of a shift, and need no covariance of full rank", () => {
    const a = normal(5, [8], 2), b = { shape: a.shape, data: a.data.map((value) => value + 0.5) };
    expect(frechetDistance(a, b)).to.be.closeTo(8 * 0.25, 1e-7);
  });

  it("refuse what they cannot say", () => {
    expect(() => frechetDistance(normal(1, [4], 1), normal(5, [4], 1))).to.throw(ConfigError, "one row has no covariance");
    expect(() => frechetDistance(normal(5, [4], 1), normal(5, [3], 1))).to.throw(ShapeError, "two widths");
    expect(() => frechetDistance(normal(5, [2], 1), { shape: [2, 2], data: new Float64Array([0, 1, NaN, 2]) })).to.throw(ConfigError, "row 1");
    expect(() => frechetDistance({ shape: [2, 2], data: new Float64Array(5) }, normal(5, [2], 1))).to.throw(ShapeError, "no rows of numbers");
    for (const k of [0, 5, 1.5]) expect(() => precisionRecall(normal(5, [4], 1), normal(9, [4], 2), k)).to.throw(ConfigError, `k is ${k}`);
  });
});

describe("nearest neighbours", () => {
  const rows = normal(20, [9, 9, 1], 3), among = normal(50, [9, 9, 1], 4);

  it("are those of the plain definition", () => {
    const { distances, indices } = nearest(rows, among);
    for (let i = 0; i < 20; i++) {
      const all = Array.from({ length: 50 }, (_, j) => Math.hypot(...Array.from({ length: 81 }, (_, k) => rows.data[i * 81 + k] - among.data[j * 81 + k])));
      expect(indices[i]).to.equal(all.indexOf(Math.min(...all)));
      expect(distances[i]).to.be.closeTo(Math.min(...all), 1e-12);
    }
  });

  it("do not depend on the blocks, to the bit", () => {
    const search = new NearestSearch(rows);
    for (let i = 0; i < 50; i += 7) search.add(rowsAt(among, Array.from({ length: Math.min(7, 50 - i) }, (_, k) => i + k)));
    expect(search.result).to.deep.equal(nearest(rows, among));
  });

  it("pass over the row itself and what equals it, where they are to be distinct", () => {
    const set = rowsAt(among, [0, 1, 2, 1]);
    expect(nearest(set, set).distances).to.deep.equal(new Float64Array(4));
    const { distances, indices } = nearest(set, set, { distinct: true });
    expect(Math.min(...distances)).to.be.above(0);
    expect(indices[3]).to.equal(indices[1]);
    expect(indices[1]).to.be.oneOf([0, 2]);
    expect(nearest(rowsAt(set, [0]), rowsAt(set, [0]), { distinct: true })).to.deep.equal({ distances: new Float64Array([Infinity]), indices: new Int32Array([-1]) });
  });
});

describe("copies", () => {
  const training = normal(40, [30], 5);
  const spacing = nearest(training, training, { distinct: true }).distances;
  const found = (samples: Rows): ReturnType<typeof copies> => {
    const near = nearest(samples, training);
    return copies(near, Array.from(near.indices, (i) => spacing[i]));
  };

  it("are training images, also with a little noise, and are no further samples", () => {
    const some = rowsAt(training, [3, 3, 11]);
    expect(found(some)).to.deep.equal({ share: 1, ratios: new Float64Array(3), indices: new Int32Array([3, 3, 11]) });
    const noise = new Random(9).normal(some.data.length);
    expect(found({ shape: some.shape, data: some.data.map((value, i) => value + 0.1 * noise[i]) }).share).to.equal(1);
    expect(found(normal(40, [30], 6)).share).to.equal(0);
  });

  it("are found where the training images hold duplicates", () => {
    const twice = stacked([training, rowsAt(training, [3])]);
    const near = nearest(rowsAt(training, [3]), twice);
    const apart = nearest(rowsAt(twice, [near.indices[0]]), twice, { distinct: true }).distances;
    expect(copies(near, apart).share).to.equal(1);
  });

  it("refuse a ratio that is none, and missing spacings", () => {
    const near = nearest(training, training);
    for (const ratio of [0, -1, 1.5, NaN]) expect(() => copies(near, spacing, ratio)).to.throw(ConfigError, "ratio");
    expect(() => copies(near, [1])).to.throw(ConfigError, "one spacing a sample");
  });
});
