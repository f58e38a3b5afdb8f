/** Solvers with the exact denoiser: what they draw is distributed as the data. */
import { expect } from "chai";
import { multiply, openDevice, tensor, type Device } from "@fromnoise/tensor";
import { ConfigError } from "@fromnoise/tensor";
import {
  CLEAN, clipped, ddim, ddimHeun, ddimInversion, discreteProcess, dpm2m, dpm2mSde, edmProcess, euler, exactDenoiser, heun, lastOf, makeSchedule, predictionTarget, rawDenoiser, runSampler,
  seededNoise, type Denoiser, type Sampler,
} from "../../src/index.js";
import { saying, takeStep } from "./stepping.js";

const SAMPLES = 4000;

describe("solvers with the exact score of a mixture", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());
  const process = discreteProcess({ name: "cosine", timesteps: 1000 });
  const mixture = { weights: [0.3, 0.7], means: [[-1.2], [0.9]], sd: 0.3 };

  const cases: [sampler: Sampler<object, unknown>, options: object][] = [
    [ddim, { steps: 100 }], [ddim, { steps: 200, eta: 1 }], [euler, { steps: 200 }], [heun, { steps: 80 }], [dpm2m, { steps: 120 }],
    [dpm2mSde, { steps: 80 }], [dpm2mSde, { steps: 80, eta: 0.5 }], [heun, { steps: 100, churn: 20 }],
    [euler, { steps: 300, churn: 40, churnFrom: 0.05, churnTo: 50 }], [ddimHeun, { steps: 60 }],
  ];
  for (const [sampler, options] of cases) {
    it(`have its weights, means and variances: ${sampler.name} ${JSON.stringify(options)}`, async () => {
      const sample = await lastOf(runSampler(sampler, {
        denoise: exactDenoiser(mixture), process, options, shape: [SAMPLES, 1], device, dtype: "f64", noise: seededNoise(3),
      }));
      const values = Array.from(await sample.data());
      sample.dispose();
      mixture.weights.forEach((weight, k) => {
        const [mu] = mixture.means[k];
        const near = values.filter((x) => (k === 0 ? x < -0.2 : x >= -0.2));              // the means are seven deviations apart
        expect(Math.abs(near.length / SAMPLES - weight)).to.be.below(4 * Math.sqrt(weight * (1 - weight) / SAMPLES));
        const mean = near.reduce((a, b) => a + b) / near.length;
        const variance = near.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (near.length - 1);
        expect(Math.abs(mean - mu)).to.be.below(4 * 0.3 / Math.sqrt(near.length) + 0.01);
        expect(Math.abs(variance / 0.09 - 1)).to.be.below(4 * Math.sqrt(2 / near.length) + 0.03);
      });
    });
  }

  it("have them on EDM's own process, with the churn of its algorithm 2", async () => {
    for (const options of [{ steps: 40 }, { steps: 60, churn: 20, churnFrom: 0.05, churnTo: 50, churnNoise: 1.003 }]) {
      const sample = await lastOf(runSampler(heun, {
        denoise: exactDenoiser(mixture), process: edmProcess(), options, shape: [SAMPLES, 1], device, dtype: "f64", noise: seededNoise(4),
      }));
      const values = Array.from(await sample.data());
      sample.dispose();
      const near = values.filter((x) => x >= -0.2);
      expect(Math.abs(near.length / SAMPLES - 0.7)).to.be.below(4 * Math.sqrt(0.21 / SAMPLES));
      const mean = near.reduce((a, b) => a + b) / near.length;
      const variance = near.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (near.length - 1);
      expect(Math.abs(mean - 0.9)).to.be.below(4 * 0.3 / Math.sqrt(near.length) + 0.01);
      expect(Math.abs(variance / 0.09 - 1)).to.be.below(4 * Math.sqrt(2 / near.length) + 0.03);
    }
  });

  for (const sampler of [euler, heun, dpm2m, dpm2mSde, ddimHeun]) {
    it(`read a network by what it predicts, eps, x0, v or flow: ${sampler.name}`, async () => {
      const steps = discreteProcess({ name: "linear", timesteps: 20 });
      const exact = exactDenoiser(mixture);
      const options = { steps: 20 };
      const drawn = async (denoise: Denoiser): Promise<number[]> => {
        const path = [...steps.levels].reverse().concat(CLEAN);                      // a network is told steps, so they are gone
        const sample = await lastOf(runSampler(sampler as Sampler<object, unknown>, {
          denoise, process: steps, options, path, shape: [5, 1], device, dtype: "f64", noise: seededNoise(8),
        }));
        return Array.from(await sample.data());
      };
      const expected = await drawn(exact);
      for (const prediction of ["eps", "x0", "v", "flow"] as const) {
        const network = saying((x, t) => {
          const { x0, eps } = exact(x, steps.at(t));
          return predictionTarget(x0, eps, steps.at(t), prediction);
        });
        (await drawn(rawDenoiser(network, prediction))).forEach((value, i) => expect(value, prediction).to.be.closeTo(expected[i], 1e-9));
      }
    });
  }

  it("add noise by churn only where it is asked for, and never beyond the noisiest level", async () => {
    const asked: number[] = [];
    const denoise: Denoiser = (xt, at) => {
      asked.push(at.sigma / at.alpha);
      return exactDenoiser(mixture)(xt, at);
    };
    const run = (options: object): Promise<unknown> => {
      asked.length = 0;
      return lastOf(runSampler(euler, { denoise, process, options: { steps: 8, ...options }, shape: [1, 1], device, dtype: "f64" }));
    };
    await run({});
    const plain = [...asked];
    await run({ churn: 4, churnFrom: 0.1, churnTo: 10 });
    plain.forEach((s, i) => {
      const inside = s >= 0.1 && s <= 10;
      expect(asked[i] / s, `${s}`).to.be.closeTo(inside ? Math.min(1 + 4 / 8, Math.SQRT2) : 1, 1e-9);
    });
    await run({ churn: 4 });
    expect(asked[0]).to.equal(plain[0]);
  });
});

