import { expect } from "chai";
import { log, unitCircle } from "../src/math/elementary.js";
import { philox4x32 } from "../src/random/philox.js";
import { permutation, Random } from "../src/random/random.js";
import { exactLog, exactUnitCircle, ulps } from "./exact.js";
import { knownAnswers, randomAnswers } from "./random-answers.js";

const mean = (x: ArrayLike<number>, power = 1): number =>
  Array.from(x, (v) => v ** power).reduce((a, b) => a + b, 0) / x.length;

/** Largest distance between the empirical distribution function of x and `cdf`, times sqrt(n): 1.95 is passed by 1 in 1000. */
function kolmogorov(x: Float64Array, cdf: (v: number) => number): number {
  const sorted = x.slice().sort();
  let worst = 0;
  sorted.forEach((v, i) => {
    worst = Math.max(worst, Math.abs(cdf(v) - i / x.length), Math.abs(cdf(v) - (i + 1) / x.length));
  });
  return worst * Math.sqrt(x.length);
}

/** Phi(x) by the Taylor series of erf: 1/2 + phi(x) (x + x^3/3 + x^5/15 + ...). */
function normalCdf(x: number): number {
  let sum = 0;
  for (let n = 1, term = x; Math.abs(term) > 1e-17; n += 2, term *= x * x / n) sum += term;
  return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

describe("Philox4x32-10", () => {
  it("gives Random123's known answers", () => {
    expect(randomAnswers().philox).to.deep.equal(knownAnswers.philox);
  });

  it("is what a generator's blocks are made of: counter [block, stream], key seed, low words first", () => {
    const random = Random.from({ seed: 5 * 2 ** 32 + 6, stream: 3 * 2 ** 32 + 4, counter: 2 ** 32 + 2 });
    const [a, b, c, d] = philox4x32([2, 1, 4, 3], [6, 5]);
    expect(random.counter).to.equal(4294967298);
    expect(Array.from(random.uniform(2))).to.deep.equal([
      ((a! >>> 5) * 2 ** 26 + (b! >>> 6)) / 2 ** 53, ((c! >>> 5) * 2 ** 26 + (d! >>> 6)) / 2 ** 53,
    ]);
    expect(random.counter).to.equal(4294967299);
  });
});

describe("the elementary functions behind the normals", () => {
  it("log stays within 1 unit in the last place of the exact value, over all exponents and around 1", () => {
    const spread = Array.from(new Random(1).uniform(300), (u, i) => (1 - u) * 2 ** (i % 120 - 60));
    const nearOne = [1, 2, 3, 1000, 2 ** 20, 2 ** 40].flatMap((k) => [1 - k * 2 ** -53, 1 + k * 2 ** -52]);
    const edges = [Math.SQRT1_2, Math.SQRT2, 0.70710678118654746, 1.4142135623730949, 2 ** -53, 0.5, 2, Math.E];
    const worst = Math.max(...[...spread, ...nearOne, ...edges].map((x) => ulps(log(x), exactLog(x))));
    expect(worst).to.be.lessThan(1);
  });

  it("log agrees with Math.log and takes its special values", () => {
    for (const x of [5e-324, 1e-310, 2.2250738585072014e-308, 1e-5, 0.3, 7, 1e100, Number.MAX_VALUE]) {
      expect(Math.abs(log(x) / Math.log(x) - 1), `log(${x})`).to.be.lessThan(5e-16);
    }
    expect([1, 0, -0, Infinity, -1, NaN].map(log)).to.deep.equal([0, -Infinity, -Infinity, Infinity, NaN, NaN]);
  });

  it("cosine and sine stay within 1.5 units in the last place, all the way round and near their zeros", () => {
    const zeros = [1, 2, 3, 4].flatMap((q) => [1, 3, 2 ** 10, 2 ** 30].map((k) => q / 4 - k * 2 ** -53));
    const octants = [1, 3, 5, 7].flatMap((k) => [k / 8, k / 8 - 2 ** -53, k / 8 + 2 ** -53]);
    const out = new Float64Array(2);
    let worst = 0;
    for (const u of [...new Random(2).uniform(300), ...zeros, ...octants]) {
      unitCircle(u, out);
      const [cos, sin] = exactUnitCircle(u);
      worst = Math.max(worst, ulps(out[0]!, cos), ulps(out[1]!, sin));
      expect(out[0]).to.be.closeTo(Math.cos(2 * Math.PI * u), 1e-15);
      expect(out[1]).to.be.closeTo(Math.sin(2 * Math.PI * u), 1e-15);
    }
    expect(worst).to.be.lessThan(1.5);
  });

  it("the quarter turns are exact", () => {
    const out = new Float64Array(10);
    [0, 0.25, 0.5, 0.75, 1].forEach((u, i) => unitCircle(u, out, 2 * i));
    expect(Array.from(out, (v) => v + 0)).to.deep.equal([1, 0, 0, 1, -1, 0, 0, -1, 1, 0]);
  });
});

describe("Random", () => {
  it("gives the same bits on every engine: first draws and a digest of 100,000 normals are pinned", () => {
    expect(randomAnswers()).to.deep.equal(knownAnswers);
  });

  it("normals have mean 0, variance 1, skewness 0 and kurtosis 3 within 4 standard errors", () => {
    const n = 200_000;
    const z = new Random(3).normal(n);
    expect(mean(z)).to.be.closeTo(0, 4 / Math.sqrt(n));
    expect(mean(z, 2)).to.be.closeTo(1, 4 * Math.sqrt(2 / n));
    expect(mean(z, 3)).to.be.closeTo(0, 4 * Math.sqrt(15 / n));
    expect(mean(z, 4)).to.be.closeTo(3, 4 * Math.sqrt(96 / n));
  });

  it("normals and uniforms follow their distribution functions", () => {
    expect(kolmogorov(new Random(4).normal(50_000), normalCdf)).to.be.lessThan(1.95);
    const u = new Random(5).uniform(50_000);
    expect(kolmogorov(u, (v) => v)).to.be.lessThan(1.95);
    expect(Math.min(...u)).to.be.at.least(0);
    expect(Math.max(...u)).to.be.lessThan(1);
    expect(kolmogorov(u.map((v) => v * v), (v) => v), "the measure itself bites").to.be.greaterThan(10);
  });

  it("the two normals of a pair, neighbouring pairs, and their squares are uncorrelated", () => {
    const n = 100_000;
    const z = new Random(6).normal(n + 3);
    for (const lag of [1, 2, 3]) {
      expect(mean(z.slice(0, n).map((v, i) => v * z[i + lag]!))).to.be.closeTo(0, 4 / Math.sqrt(n));
      expect(mean(z.slice(0, n).map((v, i) => (v * v - 1) * (z[i + lag]! ** 2 - 1)))).to.be.closeTo(0, 8 / Math.sqrt(n));
    }
  });

  it("streams, seeds and far-away counters are independent of each other", () => {
    const n = 50_000;
    const draws = [
      new Random(0, 0), new Random(0, 1), new Random(1, 0), new Random(0, 2 ** 32), new Random(2 ** 32, 0),
      Random.from({ seed: 0, stream: 0, counter: 2 ** 32 }),
    ].map((random) => random.normal(n));
    draws.forEach((a, i) => draws.slice(0, i).forEach((b, j) => {
      expect(mean(a.map((v, k) => v * b[k]!)), `sequences ${i} and ${j}`).to.be.closeTo(0, 4 / Math.sqrt(n));
    }));
  });

  it("resumes from a state that went through JSON", () => {
    const random = new Random(7, 3);
    random.normal(5);
    random.permutation(100);
    const state = JSON.parse(JSON.stringify(random.state()));
    expect(state).to.deep.equal({ seed: 7, stream: 3, counter: random.counter });
    const resumed = Random.from(state);
    expect(resumed.normal(9)).to.deep.equal(random.normal(9));
    expect(resumed.integers(9, 7)).to.deep.equal(random.integers(9, 7));
    expect(resumed.state()).to.deep.equal(random.state());
  });

  it("each draw takes whole blocks: an even draw splits at even places, and an odd one rounds up", () => {
    const whole = Array.from(new Random(8).normal(10));
    const random = new Random(8);
    expect([...random.normal(4), ...random.normal(6)]).to.deep.equal(whole);
    expect(random.counter).to.equal(5);
    expect(Array.from(new Random(8).normal(3))).to.deep.equal(whole.slice(0, 3));
    random.normal(3);
    random.uniform(1);
    random.normal(0);
    expect(random.counter).to.equal(8);
  });

  it("integers are uniform and in range, also for bounds that do not divide 2^32", () => {
    for (const bound of [1, 2, 7, 1000]) {
      const n = 1000 * Math.min(bound, 50);
      const counts = new Float64Array(bound);
      for (const k of new Random(9).integers(n, bound)) counts[k]!++;
      expect(counts.reduce((a, b) => a + b, 0)).to.equal(n);
      const chi2 = counts.reduce((sum, c) => sum + (c - n / bound) ** 2 * bound / n, 0);
      expect(chi2).to.be.lessThan(bound + 4 * Math.sqrt(2 * bound));
    }
    const large = new Random(10).integers(30_000, 1_500_000_000);  // a bare modulo would favour the lower residues 3 : 2
    expect(mean(large) / 1_500_000_000).to.be.closeTo(0.5, 4 / Math.sqrt(12 * 30_000));
    expect(Math.max(...new Random(11).integers(1000, 2 ** 31))).to.be.within(2 ** 30, 2 ** 31 - 1);
  });

  it("a permutation holds every index once, and all orders of four are equally frequent", () => {
    expect(Array.from(new Random(12).permutation(1000)).sort((a, b) => a - b)).to.deep.equal([...Array(1000).keys()]);
    const random = new Random(13);
    const counts = new Map<string, number>();
    const n = 24_000;
    for (let i = 0; i < n; i++) {
      const order = random.permutation(4).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).to.equal(24);
    const chi2 = [...counts.values()].reduce((sum, c) => sum + (c - n / 24) ** 2 * 24 / n, 0);
    expect(chi2).to.be.lessThan(49.7);  // 23 degrees of freedom: passed by 1 in 1000
    expect(random.permutation(0)).to.have.length(0);
    expect(Array.from(random.permutation(1))).to.deep.equal([0]);
  });

  it("permutation(n, key) is the first permutation of that stream", () => {
    expect(permutation(20, { seed: 1, stream: 2 })).to.deep.equal(new Random(1, 2).permutation(20));
    expect(permutation(20, { seed: 1, stream: 3 })).to.not.deep.equal(permutation(20, { seed: 1, stream: 2 }));
  });

  it("refuses seeds, streams, counters, sizes and bounds outside their range, and says what is allowed", () => {
    for (const seed of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
      expect(() => new Random(seed), `seed ${seed}`)
        .to.throw(RangeError, `seed must be an integer\n  allowed: 0 .. 9007199254740991\n  got: ${seed}`);
    }
    expect(() => new Random(2 ** 53 - 1, 2 ** 53 - 1).normal(1)).to.not.throw();
    expect(() => new Random(0, -1)).to.throw(RangeError, "stream must be an integer");
    expect(() => Random.from({ seed: 0, stream: 0, counter: -1 })).to.throw(RangeError, "counter must be an integer");
    expect(() => new Random(0).normal(-1)).to.throw(RangeError, "n must be an integer");
    expect(() => new Random(0).uniform(1.5)).to.throw(RangeError, "n must be an integer");
    expect(() => new Random(0).integers(1, 0)).to.throw(RangeError, "bound must be an integer\n  allowed: 1 .. 2147483648");
    expect(() => new Random(0).permutation(2 ** 31)).to.throw(RangeError, "n must be an integer");
  });
});
