import { expect } from "chai";
import { ConfigError, openDevice, Random, ShapeError, tensor, type Device } from "@fromnoise/tensor";
import { initialize, UNet } from "@fromnoise/nn";
import {
  ancestralSampler, ddimSampler, ddimStep, ddimTimesteps, exactEpsilon, lastOf, makeSchedule, sampleImages, variance, type NoiseSchedule,
  type VarianceKind,
} from "../../src/index.js";
import { thrown } from "../thrown.js";
import { tinyModel } from "../train/fixtures.js";

const SAMPLES = 20_000;

function moments(values: ArrayLike<number>): { mean: number; variance: number } {
  const n = values.length;
  let sum = 0, squares = 0;
  for (let i = 0; i < n; i++) sum += values[i];
  for (let i = 0; i < n; i++) squares += (values[i] - sum / n) ** 2;
  return { mean: sum / n, variance: squares / (n - 1) };
}

/**
 * The chain on one Gaussian N(mu, s^2) is linear: x0Hat = m + g (x_t - c m') with the exact epsilon, so x_{t-1} = a x_t + b + sigma z,
 * and mean and variance follow by recursion from x_{T-1} ~ N(0, 1). Derived from equation 7 alone, not from the sampler's code.
 */
function chainMoments(schedule: NoiseSchedule, mu: number, sd: number, kind: VarianceKind): { mean: number; variance: number } {
  let mean = 0, v = 1;
  for (let t = schedule.T - 1; t >= 0; t--) {
    const abar = schedule.alphaBar[t], abarPrev = t === 0 ? 1 : schedule.alphaBar[t - 1], beta = 1 - abar / abarPrev;
    const gain = (Math.sqrt(abar) * sd * sd) / (abar * sd * sd + 1 - abar);   // E[x0 | x_t] = mu + gain (x_t - sqrt(abar) mu)
    const c1 = (Math.sqrt(abarPrev) * beta) / (1 - abar), c2 = (Math.sqrt(1 - beta) * (1 - abarPrev)) / (1 - abar);
    const a = c1 * gain + c2, b = c1 * (mu - gain * Math.sqrt(abar) * mu);
    mean = a * mean + b;
    v = a * a * v + (t === 0 ? 0 : kind === "fixed-large" ? beta : (beta * (1 - abarPrev)) / (1 - abar));
  }
  return { mean, variance: v };
}

