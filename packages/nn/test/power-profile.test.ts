import { expect } from "chai";
import { ConfigError, openDevice, Random, tensor, type Device } from "@fromnoise/tensor";
import { Adam, Grads, PowerEma, profileExponent, profileLength, rebuildWeights, type Profile } from "@fromnoise/nn";
import { messageOf, readGolden, smallUNet, valuesOf, vectorModule } from "./small.js";

interface Golden {
  exponents: Record<string, number>;
  cases: { steps: number[]; length: number; plain: number[]; weights: number[]; error: number }[];
  direct: { length: number; weights: number[] }[];
}
const golden = readGolden<Golden>("power-profiles");

const both = (steps: readonly number[]): Profile[] => steps.flatMap((step) => [0.05, 0.1].map((length) => ({ length, step })));
const largest = (a: readonly number[], b: readonly number[]): number => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

describe("averages by powers of time", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());

  it("the exponent of a length is the root of the paper's polynomial, and its length the one asked for", () => {
    for (const [length, exponent] of Object.entries(golden.exponents)) {
      expect(profileExponent(Number(length))).to.be.closeTo(exponent, 1e-7 * Math.abs(exponent) + 1e-9, length);
      expect(profileLength(profileExponent(Number(length)))).to.be.closeTo(Number(length), 1e-15);
    }
    expect(profileLength(0)).to.be.closeTo(Math.sqrt(1 / 12), 1e-16);                // all steps alike
  });

  it("weighs the steps as the paper's decays do, which is the share of the continuous profile in each step", async () => {
    for (const { length, weights } of golden.direct) {
      const n = weights.length, module = vectorModule(device, new Array<number>(n).fill(0));
      const ema = new PowerEma(module, length);
      for (let i = 0; i < n; i++) {                                                    // in step i the parameters are the i-th unit vector
        module.p.tensor = tensor(weights.map((_, j) => Number(j === i)), { device, dtype: "f64" });
        ema.update();
      }
      const found = await valuesOf(ema.network.p.tensor);
      expect(largest(found, weights)).to.be.below(1e-13);
      const power = ema.exponent + 1;
      expect(largest(found, weights.map((_, i) => ((i + 1) / n) ** power - (i / n) ** power))).to.be.below(1e-14);
    }
  });

  it("follows Adam within its step as by an update after it, to the bit", async () => {
    const run = async (within: boolean): Promise<number[][]> => {
      const unet = smallUNet(device), adam = new Adam(unet), average = new PowerEma(unet, 0.1), random = new Random(5);
      for (let step = 0; step < 4; step++) {
        const grads = new Grads(device);
        for (const p of unet.parameters) {
          grads.add(p, tensor(random.normal(p.shape.reduce((a, b) => a * b, 1)), { device, dtype: "f64", shape: p.shape }));
        }
        adam.step(grads, { lr: 0.1, ...(within ? { average } : {}) });
        if (!within) average.update();
        grads.clear();
      }
      return Promise.all(average.network.parameters.map(({ tensor: t }) => valuesOf(t)));
    };
    expect(await run(true)).to.deep.equal(await run(false));
  });

  it("rebuilds by numpy's weights of sum 1, which are the paper's where those sum to 1", () => {
    for (const { steps, length, plain, weights, error } of golden.cases) {
      const found = rebuildWeights(both(steps), { length, step: steps.at(-1)! });
      expect(largest(found.weights, weights)).to.be.below(1e-9, `${steps} ${length}`);
      expect(found.error).to.be.closeTo(error, 1e-7);
      const [sum, off] = [found.weights.reduce((a, b) => a + b), Math.abs(plain.reduce((a, b) => a + b) - 1)];
      expect(sum).to.be.closeTo(1, 1e-12);
      expect(largest(found.weights, plain)).to.be.below(2 * off + 1e-9);
    }
  });

  it("takes an average that is there as it is", () => {
    const given = both([100, 200, 300]);
    for (const i of [0, 3, 5]) expect(rebuildWeights(given, given[i])).to.deep.equal({ weights: given.map((_, j) => Number(i === j)), error: 0 });
  });

  it("comes nearer with more averages: to 0.6 % of length 0.15 from twenty times two", () => {
    const error = (n: number): number => rebuildWeights(both(Array.from({ length: n }, (_, i) => (i + 1) * 100)), { length: 0.15, step: n * 100 }).error;
    expect([error(5), error(10), error(20), error(50)].map((e) => Number(e.toPrecision(2)))).to.deep.equal([0.074, 0.022, 0.0058, 0.00095]);
  });

  it("refuses lengths that no power has, and to rebuild from nothing", () => {
    for (const length of [0, 0.009, 0.31, NaN, -1, Infinity]) expect(() => profileExponent(length)).to.throw(ConfigError, "0.01 .. 0.3");
    expect(messageOf(() => rebuildWeights([], { length: 0.1, step: 1 }))).to.contain("no averages");
    expect(messageOf(() => new PowerEma(vectorModule(device, [1]), 0.4))).to.contain("0.4");
    const alike = [{ length: 0.1, step: 5 }, { length: 0.1, step: 5 }];
    expect(messageOf(() => rebuildWeights(alike, { length: 0.2, step: 5 }))).to.contain("too alike");
  });
});
