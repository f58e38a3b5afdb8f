import { expect } from "chai";
import { ConfigError, openDevice, Random, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { initialize, UNet } from "@fromnoise/nn";
import { arrayDataset } from "../../src/data/arrays.js";
import {
  boundSteps, boundTerm, density, discreteProcess, exactDenoiser, priorTerm, qSample, rateDistortion, stepGaussian, stepsBack, variationalBound,
  type BoundOptions, type DiffusionModel, type DiscreteProcess, type VarianceKind,
} from "../../src/index.js";
import { thrown } from "../thrown.js";
import { tinyDataset, tinyModel } from "../train/fixtures.js";

const mixture = { weights: [0.3, 0.7], means: [[-0.6], [0.5]], sd: 0.25 };

/** The mixture's density at x. */
function densityAt(x: number): number {
  const { weights, means, sd } = mixture;
  return weights.reduce((sum, w, k) => sum + w * Math.exp(-((x - means[k][0]) ** 2) / (2 * sd * sd)) / Math.sqrt(2 * Math.PI * sd * sd), 0);
}

/** Points from `from` to `to`, each with its weight under a density: sums over them are integrals to many digits. */
function grid(from: number, to: number, h: number, p: (x: number) => number): [x: number, weight: number][] {
  return Array.from({ length: Math.round((to - from) / h) + 1 }, (_, i) => [from + i * h, h * p(from + i * h)]);
}

describe("the variational bound", () => {
  let device: Device;
  beforeEach(async () => (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const denoise = exactDenoiser(mixture);
  const points = grid(-2.5, 2.5, 0.1, densityAt);
  const entropy = points.reduce((sum, [x, w]) => sum - w * Math.log(densityAt(x)), 0) / Math.LN2;

  /** The bound's expectation over x0 and eps, by quadrature. */
  async function exactBound(process: DiscreteProcess, variance: VarianceKind): Promise<number> {
    const noise = grid(-6, 6, 0.3, (e) => Math.exp(-e * e / 2) / Math.sqrt(2 * Math.PI));
    const pairs = points.flatMap(([x, w]) => noise.map(([e, v]) => ({ x, e, w: w * v })));
    const column = (values: number[]): Tensor => tensor(values, { device, dtype: "f64", shape: [values.length, 1] });
    const [x0, eps] = [column(pairs.map(({ x }) => x)), column(pairs.map(({ e }) => e))];
    const expectation = (values: ArrayLike<number>): number => pairs.reduce((sum, { w }, i) => sum + w * values[i], 0);
    let total = expectation(await priorTerm(x0, process.at(process.schedule.T - 1)).data());
    for (const step of stepsBack("test", process)) {
      const bits = device.scope(() => {
        const at = process.at(step.t), xt = qSample(x0, at, eps);
        const steps = new Array<typeof step>(pairs.length).fill(step);
        return boundTerm.forward(stepGaussian(denoise(xt, at), xt, steps, variance, density), { x0, xt, steps }, density);
      });
      total += expectation(await bits.data());
      bits.dispose();
    }
    return total;
  }

  // What the best denoiser needs above the entropy is what its steps of finite length cost: it falls like 1 / T.
  it("of the exact denoiser lies above the entropy, and comes to it as 1 / T", async function () {
    this.timeout(120_000);
    const gaps: number[] = [];
    for (const timesteps of [25, 50, 100, 200, 400]) {
      gaps.push(await exactBound(discreteProcess({ name: "scaled-linear", timesteps }), "fixed-large") - entropy);
    }
    gaps.forEach((gap, i) => {
      expect(gap).to.be.above(0);
      if (i > 0) expect(gaps[i - 1] / gap).to.be.within(1.8, 2.2);
    });
    expect(gaps[4]).to.be.below(0.03);
    const small = await exactBound(discreteProcess({ name: "scaled-linear", timesteps: 50 }), "fixed-small");
    expect(small, "fixed-small is right for single points, not for a density").to.be.above(entropy + gaps[1] + 0.1);
  });

  it("is estimated by one draw for each sample and step, within 4 standard errors", async () => {
    const process = discreteProcess({ name: "scaled-linear", timesteps: 50 });
    const random = new Random(17), count = 4000;
    const [picks, normals] = [random.uniform(count), random.normal(count)];
    const data = arrayDataset({ shape: [1], values: Array.from(picks, (u, i) => mixture.means[u < 0.3 ? 0 : 1][0] + 0.25 * normals[i]) });
    const { total, error, prior, steps } = await variationalBound({
      model: { denoise, process, variance: "fixed-large" }, device, dtype: "f64", data, decoder: density, batch: 4000,
    });
    const expected = await exactBound(process, "fixed-large");
    expect(error).to.be.within(0.01, 0.05);
    expect(Math.abs(total - expected)).to.be.below(4 * error);
    expect(steps.reduce((sum, { bits, weight }) => sum + bits * weight, prior)).to.be.closeTo(total, 1e-10);
    expect(steps.map(({ t }) => t)).to.deep.equal(Array.from({ length: 50 }, (_, t) => t));
  });

  describe("of a network", () => {
    const process = discreteProcess({ name: "linear", timesteps: 30 });
    const model = (more: Partial<DiffusionModel> = {}): DiffusionModel => {
      const network = initialize(new UNet({ ...tinyModel, out_channels: 2 }), { device, dtype: "f32", seed: 4, scheme: "pytorch" });
      return { network, process, prediction: "eps", variance: "learned-range", ...more };
    };
    const bound = (more: Partial<BoundOptions> = {}): ReturnType<typeof variationalBound> =>
      variationalBound({ model: more.model ?? model(), device, data: tinyDataset, ...more });

    it("does not depend on batches, is another for another seed, and leaves nothing on the device", async () => {
      const given = model(), before = device.memory().tensors;
      const all = await bound({ model: given });
      expect(all.count).to.equal(8);
      const parts = await bound({ model: given, batch: 3 });
      expect(parts.total).to.be.closeTo(all.total, 1e-12 * all.total);
      expect((await bound({ model: given, seed: 1 })).total).not.to.equal(all.total);
      const stop = new AbortController();
      const onStep = (done: number): void => void (done === 3 && stop.abort(new RangeError("enough")));
      const error = await thrown(RangeError, bound({ model: given, signal: stop.signal, onStep }));
      expect(error.message).to.equal("enough");
      expect(device.memory().tensors).to.equal(before);
    });

    it("of some samples takes them evenly spread over the data", async () => {
      const asked: number[] = [];
      const data = { ...tinyDataset, sample: (i: number) => (asked.push(i), tinyDataset.sample(i)) };
      await bound({ data, count: 3, every: 29 });
      expect(asked).to.deep.equal([0, 2, 5]);
    });

    it("interpolates the terms that are left out: each stands for its share of the T terms", async () => {
      const given = model();
      const all = await bound({ model: given });
      for (const every of [1, 2, 3, 100]) {
        const some = await bound({ model: given, every });
        expect(some.steps.reduce((sum, { weight }) => sum + weight, 0), `every ${every}`).to.be.closeTo(30, 1e-12);
        expect(some.steps.at(-1)!.t).to.equal(29);
        for (const { t, bits, rmse } of some.steps) expect([bits, rmse]).to.deep.equal([all.steps[t].bits, all.steps[t].rmse]);
        const line = all.steps.map(({ t }) => {
          const right = some.steps.findIndex((step) => step.t >= t), [a, b] = [some.steps[Math.max(right - 1, 0)], some.steps[right]];
          return b.t === t ? b.bits : a.bits + (t - a.t) / (b.t - a.t) * (b.bits - a.bits);
        });
        expect(some.total).to.be.closeTo(some.prior + line.reduce((x, y) => x + y), 1e-9 * some.total);
        const rates = rateDistortion(some);
        for (const { t, rate } of rates) {
          expect(rate, `t ${t}`).to.be.closeTo(some.prior + line.slice(t + 1).reduce((x, y) => x + y, 0), 1e-9 * some.total);
        }
        const last = rates.at(-1)!;
        expect([last.t, last.distortion]).to.deep.equal([0, some.steps[0].rmse]);
        expect(last.rate + some.steps[0].bits).to.be.closeTo(some.total, 1e-9 * some.total);
      }
      expect(boundSteps({ model: given, device, data: tinyDataset, every: 2, batch: 3 })).to.equal(3 * 24);
    });

    it("refuses what it cannot use", async () => {
      const message = async (more: Partial<BoundOptions>): Promise<string> => (await thrown(ConfigError, bound(more))).message;
      expect(await message({ count: 9 })).to.equal("the bound: count is 9\n  allowed  whole numbers 1 .. 8");
      expect(await message({ every: 0 })).to.equal("the bound: every is 0\n  allowed  whole numbers from 1");
      const { label: _label, ...unlabelled } = tinyDataset;
      const network = initialize(new UNet({ ...tinyModel, num_class_embeds: 2 }), { device, dtype: "f32", seed: 4, scheme: "pytorch" });
      expect(await message({ data: unlabelled, model: model({ network, variance: "fixed-small" }) }))
        .to.equal("the bound: tiny has no labels, and the network needs them\n  network  2 classes");
      expect((await bound({ model: model({ network, variance: "fixed-small" }) })).total).to.be.above(0);
    });
  });
});