describe("samplers with the exact epsilon", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  const draw = async (sampler: ReturnType<typeof ancestralSampler>): Promise<ArrayLike<number>> => {
    const sample = await lastOf(sampler);
    const values = await sample.data();
    sample.dispose();
    return values;
  };

  for (const kind of ["fixed-small", "fixed-large"] as const) {
    for (const [mu, sd] of [[0.3, 0.5], [-0.7, 0.05]]) {
      it(`give a Gaussian (${mu}, ${sd}) the mean and variance of the chain, ${kind}`, async () => {
        const schedule = makeSchedule({ name: "scaled-linear", timesteps: 100 });
        const model = exactEpsilon(schedule, { weights: [1], means: [[mu]], sd });
        const values = await draw(ancestralSampler(model, schedule, {
          shape: [SAMPLES, 1], device, dtype: "f64", clipX0: false, variance: kind, random: new Random(11, 5),
        }));
        const expected = chainMoments(schedule, mu, sd, kind);
        const found = moments(values);
        expect(Math.abs(found.mean - expected.mean)).to.be.below(3 * Math.sqrt(expected.variance / SAMPLES));
        expect(Math.abs(found.variance - expected.variance)).to.be.below(3 * expected.variance * Math.sqrt(2 / (SAMPLES - 1)));
      });
    }
  }

  it("is biased against the data at small sd, as the chain's closed form says", () => {
    const schedule = makeSchedule({ name: "linear", timesteps: 1000 });
    const chain = chainMoments(schedule, 0, 0.05, "fixed-small");
    const standardErrors = (chain.variance - 0.05 ** 2) / (0.05 ** 2 * Math.sqrt(2 / (SAMPLES - 1)));
    expect(standardErrors).to.be.within(-16, -12);
  });

  it("give a mixture its weights and cluster means, fixed-large", async () => {
    const schedule = makeSchedule({ name: "scaled-linear", timesteps: 250 });
    const mixture = { weights: [0.2, 0.5, 0.3], means: [[-6, 0], [0, 5], [6, -2]], sd: 0.5 };
    const values = await draw(ancestralSampler(exactEpsilon(schedule, mixture), schedule, {
      shape: [SAMPLES, 2], device, dtype: "f64", clipX0: false, variance: "fixed-large", random: new Random(5, 5),
    }));
    const members: number[][][] = mixture.means.map(() => []);
    for (let i = 0; i < SAMPLES; i++) {
      const point = [values[2 * i], values[2 * i + 1]];
      const distances = mixture.means.map((m) => (m[0] - point[0]) ** 2 + (m[1] - point[1]) ** 2);
      members[distances.indexOf(Math.min(...distances))].push(point);
    }
    mixture.weights.forEach((w, k) => {
      expect(Math.abs(members[k].length / SAMPLES - w)).to.be.below(3 * Math.sqrt((w * (1 - w)) / SAMPLES));
      for (const axis of [0, 1]) {
        const { mean, variance: v } = moments(members[k].map((point) => point[axis]));
        expect(Math.abs(mean - mixture.means[k][axis])).to.be.below(3 * Math.sqrt(v / members[k].length));
      }
    });
  });

  it("follow the deterministic map of DDIM: x_T scales by the product of its steps", async () => {
    const schedule = makeSchedule({ name: "cosine", timesteps: 200 });
    const sd = 0.4;
    const start = [-2, -0.5, 0.25, 1.5];
    const xT = tensor(start, { device, dtype: "f64", shape: [4, 1] });
    const options = { steps: 20, shape: [4, 1], device, dtype: "f64" as const, clipX0: false, random: new Random(0), xT };
    const values = await draw(ddimSampler(exactEpsilon(schedule, { weights: [1], means: [[0]], sd }), schedule, options));
    // On N(0, s^2) epsTheta = sqrt(1 - abar) x / v and x0 = sqrt(abar) s^2 x / v, v = abar s^2 + 1 - abar: x' = factor x.
    const steps = ddimTimesteps(200, 20, "trailing");
    let factor = 1;
    steps.forEach((t, i) => {
      const abar = schedule.alphaBar[t], next = i + 1 < steps.length ? schedule.alphaBar[steps[i + 1]] : 1, v = abar * sd * sd + 1 - abar;
      factor *= (Math.sqrt(next * abar) * sd * sd + Math.sqrt((1 - next) * (1 - abar))) / v;
    });
    start.forEach((x, i) => expect(values[i]).to.be.closeTo(factor * x, 1e-12));
  });

  it("yield every step with x_{t-1} = posteriorMean + sigma z, add no noise at the last, and free all they made", async () => {
    const schedule = makeSchedule({ name: "cosine", timesteps: 6 });
    const before = device.memory();
    const model = exactEpsilon(schedule, { weights: [1], means: [[0.2, -0.1]], sd: 0.3 });
    const z = [0.5, -1];
    const sampler = ancestralSampler(model, schedule, { shape: [1, 2], device, dtype: "f64", random: new Random(1), noise: () => Float64Array.from(z) });
    let expected: number[] | undefined;
    let visited = 0;
    let result = await sampler.next();
    for (; result.done !== true; result = await sampler.next()) {
      const { t, xT, posteriorMean, sigma } = result.value;
      expect(t).to.equal(5 - visited++);
      if (expected !== undefined) expect(Array.from(await xT.data())).to.deep.equal(expected);
      expect(sigma).to.equal(t === 0 ? 0 : Math.sqrt(variance(schedule, t, "fixed-small")));
      expected = Array.from(await posteriorMean.data(), (m, i) => m + sigma * z[i]);
    }
    expect(visited).to.equal(6);
    expect(Array.from(await result.value.data())).to.deep.equal(expected);
    result.value.dispose();
    const { tensors, bytes } = device.memory();
    expect({ tensors, bytes }).to.deep.equal({ tensors: before.tensors, bytes: before.bytes });
  });

  it("free what they hold when the caller stops early", async () => {
    const schedule = makeSchedule({ name: "cosine", timesteps: 6 });
    const before = device.memory().tensors;
    const model = exactEpsilon(schedule, { weights: [1], means: [[0]], sd: 0.3 });
    for await (const step of ddimSampler(model, schedule, { steps: 3, shape: [2, 1], device, random: new Random(1) })) {
      if (step.t < 5) break;
    }
    expect(device.memory().tensors).to.equal(before);
  });

  it("start at a tensor of their shape only", async () => {
    const schedule = makeSchedule({ name: "cosine", timesteps: 6 });
    const model = exactEpsilon(schedule, { weights: [1], means: [[0]], sd: 0.3 });
    const xT = tensor([[1]], { device });
    const before = device.memory().tensors;
    const error = await thrown(ShapeError, ancestralSampler(model, schedule, { shape: [2, 1], device, random: new Random(1), xT }).next());
    expect(error.message).to.equal("sampler: the start has another shape than the images\n  xT       [1, 1]\n  shape    [2, 1]");
    expect(device.memory().tensors).to.equal(before);
  });

  it("go up and down again by DDIM with eta 0, and nowhere where there is no step", async () => {
    const schedule = makeSchedule({ name: "cosine", timesteps: 1000 });
    const model = exactEpsilon(schedule, { weights: [1], means: [[0.2, -0.1]], sd: 0.5 });
    const start = tensor([[0.4, -0.3]], { device, dtype: "f64" });
    let x = start;
    for (let t = 100; t < 900; t += 4) x = ddimStep(model, schedule, x, t, t + 4, { clipX0: false }).posteriorMean;
    expect(Array.from(await x.data())).to.satisfy((values: number[]) => values.every(Number.isFinite));
    for (let t = 900; t > 100; t -= 4) x = ddimStep(model, schedule, x, t, t - 4, { clipX0: false }).posteriorMean;
    const [back, there] = [await x.data(), await start.data()];
    back.forEach((value, i) => expect(value).to.be.closeTo(there[i], 0.02));
    expect(() => ddimStep(model, schedule, start, 3, 5000)).to.throw(ConfigError, "t: 5000 is not a step of the schedule cosine");
    expect(() => ddimStep(model, schedule, start, 3, 9, { eta: 0.5 })).to.throw(ConfigError, "eta: 0.5 has no meaning in a step to more noise");
  });

  it("take only mixtures that are ones", () => {
    const schedule = makeSchedule({ name: "cosine", timesteps: 6 });
    const message = (weights: number[], means: number[][], sd = 0.3): string => {
      try {
        exactEpsilon(schedule, { weights, means, sd });
      } catch (error) {
        if (error instanceof ConfigError) return error.message;
        throw error;
      }
      return "taken";
    };
    expect(message([1.5, -0.5], [[0], [1]])).to.equal(
      "mixture: the weights are not the probabilities of the means\n  weights  1.5, -0.5   allowed 2 numbers from 0, summing to 1",
    );
    expect(message([NaN, 1], [[0], [1]])).to.contain("not the probabilities");
    expect(message([0.5, 0.5], [[0], [1, 2]])).to.equal(
      "mixture: the mean 1 does not fit the others\n  means    finite numbers, 1 each, as the first has",
    );
    expect(message([1], [[0]], -1)).to.equal("mixture: -1 is not a standard deviation\n  allowed  finite numbers from 0");
    expect(message([1, 0], [[0], [1]], 0)).to.equal("taken");
  });
});

describe("images from a network", () => {
  it("leave nothing on the device when a callback throws", async () => {
    const device = await openDevice("reference");
    const unet = initialize(new UNet(tinyModel), { device, seed: 0 });
    const schedule = makeSchedule({ name: "cosine", timesteps: 4 });
    const { tensors, bytes } = device.memory();
    for (const sampler of [{ name: "ancestral", variance: "fixed-small" }, { name: "ddim", steps: 3, eta: 0, spacing: "trailing" }] as const) {
      const drawn = sampleImages({
        unet, device, schedule, prediction: "eps", count: 2, size: [8, 8], random: new Random(1), sampler,
        onStep: (done) => { if (done === 2) throw new RangeError("enough"); },
      });
      expect((await thrown(RangeError, drawn)).message).to.equal("enough");
      expect(device.memory()).to.deep.include({ tensors, bytes });
    }
    await device.dispose();
  });
});
