import { expect } from "chai";
import { Random } from "@fromnoise/tensor";
import { median, quantile, rankTest, ratioOf, relativeMargin, t95 } from "../src/statistics.js";

/** n values about `center`, spread over +- `spread` of it. */
const around = (center: number, spread: number, n = 10): number[] =>
  Array.from({ length: n }, (_, i) => center * (1 + spread * Math.sin(2.4 * i)));

describe("statistics of the benches", () => {
  it("takes quantiles between order statistics", () => {
    expect(median([3, 1, 2])).to.equal(2);
    expect(median([4, 1, 2, 3])).to.equal(2.5);
    expect(quantile([0, 10], 0.95)).to.equal(9.5);
    expect(quantile([7], 0.95)).to.equal(7);
    expect(median([])).to.be.NaN;
  });

  it("knows Student's quantiles", () => {
    for (const [df, t] of [[1, 12.706], [5, 2.571], [10, 2.228], [15, 2.131], [30, 2.042], [120, 1.98], [Infinity, 1.96]]) {
      expect(t95(df)).to.be.closeTo(t, 0.003 * t);
    }
    expect(t95(4.5)).to.be.within(2.571, 2.776);
  });

  it("gives the margin of the mean in percent", () => {
    expect(relativeMargin([9, 10, 11])).to.be.closeTo((100 * 4.303 * Math.sqrt(1 / 3)) / 10, 1e-9);
    expect(relativeMargin([1])).to.be.NaN;
  });

  it("finds the ratio of two samples inside its interval, and whether they differ", () => {
    const slower = ratioOf(around(1, 0.05), around(1.5, 0.05));
    expect(slower.ratio).to.be.closeTo(1.5, 0.01);
    expect(slower.low).to.be.within(1.35, 1.5);
    expect(slower.high).to.be.within(1.5, 1.65);
    expect(slower.differs).to.be.true;
    expect(ratioOf(around(1, 0.05), around(1.01, 0.06)).differs).to.be.false;
  });

  it("widens the interval by the drift of the machine", () => {
    const sample = ratioOf(around(1, 0.01), around(1.1, 0.01), Math.log(1.2));
    expect(sample.low).to.be.below(1.1 / 1.19);
    expect(sample.differs).to.be.false;
  });

  it("finds two runs of equal speed inside the interval it prints, at least as often as it says", () => {
    const random = new Random(7), pairs = 400;
    const rounds = (): number[] => Array.from(random.normal(6), (z) => 10 * Math.exp(0.05 * z));
    let [inside, alarms] = [0, 0];
    for (let i = 0; i < pairs; i++) {
      const { low, high, differs } = ratioOf(rounds(), rounds());
      if (low <= 1 && high >= 1) inside++;
      if (differs) alarms++;
    }
    expect(inside / pairs).to.be.within(0.92, 0.99);
    expect(alarms / pairs).to.be.below(0.08);
  });

  it("claims nothing from a single round", () => {
    expect(ratioOf([1], [2])).to.deep.equal({ ratio: 2, low: 0, high: Infinity, differs: false });
  });

  it("ranks the slower sample after the faster one", () => {
    expect(rankTest(around(1, 0.1), around(2, 0.1))).to.equal(1);
    expect(rankTest(around(2, 0.1), around(1, 0.1))).to.equal(-1);
    expect(rankTest(around(1, 0.1), around(1, 0.1))).to.equal(0);
  });
});
