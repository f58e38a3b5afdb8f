import { ConfigError } from "@fromnoise/tensor";
import { expect } from "chai";
import { arrayDataset, openBuiltin, splitDataset, type Dataset } from "../../src/data/node/index.js";

/** A dataset whose sample i is the number i. */
const numbers = (count: number): Dataset => arrayDataset({ name: "numbers", shape: [1], values: Array.from({ length: count }, (_, i) => i) });
const valuesOf = (data: Dataset | undefined): number[] => Array.from({ length: data?.count ?? 0 }, (_, i) => data!.sample(i)[0]);

describe("the part held out", () => {
  it("is the last of every so many samples, by index alone", () => {
    const { training, heldOut } = splitDataset(numbers(11), 4);
    expect(valuesOf(training)).to.deep.equal([0, 1, 2, 4, 5, 6, 8, 9, 10]);
    expect(valuesOf(heldOut)).to.deep.equal([3, 7]);
    const more = splitDataset(numbers(1000), 4);
    expect(valuesOf(more.heldOut).slice(0, 2), "samples that come later change nothing").to.deep.equal([3, 7]);
  });

  it("has nothing in common with the rest, and both together are everything, in order", () => {
    for (const [count, every] of [[2, 2], [9, 3], [10, 3], [100, 7], [101, 100]]) {
      const { training, heldOut } = splitDataset(numbers(count), every);
      expect(heldOut!.count).to.equal(Math.floor(count / every));
      for (const part of [training, heldOut!]) expect(valuesOf(part)).to.deep.equal(valuesOf(part).sort((a, b) => a - b));
      expect([...valuesOf(training), ...valuesOf(heldOut)].sort((a, b) => a - b)).to.deep.equal(valuesOf(numbers(count)));
    }
  });

  it("is none with 0, and where there are fewer samples", () => {
    for (const [count, every] of [[20, 0], [9, 10]]) {
      const all = numbers(count);
      expect(splitDataset(all, every)).to.deep.equal({ training: all, heldOut: undefined });
    }
  });

  it("takes its share of every class of the digits, to less than one image", () => {
    const digits = openBuiltin("digits");
    const { training, heldOut } = splitDataset(digits, 10);
    const counts = (data: Dataset): number[] => {
      const found = Array<number>(10).fill(0);
      for (let i = 0; i < data.count; i++) found[data.label!(i)]++;
      return found;
    };
    const [all, left, held] = [digits, training, heldOut!].map(counts);
    expect([training.classes, heldOut!.classes]).to.deep.equal([10, 10]);
    held.forEach((n, c) => {
      expect(Math.abs(n - all[c] / 10), `class ${c}`).to.be.below(1);
      expect(n + left[c]).to.equal(all[c]);
    });
    expect(heldOut!.sample(700)).to.deep.equal(digits.sample(7009));
    expect([training.label!(1000), digits.label!(1111)]).to.deep.equal([1, 1]);
  });

  it("says what it is", () => {
    const { training, heldOut } = splitDataset(openBuiltin("digits"), 10);
    expect(training.describe()).to.equal("digits: 10,000 images, 28x28 gray; 9,000 to train on, 1 in 10 held out");
    expect(heldOut!.describe()).to.equal("digits: 10,000 images, 28x28 gray; the 1,000 held out, 1 in 10");
    expect([training, heldOut!].map(({ name, shape }) => [name, shape])).to.deep.equal([["digits", [28, 28, 1]], ["digits", [28, 28, 1]]]);
  });

  it("has no samples beyond its own, and no labels where there are none", () => {
    const { training, heldOut } = splitDataset(numbers(10), 5);
    expect(() => training.sample(8)).to.throw(RangeError, "numbers: no sample 8, there are 8");
    expect(() => heldOut!.sample(2)).to.throw(RangeError, "numbers: no sample 2, there are 2");
    expect(training).not.to.have.any.keys("label", "classes");
  });

  it("cannot be all samples, or a fraction", () => {
    for (const every of [1, -2, 2.5, NaN]) {
      expect(() => splitDataset(numbers(10), every)).to.throw(ConfigError, `holdOut: ${every} is not allowed\n  allowed  0, whole numbers from 2`);
    }
  });
});
