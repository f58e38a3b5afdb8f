import { expect } from "chai";
import { erf, erfc, normalCdf, normalDensity } from "../../src/math/erf.js";

/** [x, erf x, erfc x], computed with 30 digits and rounded to doubles. */
const table: readonly (readonly [number, number, number])[] = [
  [0.001, 0.0011283787909692364, 0.9988716212090308],
  [0.125, 0.14031620480133382, 0.8596837951986662],
  [0.5, 0.5204998778130465, 0.4795001221869535],
  [1, 0.8427007929497149, 0.15729920705028513],
  [1.5, 0.9661051464753107, 0.033894853524689273],
  [2, 0.9953222650189527, 0.004677734981047266],
  [2.25, 0.9985372834133188, 0.0014627165866811517],
  [2.5, 0.9995930479825550, 0.00040695201744495894],
  [2.75, 0.9998993780778804, 0.00010062192211963684],
  [3.5, 0.9999992569016277, 7.430983723414128e-7],
  [5, 0.9999999999984625, 1.537459794428035e-12],
  [5.75, 0.9999999999999996, 4.232136617425738e-16],
];

const relative = (y: number, yRef: number): number => Math.abs(y - yRef) / Math.abs(yRef);

describe("the error function", () => {
  it("agrees with tabulated values to 2e-15, and its complement to 1e-12", () => {
    for (const [x, y, complement] of table) {
      expect(relative(erf(x), y), `erf ${x}`).to.be.below(2e-15);
      expect(relative(erfc(x), complement), `erfc ${x}`).to.be.below(1e-12);
    }
  });

  it("keeps its accuracy for tiny arguments and far out in the tail", () => {
    expect(relative(erf(1e-300), 1.1283791670955126e-300)).to.be.below(2e-15);
    expect(relative(erfc(10), 2.0884875837625448e-45)).to.be.below(1e-13);
    expect(relative(erfc(20), 5.395865611607901e-176)).to.be.below(1e-13);
  });

  it("is odd, and its complement is 2 - erfc x on the other side", () => {
    for (const [x, y] of table) {
      expect(erf(-x)).to.equal(-erf(x));
      expect(relative(erfc(-x), 1 + y)).to.be.below(2e-15);
    }
  });

  it("does not jump where the two expansions meet", () => {
    const slope = 2 / Math.sqrt(Math.PI) * Math.exp(-6.25);
    expect((erf(2.5) - erf(2.5 - 1e-6)) / 1e-6).to.be.closeTo(slope, 1e-8);
    expect((erf(-2.5 + 1e-6) - erf(-2.5)) / 1e-6).to.be.closeTo(slope, 1e-8);
  });

  it("has the limits 0, 1, -1 and passes NaN on", () => {
    expect([erf(0), erf(Infinity), erf(-Infinity), erfc(0), erfc(Infinity), erfc(-Infinity)]).to.deep.equal([0, 1, -1, 1, 0, 2]);
    expect(Object.is(erf(-0), -0)).to.equal(true);
    expect([erf(NaN), erfc(NaN)]).to.deep.equal([NaN, NaN]);
  });
});

describe("the standard normal distribution", () => {
  it("agrees with tabulated probabilities and densities, in the lower tail relatively too", () => {
    const values = [
      [-8, 6.220960574271784e-16, 5.052271083536892e-15],
      [-3, 0.0013498980316300945, 0.0044318484119380072],
      [-1, 0.15865525393145705, 0.24197072451914335],
      [0.5, 0.6914624612740131, 0.3520653267642995],
      [2, 0.9772498680518208, 0.05399096651318805],
    ];
    for (const [x, p, density] of values) {
      expect(relative(normalCdf(x), p), `Phi(${x})`).to.be.below(1e-12);
      expect(relative(normalDensity(x), density), `phi(${x})`).to.be.below(1e-14);
    }
  });
});