describe("DDIM in both directions", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());

  it("goes from images to noise and back to them, the nearer the more steps it takes", async () => {
    const process = discreteProcess({ name: "cosine", timesteps: 1000 });
    const denoise = exactDenoiser({ weights: [0.5, 0.5], means: [[-0.8, 0.2], [0.5, 0.4]], sd: 0.2 });
    const images = [[-0.9, 0.1], [0.4, 0.7], [0.1, 0.2]];
    const errors: number[] = [];
    for (const steps of [25, 100, 400]) {
      const common = { denoise, process, options: { steps }, shape: [3, 2], device, dtype: "f64" as const };
      const noise = await lastOf(runSampler(ddimInversion, { ...common, start: tensor(images, { device, dtype: "f64" }) }));
      const latent = Array.from(await noise.data());
      expect(latent.every(Number.isFinite)).to.equal(true);
      const back = await (await lastOf(runSampler(ddim, { ...common, start: noise }))).data();
      errors.push(Math.max(...images.flat().map((value, i) => Math.abs(back[i] - value))));
    }
    expect(errors[0] / errors[1]).to.be.above(3);                                    // of first order: 4 where the steps are short
    expect(errors[1] / errors[2]).to.be.within(3, 5);
    expect(errors[2]).to.be.below(0.02);
  });

  it("reproduces diffusers' published sums over ten clipped steps of the model x t / (t + 1), its eps kept", async () => {
    const process = discreteProcess(makeSchedule({ name: "linear", timesteps: 1000 }));
    const values = Array.from({ length: 768 }, (_, i) => i / 768);
    const network = saying((x, t) => multiply(x, t / (t + 1)));
    const sumOf = async (prediction: "eps" | "v"): Promise<number> => {
      const denoise = clipped(rawDenoiser(network, prediction), { to: 1, eps: "keep" });
      const start = tensor(values, { device, dtype: "f64", shape: [1, 768] });
      const options = { steps: 10, spacing: "leading" as const };
      const sample = await lastOf(runSampler(ddim, { denoise, process, options, shape: [1, 768], device, dtype: "f64", start }));
      return Array.from(await sample.data()).reduce((sum, value) => sum + Math.abs(value), 0);
    };
    expect(await sumOf("eps")).to.be.closeTo(172.0067, 5e-3);
    expect(await sumOf("v")).to.be.closeTo(52.5302, 5e-3);
  });

  it("takes the eps that belongs to a clipped guess, or keeps the network's", async () => {
    const at = discreteProcess({ name: "cosine", timesteps: 10 }).at(4), to = { time: 0, alpha: 0.9, sigma: Math.sqrt(0.19) };
    const xt = tensor([[3, -0.2]], { device, dtype: "f64" });
    const raw = rawDenoiser(saying((x) => multiply(x, 0.5)), "eps");
    const own = raw(xt, at);
    const [guess, eps] = [await own.x0.data(), await own.eps.data()];
    expect(Math.abs(guess[0])).to.be.above(1);
    for (const convention of ["keep", "rederive"] as const) {
      const { next } = takeStep(ddim, { denoise: clipped(raw, { to: 1, eps: convention }), xt, at, to });
      const found = await next.data();
      [3, -0.2].forEach((x, i) => {
        const x0 = Math.min(1, Math.max(-1, guess[i]));
        const e = convention === "keep" ? eps[i] : (x - at.alpha * x0) / at.sigma;
        expect(found[i]).to.be.closeTo(to.alpha * x0 + to.sigma * e, 1e-12);
      });
    }
  });
});

