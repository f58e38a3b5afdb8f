import { expect } from "chai";
import { atan, cos, exp, expm1, integerPower, log1p, power, sin } from "../../src/math/elementary.js";
import { Random } from "../../src/random/random.js";
import { exactCosSin, exactExp, toFixed, ulps } from "../exact.js";

const worst = (errors: readonly number[]): number => Math.max(...errors);
const uniform = (seed: number, n: number, low: number, high: number): number[] =>
  Array.from(new Random(seed).uniform(n), (u) => low + u * (high - low));

describe("the elementary functions", () => {
  it("exp stays within 1.5 units in the last place", () => {
    const xs = [...uniform(1, 300, -40, 40), ...uniform(2, 100, -1, 1), 1, -1, 1e-9, -1e-17, Math.LN2, 0.5 * Math.LN2, 3 * Math.LN2];
    expect(worst(xs.map((x) => ulps(exp(x), exactExp(x))))).to.be.lessThan(1.5);
  });

  it("exp takes its special values, and ends in zeros below and in infinity above", () => {
    expect([0, -0, Infinity, -Infinity, NaN, 710, -746].map(exp)).to.deep.equal([1, 1, Infinity, 0, NaN, Infinity, 0]);
    for (const x of [-745, -740, -708, -300, 300, 700, 709.7]) expect(Math.abs(exp(x) / Math.exp(x) - 1), `exp ${x}`).to.be.lessThan(x < -708 ? 0.1 : 5e-16);
  });

  it("sine and cosine stay within 1.5 units in the last place for angles up to 2^20, also near their zeros", () => {
    const zeros = [1, 2, 3, 710, 100000].flatMap((q) => [0, 1, -1].map((k) => (q * Math.PI / 2) * (1 + k * 2 ** -50)));
    const xs = [...uniform(3, 300, -10, 10), ...uniform(4, 200, 0, 1000), ...uniform(5, 200, -(2 ** 20), 2 ** 20), ...zeros, 1e-9, 999];
    for (const [k, f] of [cos, sin].entries()) {
      expect(worst(xs.map((x) => ulps(f(x), exactCosSin(x)[k]!))), f.name).to.be.lessThan(1.5);
    }
    expect([sin(0), cos(0), cos(NaN)]).to.deep.equal([0, 1, NaN]);
    expect(() => sin(2 ** 21)).to.throw(RangeError, "the angle is too large for exact bits, allowed up to 1048576");
  });

  it("powers agree with products, with e^(y ln x), and take 0 and 1", () => {
    for (const x of [0.9, 0.999, 0.95, 1.5]) {
      let product = toFixed(x);
      for (let n = 2; n <= 40; n++) {
        product = (product * toFixed(x)) >> 256n;
        expect(ulps(integerPower(x, n), product), `${x}^${n}`).to.be.lessThan(n);
        expect(Math.abs(power(x, n) / integerPower(x, n) - 1), `${x}^${n}`).to.be.lessThan(1e-14);
      }
    }
    expect([integerPower(0.5, 0), integerPower(0, 3), power(0, 0.5), power(4, 0.5), power(7, 0)])
      .to.deep.equal([1, 0, 0, 2, 1]);
    expect(Math.abs(integerPower(0.9999, 1e6) / 0.9999 ** 1e6 - 1)).to.be.lessThan(1e-10);
  });

  it("expm1 and log1p are accurate near 0, where exp and log are not", () => {
    for (const x of [...uniform(6, 100, -0.3, 0.3), 1e-4, 1e-8, 1e-12, -1e-8, 0.4, 5, -2]) {
      expect(ulps(expm1(x), exactExp(x) - (1n << 256n)), `expm1 ${x}`).to.be.lessThan(4);
      if (x > -0.5) expect(Math.abs(log1p(x) / Math.log1p(x) - 1), `log1p ${x}`).to.be.lessThan(4e-16);
    }
    expect([expm1(0), log1p(0), log1p(Infinity)]).to.deep.equal([0, 0, Infinity]);
  });

  it("atan is the inverse of sin / cos", () => {
    for (const x of [...uniform(7, 100, 0, 1), ...uniform(8, 100, 1, 1000), 1e-9, 1e9]) {
      expect(Math.abs(atan(x) / Math.atan(x) - 1), `atan ${x}`).to.be.lessThan(5e-16);
    }
    expect([atan(0), atan(Infinity)]).to.deep.equal([0, Math.PI / 2]);
  });
});
