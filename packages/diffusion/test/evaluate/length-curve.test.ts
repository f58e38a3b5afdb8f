import { expect } from "chai";
import { lengthsBetween } from "../../src/index.js";

describe("lengths of a curve", () => {
  it("are each the same multiple of the one before, to three digits, the ends as they are", () => {
    expect(lengthsBetween([0.05, 0.3], 8)).to.deep.equal([0.05, 0.065, 0.083, 0.108, 0.139, 0.18, 0.232, 0.3]);
    expect(lengthsBetween([0.1234, 0.1236], 5)).to.deep.equal([0.1234, 0.1236]);
  });
});