describe("dynamic thresholding", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());

  const quantileOf = (row: readonly number[], quantile: number): number => {
    const sorted = row.map(Math.abs).sort((a, b) => a - b);
    return sorted[Math.ceil(quantile * row.length) - 1];
  };

  for (const dtype of ["f32", "f64"] as const) {
    it(`clips every image to the quantile of its own values and divides by it, but never by less than 1: ${dtype}`, async () => {
      const rows = [1, 4, 0.3].map((scale) => Array.from(seededNoise(5)(scale, [1, 200], { device, dtype: "f64" }).buffer.storage as Float64Array, (v) => scale * v));
      const denoise: Denoiser = () => {
        const x0 = tensor(rows, { device, dtype });
        return { x0, eps: x0, rawX0: x0 };
      };
      const at = { time: 0, alpha: 0.6, sigma: 0.8 };
      const { x0, rawX0, eps } = clipped(denoise, { to: "dynamic", quantile: 0.9 })(tensor(rows, { device, dtype }), at);
      const [found, raw] = [await x0.data(), await rawX0.data()];
      expect(Array.from(raw)).to.deep.equal(Array.from(await tensor(rows, { device, dtype }).data()));
      rows.forEach((row, n) => {
        const s = Math.max(1, quantileOf(row, 0.9));
        row.forEach((value, i) => {
          expect(found[200 * n + i]).to.be.closeTo(Math.min(s, Math.max(-s, value)) / s, 1e-6);
        });
      });
      const e = await eps.data();
      rows.flat().forEach((value, i) => expect(e[i]).to.be.closeTo((value - 0.6 * found[i]) / 0.8, 1e-5));
    });
  }

  it("takes shares above 0 up to 1", () => {
    const denoise: Denoiser = (xt) => ({ x0: xt, eps: xt, rawX0: xt });
    const x = tensor([[0.5, 3]], { device });
    const at = { time: 0, alpha: 0.6, sigma: 0.8 };
    for (const quantile of [0, 1.1, NaN]) {
      expect(() => clipped(denoise, { to: "dynamic", quantile })(x, at)).to.throw(ConfigError, `quantile: ${quantile} is not allowed`);
    }
    expect(Array.from(clipped(denoise, { to: "dynamic", quantile: 1 })(x, at).x0.buffer.storage as Float32Array)).to.deep.equal([Math.fround(0.5 / 3), 1]);
  });
});
