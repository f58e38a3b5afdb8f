import { ConfigError, ShapeError } from "@fromnoise/tensor";
import { expect } from "chai";
import { arrayDataset, loadBatch, type ArrayOptions } from "../../src/data/index.js";

describe("arrays as a dataset", () => {
  it("may be one array of all values or an array a sample", () => {
    const flat = arrayDataset({ shape: [2], values: [1, 2, 3, 4, 5, 6] });
    const nested = arrayDataset({ shape: [2], values: [[1, 2], Float32Array.of(3, 4), [5, 6]] });
    for (const points of [flat, nested]) {
      expect(points).to.deep.include({ name: "array", count: 3, shape: [2] });
      expect([0, 1, 2].map((i) => [...points.sample(i)])).to.deep.equal([[1, 2], [3, 4], [5, 6]]);
      expect(points.describe()).to.equal("array: 3 samples, shape [2]");
      expect(points).not.to.have.any.keys("label", "classes");
    }
    expect(() => flat.sample(3)).to.throw(RangeError, "array: no sample 3, there are 3 (0 .. 2)");
  });

  it("keep every bit: Float32Array where the values are, else Float64Array", () => {
    expect(arrayDataset({ shape: [], values: [0.1] }).sample(0)).to.deep.equal(Float64Array.of(0.1));
    expect(arrayDataset({ shape: [1], values: Float32Array.of(0.1) }).sample(0)).to.deep.equal(Float32Array.of(0.1));
    expect(arrayDataset({ shape: [1], values: [Float32Array.of(0.5)] }).sample(0)).to.be.instanceOf(Float32Array);
    expect(loadBatch(arrayDataset({ shape: [2], values: [0.1, 0.2, 0.3, 0.4] }), [1])).to.deep.equal(Float64Array.of(0.3, 0.4));
  });

  it("are a copy, which neither their owner nor a reader of samples can spoil", () => {
    const values = Float32Array.of(1, 2), labels = [0, 1];
    const data = arrayDataset({ shape: [1], values, labels });
    values.fill(9);
    labels.fill(0);
    data.sample(0).fill(7);
    expect([data.sample(0)[0], data.sample(1)[0], data.label!(1)]).to.deep.equal([1, 2, 1]);
  });

  it("may be images", () => {
    const images = arrayDataset({ name: "mine", shape: [1, 2, 3], values: new Float32Array(6) });
    expect(images.describe()).to.equal("mine: 1 image, 2x1 RGB");
    expect(arrayDataset({ shape: [1, 2, 2], values: new Float32Array(8) }).describe()).to.equal("array: 2 samples, shape [1, 2, 2]");
  });

  it("have the labels that they are given, and as many classes", () => {
    const data = arrayDataset({ shape: [1], values: [5, 6, 7], labels: Uint8Array.of(0, 2, 1) });
    expect(data.classes).to.equal(3);
    expect([0, 1, 2].map((i) => data.label!(i))).to.deep.equal([0, 2, 1]);
    expect(() => data.label!(3)).to.throw(RangeError, "no sample 3");
    expect(arrayDataset({ shape: [1], values: [5], labels: [0], classes: 10 }).classes).to.equal(10);
  });

  const refused: [what: string, options: ArrayOptions, error: typeof ConfigError | typeof ShapeError, message: string][] = [
    ["no values", { shape: [2], values: [] }, ShapeError, "array: the values are no whole samples\n  got        0 values\n"],
    ["half a sample", { shape: [2, 2], values: [1, 2, 3, 4, 5, 6] }, ShapeError, "array: the values are no whole samples\n"
      + "  got        6 values\n  expected   a multiple of 4, of shape [2, 2], and at least one sample"],
    ["a short sample", { shape: [2], values: [[1, 2], [3]] }, ShapeError, "array: sample 1 has another length than its shape\n"
      + "  got        1 values\n  expected   2, of shape [2]"],
    ["a shape of nothing", { shape: [2, 0], values: [1] }, ShapeError, "array: no sample has such a shape\n  got        [2, 0]\n"],
    ["NaN", { name: "bad", shape: [2], values: [1, 2, 3, NaN] }, ConfigError,
      "bad: a value is no finite number\n  got        NaN, value 1 of sample 1"],
    ["an infinite sample", { shape: [1], values: [[1], [2], [-Infinity]] }, ConfigError, "got        -Infinity, value 0 of sample 2"],
    ["text", { shape: [1], values: ["1"] as unknown as number[] }, ConfigError, "got        1, value 0 of sample 0"],
    ["too few labels", { shape: [1], values: [1, 2, 3], labels: [0] }, ShapeError,
      "array: there is not one label a sample\n  got        1 labels\n  expected   3"],
    ["a label beyond the classes", { shape: [1], values: [1, 2], labels: [0, 2], classes: 2 }, ConfigError,
      "array: a label is no class\n  got        2, of sample 1\n  allowed    0 .. 1"],
    ["a label below 0", { shape: [1], values: [1], labels: [-1] }, ConfigError, "allowed    whole numbers from 0"],
    ["half a label", { shape: [1], values: [1], labels: [0.5] }, ConfigError, "got        0.5, of sample 0"],
    ["no number of classes", { shape: [1], values: [1], labels: [0], classes: 0 }, ConfigError, "there is no such number of classes"],
    ["classes alone", { shape: [1], values: [1], classes: 2 }, ConfigError, "array: classes without labels\n  got        2 classes"],
  ];
  for (const [what, options, error, message] of refused) {
    it(`refuse ${what}`, () => expect(() => arrayDataset(options)).to.throw(error, message));
  }
});
