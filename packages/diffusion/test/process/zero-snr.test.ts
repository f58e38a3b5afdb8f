/** Schedules that end without signal: their tables, what they refuse, and samples that start there. */
import { expect } from "chai";
import { ConfigError, openDevice, tensor, type Device } from "@fromnoise/tensor";
import {
  ancestral, ddim, discreteProcess, euler, exactDenoiser, lastOf, lossWeight, makeSchedule, pathOf, posterior, predictionTarget,
  rawDenoiser, runSampler, SCHEDULE_NAMES, scheduleFromBetas, seededNoise, trainConfig, type AnySampler, type PredictionName,
} from "../../src/index.js";
import { expectConfigError } from "../scalars.js";
import { saying } from "../samplers/stepping.js";

const process = discreteProcess({ name: "linear", timesteps: 50, zeroTerminalSnr: true, betaEnd: 0.1 });
const nothing = "prediction: eps does not determine x0 and eps at alpha 0, sigma 1\n"
  + "  allowed  a prediction whose alpha q - sigma p is not 0 there, such as v";

describe("a schedule rescaled to end without signal", () => {
  for (const name of SCHEDULE_NAMES) {
    it(`has the roots of alphaBar shifted and stretched, from the same first step to 0: ${name}`, () => {
      const before = makeSchedule({ name, timesteps: 200 }), after = makeSchedule({ name, timesteps: 200, zeroTerminalSnr: true });
      const [first, last] = [before.sqrtAlphaBar[0], before.sqrtAlphaBar[199]];
      after.sqrtAlphaBar.forEach((s, t) => expect(s).to.be.closeTo((before.sqrtAlphaBar[t] - last) * first / (first - last), 1e-12));
      expect([after.betas[0], after.betas[199], after.alphaBar[199], after.snr[199]]).to.deep.equal([before.betas[0], 1, 0, 0]);
      expect(after.betas.slice(0, -1).every((beta) => beta > 0 && beta < 1)).to.equal(true);
    });
  }

  it("is what is asked for, and nothing else ends in a beta of 1", () => {
    expect(makeSchedule({ name: "linear", timesteps: 10, zeroTerminalSnr: false })).to.deep.equal(makeSchedule({ name: "linear", timesteps: 10 }));
    expectConfigError(() => makeSchedule({ name: "linear", timesteps: 1, zeroTerminalSnr: true }),
      "timesteps: 1 are too few to end without signal\n  allowed    integers from 2 with zeroTerminalSnr");
    const refused = (betas: number[]): void => void expect(() => scheduleFromBetas(betas)).to.throw(ConfigError, "is not a variance of added noise");
    refused([1]);
    refused([0.1, 1, 1]);
    refused([1, 0.1]);
    refused([0.1, 1 + 1e-15]);
    expect(scheduleFromBetas([0.1, 1]).alphaBar[1]).to.equal(0);
    expect(() => makeSchedule({ name: "linear", timesteps: 100_000, zeroTerminalSnr: true })).to.throw(ConfigError, "nothing is left from step 41341");
  });

  it("starts samples from the posterior that forgets x_t: alpha_s x0, variance sigma_s^2", () => {
    const s = process.at(30);
    expect(posterior(process.at(49), s)).to.deep.equal({ x0: s.alpha, xt: 0, small: s.sigma ** 2, large: 1 });
  });

  it("has a level for every log-SNR down to none, rising in time", () => {
    expect(process.levelAt(-Infinity)).to.equal(process.at(49));
    expect(process.range).to.deep.equal([process.at(49), process.at(0)]);
    const [a, b] = [process.levelAt(-15), process.levelAt(-20)];
    expect([48 < a.time, a.time < b.time, b.time < 49]).to.deep.equal([true, true, true]);
    expect(a.time).to.be.closeTo(49 - a.alpha / process.at(48).alpha, 1e-12);
  });

  it("weighs 0 where nothing is left, unless simple, and refuses eps there", () => {
    const last = process.at(49);
    for (const prediction of ["x0", "v", "flow"] as const) {
      expect((["simple", "snr", "min-snr"] as const).map((weighting) => lossWeight(last, prediction, weighting))).to.deep.equal([1, 0, 0]);
    }
    expectConfigError(() => lossWeight(last, "eps", "min-snr"), nothing);
  });

  it("is refused with a prediction that says nothing there, before anything is trained, and by euler", () => {
    const config = (prediction: PredictionName): unknown => trainConfig({ prediction, schedule: { zeroTerminalSnr: true } });
    expectConfigError(() => config("eps"), nothing);
    expect(() => config("edm")).to.throw(ConfigError, "prediction: edm does not determine x0 and eps at alpha 0");
    for (const prediction of ["x0", "v", "flow"] as const) expect(config(prediction)).to.have.nested.property("schedule.zeroTerminalSnr", true);
    expect(() => pathOf(euler, process)).to.throw(ConfigError, "euler: sigma / alpha is infinite where alpha is 0\n  allowed  ddim, ddim-heun, ancestral");
  });
});

describe("samples that start without signal", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());
  const mixture = { weights: [0.3, 0.7], means: [[-0.8], [0.5]], sd: 0.2 };
  const exact = exactDenoiser(mixture);

  for (const prediction of ["x0", "v", "flow"] as const) {
    for (const sampler of [ddim, ancestral] as readonly AnySampler[]) {
      it(`are those of the exact denoiser where a network says ${prediction}: ${sampler.name}`, async () => {
        const network = saying((xt, t) => {
          const { x0, eps } = exact(xt, process.at(t));
          return predictionTarget(x0, eps, process.at(t), prediction);
        });
        const draw = async (denoise: typeof exact): Promise<number[]> => {
          const sample = await lastOf(runSampler(sampler, { denoise, process, shape: [4000, 1], device, dtype: "f64", noise: seededNoise(3) }));
          return Array.from(await sample.data());
        };
        const [told, known] = [await draw(rawDenoiser(network, prediction)), await draw(exact)];
        told.forEach((value, i) => expect(value).to.be.closeTo(known[i], 1e-9));
        const mean = told.reduce((a, b) => a + b) / told.length;                            // 0.11, variance 0.3949
        expect(mean).to.be.closeTo(0.11, 4 * Math.sqrt(0.3949 / 4000));
      });
    }
  }

  it("cannot be drawn from a network that predicts eps", () => {
    const xt = tensor([[0.5]], { device, dtype: "f64" });
    expectConfigError(() => rawDenoiser(saying((x) => x), "eps")(xt, process.at(49)), nothing);
  });

  it("begin at the data's mean, whatever the noise: x_s = alpha_s mean + sigma_s x_T", async () => {
    const start = tensor([[-1.5], [0.4]], { device, dtype: "f64" });
    const run = runSampler(ddim, { denoise: exact, process, options: { steps: 5 }, shape: [2, 1], device, dtype: "f64", start });
    const { value } = await run.next();
    if (value === undefined || !("to" in value)) throw new Error("no step");
    const { alpha, sigma } = value.to;
    (await value.next.data()).forEach((x, i) => expect(x).to.be.closeTo(alpha * 0.11 + sigma * [-1.5, 0.4][i], 1e-12));
    await run.return(undefined as never);
  });
});
