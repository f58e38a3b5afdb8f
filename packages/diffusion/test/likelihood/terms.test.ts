import { expect } from "chai";
import {
  ConfigError, gradcheck, multiply, openDevice, ShapeError, slice, sum, tensor, type Device, type Shape, type Tensor,
} from "@fromnoise/tensor";
import { readPrediction } from "../../src/denoisers/denoiser.js";
import { boundTerm, priorTerm } from "../../src/likelihood/bound-term.js";
import { density, discretised, type Decoder } from "../../src/likelihood/decoder.js";
import { gaussianKl, gaussianLogDensity } from "../../src/likelihood/gaussian.js";
import { exactCdf, tanhCdf } from "../../src/likelihood/normal-cdf.js";
import { stepGaussian } from "../../src/likelihood/step-gaussian.js";
import { stepsBack } from "../../src/likelihood/steps-back.js";
import { discreteProcess } from "../../src/process/process.js";
import { qSample } from "../../src/process/q-sample.js";
import { fill, goldenFile, pixels } from "./fixtures.js";

interface Vlb { terms: { t: number; bpd: number[] }[]; prior_bpd: number[] }

describe("the terms of the bound", () => {
  let device: Device;
  beforeEach(async () => (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const process = discreteProcess({ name: "linear", timesteps: 1000 });
  const steps = stepsBack("test", process);

  const numbers = (values: number[], shape: Shape = [values.length]): Tensor => tensor(values, { device, dtype: "f64", shape });

  it("take the posteriors of the schedule: log-variances as its tables have them", () => {
    const { schedule } = process;
    steps.forEach(({ t, logSmall, logLarge }) => {
      expect(logSmall).to.be.closeTo(schedule.posteriorLogVarianceClipped[t], 1e-12 * Math.abs(logSmall));
      expect(logLarge).to.be.closeTo(Math.log(schedule.betas[t]), 1e-9);
    });
    expect(stepsBack("test", discreteProcess({ name: "linear", timesteps: 1 }))[0].logSmall).to.equal(Math.log(1e-20));
    expect(() => stepsBack("the bound", { ...process, levels: undefined as never }))
      .to.throw(ConfigError, "the bound: the process linear has no steps to sum over");
  });

  // The file's numbers were computed in f32, where a KL of 4e-5 bits is a rest of 1 - 1: exact to 2e-7.
  for (const [golden, kind] of [["FIXED_SMALL", "fixed-small"], ["FIXED_LARGE", "fixed-large"]] as const) {
    it(`are those of improved-diffusion, ${kind}`, async () => {
      const { terms, prior_bpd: prior } = goldenFile<Record<string, Vlb>>("vlb.json")[golden];
      const shape = [2, 3, 4, 4];
      const [x0, eps] = [pixels(device, shape), fill(device, shape, 105)];
      for (const { t, bpd } of terms) {
        const xt = qSample(x0, process.at(t), eps);
        const guess = readPrediction(multiply(eps, 0.9), xt, process.at(t), "eps");
        const decoder = discretised(tanhCdf), batch = { x0, xt, steps: [steps[t], steps[t]] };
        const found = await boundTerm.forward(stepGaussian(guess, xt, batch.steps, kind, decoder), batch, decoder).data();
        bpd.forEach((value, i) => expect(found[i], `t = ${t}`).to.be.closeTo(value, 2e-7 + 3e-7 * value));
      }
      const found = await priorTerm(x0, process.at(999)).data();
      prior.forEach((value, i) => expect(found[i]).to.be.closeTo(value, 1e-9));
    });
  }

  it("have a divergence of 0 between equal Gaussians, and the closed form between others", async () => {
    const p = { mean: numbers([0.3, -1]), logVariance: numbers([-2, 0.5]) };
    expect(Array.from(await gaussianKl.forward(p, p).data())).to.deep.equal([0, 0]);
    const q = { mean: numbers([1, 0.25]), logVariance: numbers([0, -1]) };
    const [a, b] = await gaussianKl.forward(q, p).data();
    expect(a).to.be.closeTo(0.5 * (-1 - 2 - 0 + Math.exp(2) + 0.7 ** 2 * Math.exp(2)), 1e-14);
    expect(b).to.be.closeTo(0.5 * (-1 + 1.5 + Math.exp(-1.5) + 1.25 ** 2 * Math.exp(-0.5)), 1e-14);
  });

  it("have gradients that differences measure", async () => {
    const q = { mean: numbers([1, 0.25, -3]), logVariance: numbers([0, -1, 2]) };
    const inputs = { mean: numbers([0.3, -1, -2.5]), logVariance: numbers([-2, 0.5, 1]) };
    const x = numbers([0.2, -1, 1]);
    const named = ({ mean, logVariance }: { mean: Tensor; logVariance: Tensor }): { dmean: Tensor; dlogVariance: Tensor } =>
      ({ dmean: mean, dlogVariance: logVariance });
    const kl = await gradcheck({ forward: (p) => gaussianKl.forward(q, p), backward: (dy, p) => named(gaussianKl.backward(dy, q, p)) }, inputs);
    expect(kl.pass).to.equal(true);
    const log = await gradcheck({
      forward: (p) => gaussianLogDensity.forward(x, p), backward: (dy, p) => named(gaussianLogDensity.backward(dy, x, p)),
    }, inputs);
    expect(log.pass).to.equal(true);
  });

  describe("of the discretised Gaussian", () => {
    /** Every value of a pixel. */
    const every = (): Tensor => numbers(Array.from({ length: 256 }, (_, i) => i / 127.5 - 1));

    for (const [mean, logVariance] of [[0.1, -6], [-0.999, -8], [1.02, -5], [0.5, 1]]) {
      it(`are probabilities of 256 values that sum to 1: mean ${mean}, log-variance ${logVariance}`, async () => {
        const p = { mean: numbers(new Array<number>(256).fill(mean)), logVariance: numbers(new Array<number>(256).fill(logVariance)) };
        const logs = Array.from(await discretised().forward(every(), p).data());
        expect(logs.reduce((total, log) => total + Math.exp(log), 0)).to.be.closeTo(1, 256e-12);
        expect(Math.min(...logs)).to.be.at.least(Math.log(1e-12) - 1e-9);
      });
    }

    it("are the integral of the density over a bin 2/255 wide", async () => {
      const [x, m, l] = [20 / 127.5 - 1, -0.8, -7];
      const [log] = await discretised().forward(numbers([x]), { mean: numbers([m]), logVariance: numbers([l]) }).data();
      let integral = 0;                                                                  // midpoints
      const n = 2000, h = 2 / 255 / n;
      for (let i = 0; i < n; i++) {
        const y = x - 1 / 255 + (i + 0.5) * h;
        integral += h * Math.exp(-0.5 * (y - m) ** 2 * Math.exp(-l)) / Math.sqrt(2 * Math.PI * Math.exp(l));
      }
      expect(Math.exp(log)).to.be.closeTo(integral, 1e-9);
    });

    for (const [name, cdf] of [["exact", exactCdf], ["tanh", tanhCdf]] as const) {
      it(`have gradients that differences measure, edges and clamped elements among them: ${name}`, async () => {
        const x = numbers([-1, -1, 1, 1, 0, 51 / 127.5 - 1, 0.2]);
        const decoder = discretised(cdf);
        const inputs = {
          mean: numbers([-0.9, -1.1, 0.98, 1.1, 0.01, -0.61, -0.7]), logVariance: numbers([-5, -6, -6, -4, -8, -9, -9]),
        };
        const report = await gradcheck({
          forward: (p) => decoder.forward(x, p),
          backward: (dy, p) => {
            const { mean, logVariance } = decoder.backward(dy, x, p);
            return { dmean: mean, dlogVariance: logVariance };
          },
        }, inputs);
        expect(report.pass).to.equal(true);
        const { mean } = decoder.backward(numbers(new Array<number>(7).fill(1)), x, inputs);
        expect((await mean.data())[6], "below 1e-12").to.equal(0);
      });
    }
  });

  it("mix steps in a batch: every image has the term that it has alone, and its gradient", async () => {
    const shape = [3, 2, 2, 1];
    const [x0, eps] = [pixels(device, shape), fill(device, shape, 4)];
    const own = [0, 7, 700].map((t) => steps[t]);
    const xt = qSample(x0, own.map(({ t }) => process.at(t)), eps);
    for (const decoder of [discretised(), density] as Decoder[]) {
      const mean = tensor((await x0.data()).map((v, i) => 0.9 * v + 0.01 * i), { device, shape, dtype: "f64" });
      const p = { mean, logVariance: fill(device, shape, 9, 0.3, -6) };
      const all = await boundTerm.forward(p, { x0, xt, steps: own }, decoder).data();
      for (const i of [0, 1, 2]) {
        const one = (t: Tensor): Tensor => slice(t, [i], [i + 1]);
        const only = { x0: one(x0), xt: one(xt), steps: [own[i]] };
        const alone = boundTerm.forward({ mean: one(p.mean), logVariance: one(p.logVariance) }, only, decoder);
        expect((await alone.data())[0]).to.be.closeTo(all[i], 1e-12 * Math.abs(all[i]));
      }
      const terms = { x0, xt, steps: own };
      const report = await gradcheck({
        forward: (given) => boundTerm.forward(given, terms, decoder),
        backward: (dy, given) => {
          const { mean, logVariance } = boundTerm.backward(dy, given, terms, decoder);
          return { dmean: mean, dlogVariance: logVariance };
        },
      }, p);
      expect(report.pass, decoder.name).to.equal(true);
    }
  });

  it("of continuous data are the negative log-density at t = 0", async () => {
    const x0 = numbers([0.3, -0.4], [1, 2]), p = { mean: numbers([0.1, 0], [1, 2]), logVariance: numbers([-2, -3], [1, 2]) };
    const bits = await boundTerm.forward(p, { x0, xt: x0, steps: [steps[0]] }, density).data();
    const nats = await sum(gaussianLogDensity.forward(x0, p)).item();
    expect(bits[0]).to.be.closeTo(-nats / 2 / Math.LN2, 1e-14);
    expect(() => stepGaussian({ x0: numbers([1]) }, x0, [steps[0]], "fixed-small", density)).to.throw(ShapeError);
  });
});
