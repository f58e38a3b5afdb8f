/** Processes without steps: their curves against the papers' formulas, their draws, and the paths that samplers take over them. */
import { expect } from "chai";
import { ConfigError, openDevice, Random, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import {
  ancestral, CLEAN, cosineProcess, ddim, discreteProcess, edmPrediction, edmProcess, euler, exactDenoiser, flowProcess, lastOf,
  linearProcess, logitNormalTimes, logSnr, lossWeight, lowDiscrepancyTimes, onPath, pathOf, predictionCoefficients, predictionTarget,
  predictions, processOf, runSampler, SCHEDULE_NAMES, seededNoise, stridedPath, trainConfig, uniformTimes,
  type AnySampler, type ContinuousProcess, type Denoiser, type NoiseLevel, type ProcessOptions,
} from "../../src/index.js";
import { bucketMeans } from "../../src/train/metrics.js";
import { expectConfigError } from "../scalars.js";

const all: readonly ContinuousProcess[] = [cosineProcess(), linearProcess(), flowProcess(), edmProcess()];
const moments = (values: ArrayLike<number>): [mean: number, variance: number] => {
  const mean = Array.from(values).reduce((a, b) => a + b) / values.length;
  return [mean, Array.from(values).reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1)];
};
const expectNear = (at: NoiseLevel, alpha: number, sigma: number, time: number): void => {
  expect(at.alpha).to.be.closeTo(alpha, 1e-13);
  expect(at.sigma).to.be.closeTo(sigma, 1e-13 * Math.max(1, sigma));
  expect(at.time).to.be.closeTo(time, 1e-10);
};

describe("a process without steps", () => {
  it("has the curve of its paper", () => {
    for (const u of [0.01, 0.3, 0.5, 0.97]) {
      expectNear(cosineProcess().atTime(u), Math.cos(Math.PI * u / 2), Math.sin(Math.PI * u / 2), 1000 * u);
      const lambda = -Math.log(Math.exp(1e-4 + 10 * u * u) - 1);
      expectNear(linearProcess().atTime(u), Math.sqrt(1 / (1 + Math.exp(-lambda))), Math.sqrt(1 / (1 + Math.exp(lambda))), 1000 * u);
      expectNear(flowProcess().atTime(u), 1 - u, u, 1000 * u);
      const sigma = (0.002 ** (1 / 7) + u * (80 ** (1 / 7) - 0.002 ** (1 / 7))) ** 7;
      expectNear(edmProcess().atTime(u), 1, sigma, Math.log(sigma) / 4);
      expect(logSnr(cosineProcess({ shift: -3 }).atTime(u)) - logSnr(cosineProcess().atTime(u)), "shifted").to.be.closeTo(-3, 1e-10);
      expect(logSnr(linearProcess({ shift: 1.5 }).atTime(u)) - logSnr(linearProcess().atTime(u)), "shifted").to.be.closeTo(1.5, 1e-10);
    }
  });

  it("is close to the linear schedule of 1000 steps where it is VDM's, at every tenth", () => {
    const { levels } = discreteProcess({ name: "linear", timesteps: 1000 });
    for (const tenth of [1, 3, 5, 9]) expect(logSnr(linearProcess().atTime(tenth / 10)), `${tenth}`).to.be.closeTo(logSnr(levels[100 * tenth - 1]), 0.1);
  });

  for (const process of all) {
    it(`finds the level of a log-SNR, and none beyond its range: ${process.name}`, () => {
      const [noisiest, cleanest] = process.range;
      for (const f of [0, 0.001, 0.2, 0.5, 0.9, 0.999, 1]) {
        const at = process.atTime(Math.min(noisiest.u!, cleanest.u! + f * (noisiest.u! - cleanest.u!)));
        const found = process.levelAt(logSnr(at));
        if (at.alpha > 0) expect(logSnr(found)).to.be.closeTo(logSnr(at), 1e-9);
        expectNear(found, at.alpha, at.sigma, at.time);
        expect(found.u).to.be.closeTo(at.u!, 1e-8);
      }
      expect(() => process.levelAt(logSnr(cleanest) + 0.1)).to.throw(ConfigError, `is not on the process ${process.name}`);
      expect(() => process.atTime(1.5)).to.throw(ConfigError, `u: 1.5 is not a time of the process ${process.name}`);
      expect(() => process.atTime(NaN)).to.throw(ConfigError);
    });

    it(`keeps what it draws within its range, and falls in log-SNR: ${process.name}`, () => {
      const drawn = process.draw(5000, new Random(1)).sort((a, b) => a.u! - b.u!);
      const [noisiest, cleanest] = process.range;
      expect(drawn.every(({ u }) => u! >= cleanest.u! && u! <= noisiest.u!)).to.equal(true);
      expect(drawn.every((at, i) => i === 0 || logSnr(at) <= logSnr(drawn[i - 1]) + 1e-9)).to.equal(true);
    });
  }

  it("draws times evenly, one in every n-th, or by the logistic function of normal ones", () => {
    const below = (values: ArrayLike<number>, u: number): number => Array.from(values).filter((v) => v < u).length / values.length;
    const range = [0.2, 0.8] as const;
    const uniform = uniformTimes(20_000, new Random(4), range);
    expect(below(uniform, 0.35)).to.be.closeTo(0.25, 4 * Math.sqrt(0.1875 / 20_000));
    const even = Array.from(lowDiscrepancyTimes(50, new Random(4), range)).sort((a, b) => a - b);
    even.forEach((u, i) => expect(u).to.be.within(0.2 + 0.6 * i / 50, 0.2 + 0.6 * (i + 1) / 50));
    const logit = flowProcess().draw(20_000, new Random(4)).map(({ u }) => u!);
    expect(below(logit, 1 / (1 + Math.exp(-1)))).to.be.closeTo(0.8413447, 4 * Math.sqrt(0.1335 / 20_000));
    expect(below(logit, 0.5)).to.be.closeTo(0.5, 4 * Math.sqrt(0.25 / 20_000));
    expect(below(flowProcess({ times: uniformTimes }).draw(20_000, new Random(4)).map(({ u }) => u!), 0.1)).to.be.closeTo(0.1, 4 * Math.sqrt(0.09 / 20_000));
    expect(logitNormalTimes(2, new Random(3), [0, 1])).to.deep.equal(new Random(3).normal(2).map((z) => 1 / (1 + Math.exp(-z))));
  });

  it("of EDM draws ln sigma normally, and its weight of x0 is 1 in terms of what the network says", () => {
    const [mean, variance] = moments(edmProcess().draw(20_000, new Random(2)).map(({ sigma }) => Math.log(sigma)));
    expect(mean).to.be.closeTo(-1.2, 4 * 1.2 / Math.sqrt(20_000));
    expect(variance).to.be.closeTo(1.44, 4 * 1.44 * Math.sqrt(2 / 20_000));
    for (const d of [0.5, 1.3]) {
      for (const at of edmProcess().draw(20, new Random(5))) {
        const { sigma } = at;
        const [skip, out] = predictionCoefficients(at, edmPrediction(d), "x0");            // D = c_skip x + c_out F
        expect(skip).to.be.closeTo(d * d / (sigma * sigma + d * d), 1e-12);
        expect(out * out * (sigma ** 2 + d ** 2) / (sigma * d) ** 2).to.be.closeTo(1, 1e-10);
        expect(edmPrediction(d).inputScale!(at)).to.be.closeTo(1 / Math.hypot(sigma, d), 1e-12);
        expect(lossWeight(at, edmPrediction(d), "simple")).to.equal(1);
      }
    }
    expect(edmPrediction(0.5).pair(edmProcess().range[0])).to.deep.equal(predictions.edm.pair(edmProcess().range[0]));
    expectConfigError(() => edmPrediction(0), "edm: 0 is no standard deviation of data\n  allowed  finite numbers > 0");
  });

  it("averages errors by tenth of u", () => {
    const at = [0.05, 0.05, 0.31, 1].map((u) => flowProcess().atTime(u));
    expect(bucketMeans([1, 3, 5, 7], at)).to.deep.equal([2, null, null, 5, null, null, null, null, null, 7]);
  });

  it("may be kept to some log-SNRs", () => {
    const part = flowProcess({ logSnrRange: [-8, 6] });
    expect(logSnr(part.range[0])).to.be.closeTo(-8, 1e-9);
    expect(logSnr(part.range[1])).to.be.closeTo(6, 1e-9);
    expectConfigError(() => flowProcess({ logSnrRange: [3, 3] }), "logSnrRange: 3, 3 is no range of log-SNRs\n  allowed    two numbers, the lowest first");
  });
});

describe("paths over a process without steps", () => {
  const times = (path: readonly NoiseLevel[]): (number | undefined)[] => path.map(({ u }) => u && Math.round(1e6 * u) / 1e6);

  it("are even in its time, by the spacings of steps, and end clean", () => {
    const path = stridedPath("ddim", flowProcess({ logSnrRange: [-Infinity, Infinity] }), () => 4, "trailing");
    expect(times(path)).to.deep.equal([1, 0.75, 0.5, 0.25, undefined]);
    expect(path[4]).to.equal(CLEAN);
    const by = (spacing: "leading" | "linspace" | "lucidrains"): unknown => times(stridedPath("ddim", flowProcess(), () => 5, spacing));
    expect(by("linspace")).to.deep.equal([1, 0.750025, 0.50005, 0.250075, 0.0001, undefined]);
    expect(by("leading")).to.deep.equal([0.80002, 0.60004, 0.40006, 0.20008, 0.0001, undefined]);
    expect(by("lucidrains")).to.deep.equal(times(stridedPath("ddim", flowProcess(), () => 5, "trailing")));
    expect([pathOf(ddim, cosineProcess()).length, pathOf(ancestral, cosineProcess()).length]).to.deep.equal([51, 1001]);
    expectConfigError(() => stridedPath("ddim", flowProcess(), () => 0, "trailing"), "sampling steps: 0 is no number of steps\n  allowed    integers from 1");
    expect(() => stridedPath("ddim", flowProcess(), () => 3, "even" as "leading")).to.throw(ConfigError, 'spacing: "even" is not known');
    const { range, draw, levelAt } = flowProcess();
    expect(() => pathOf(ddim, { name: "bare", range, draw, levelAt })).to.throw(ConfigError, "ddim: the process bare has neither steps nor times");
  });

  it("are Karras' on EDM, where linspace is what euler takes", () => {
    const [even, karras] = [stridedPath("ddim", edmProcess(), () => 18, "linspace"), pathOf(euler, edmProcess(), { steps: 18 })];
    expect(even).to.have.length(19);
    even.forEach(({ sigma }, i) => {
      const wanted = i === 18 ? 0 : (80 ** (1 / 7) + (i / 17) * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7;
      expect(sigma).to.be.closeTo(wanted, 1e-12 * Math.max(wanted, 1));
      expect(karras[i].sigma).to.be.closeTo(wanted, 1e-9 * Math.max(wanted, 1));
    });
  });
});

describe("a process by its name", () => {
  it("is the same from a configuration, with shift and range of its own", () => {
    for (const { name, range } of all) expect(processOf({ name: name as "edm", timesteps: 1000 }).range).to.deep.equal(range);
    expect(processOf({ name: "linear", timesteps: 10 }).levels).to.have.length(10);
    expect(processOf({ name: "continuous-cosine", timesteps: 1, logSnrShift: -2 }).range).to.deep.equal(cosineProcess({ shift: -2 }).range);
  });

  it("is refused with what is another's", () => {
    const made = (options: Partial<ProcessOptions>): unknown => processOf({ name: "flow", timesteps: 10, ...options });
    expectConfigError(() => made({ zeroTerminalSnr: true }),
      `schedule.zeroTerminalSnr: true is not for the process flow\n  allowed  false; others for ${SCHEDULE_NAMES.join(", ")}, betas`);
    for (const name of ["flow", "edm", "cosine"] as const) {
      expectConfigError(() => made({ name, logSnrShift: 1 }),
        `schedule.logSnrShift: 1 is not for the process ${name}\n  allowed  0; others for continuous-cosine, continuous-linear`);
    }
    expect(() => trainConfig({ schedule: { name: "flow" } })).to.throw(ConfigError, "prediction: eps does not determine x0 and eps at alpha 0");
    expect(trainConfig({ schedule: { name: "flow" }, prediction: "flow" }).schedule).to.include({ name: "flow", logSnrShift: 0 });
  });
});

describe("samples of a process without steps", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());
  const mixture = { weights: [0.3, 0.7], means: [[-0.8, 0.1], [0.5, 0]], sd: 0.2 };
  const exact = exactDenoiser(mixture);
  const options = { dtype: "f64", shape: [3000, 2] } as const;
  const draw = async (sample: Promise<Tensor>): Promise<number[]> => Array.from(await (await sample).data());

  for (const process of all) {
    for (const sampler of [ddim, ancestral] as readonly AnySampler[]) {
      it(`have the moments of the data: ${process.name}, ${sampler.name}`, async () => {
        const run = runSampler(sampler, { ...options, denoise: exact, process, options: { steps: sampler === ddim ? 60 : 300 }, device, noise: seededNoise(8) });
        const [mean, variance] = moments((await draw(lastOf(run))).filter((_, i) => i % 2 === 0));
        expect(mean).to.be.closeTo(0.11, 4 * Math.sqrt(0.3949 / 3000));
        expect(variance).to.be.closeTo(0.3949, 0.03);
      });
    }
  }

  it("on the straight path are Euler's: DDIM with eta 0 is x + (u' - u)(eps - x0)", async () => {
    const process = flowProcess();
    const start = tensor([[0.3, -1.2], [2, 0.5]], { device, dtype: "f64" });
    const path = pathOf(ddim, process, { steps: 12 });
    const run = lastOf(runSampler(ddim, { denoise: exact, process, options: { steps: 12 }, shape: [2, 2], device, dtype: "f64", start }));
    let x = Array.from(await start.data());
    for (let i = 0; i + 1 < path.length; i++) {
      const { x0, eps } = exact(tensor(x, { device, dtype: "f64", shape: [2, 2] }), path[i]);
      const velocity = await predictionTarget(x0, eps, path[i], "flow").data();
      x = x.map((value, j) => value + ((path[i + 1].u ?? 0) - path[i].u!) * velocity[j]);
    }
    (await draw(run)).forEach((value, i) => expect(value).to.be.closeTo(x[i], 1e-12));
  });

  it("on one path are drawn with a denoiser that knows another: the same as with one that knows them all", async () => {
    const from = cosineProcess(), asked: NoiseLevel[] = [];
    /** Knows the cosine's levels alone. */
    const onCosine: Denoiser = (xt, at) => {
      asked.push(at);
      return exact(xt, at);
    };
    for (const to of [flowProcess({ logSnrRange: [-15, 15] }), edmProcess(), linearProcess(), discreteProcess({ name: "linear", timesteps: 100 })]) {
      const run = (denoise: Denoiser): Promise<Tensor> =>
        lastOf(runSampler(ddim, { denoise, process: to, options: { steps: 20 }, shape: [50, 2], device, dtype: "f64", noise: seededNoise(2) }));
      const [known, adapted] = [await draw(run(exact)), await draw(run(onPath(onCosine, from, to)))];
      adapted.forEach((value, i) => expect(value, to.name).to.be.closeTo(known[i], 1e-9));
    }
    expect(asked).to.have.length(80);
    for (const { alpha, sigma, u } of asked) {
      expect(alpha ** 2 + sigma ** 2).to.be.closeTo(1, 1e-12);
      expect(alpha).to.be.closeTo(Math.cos(Math.PI * u! / 2), 1e-12);
    }
    expect(() => onPath(onCosine, from, flowProcess())).to.throw(ConfigError, [
      "onPath: the process flow leaves the log-SNRs of continuous-cosine", "  flow   -Infinity to 18.",
    ].join("\n"));
  });

  it("without signal at the start are drawn on another path from a schedule that ends so", async () => {
    const from = discreteProcess({ name: "cosine", timesteps: 1000, zeroTerminalSnr: true }), to = flowProcess({ logSnrRange: [-Infinity, 9] });
    const run = (denoise: Denoiser): Promise<Tensor> =>
      lastOf(runSampler(ddim, { denoise, process: to, options: { steps: 9 }, shape: [50, 2], device, dtype: "f64", noise: seededNoise(2) }));
    const [known, adapted] = [await draw(run(exact)), await draw(run(onPath(exact, from, to)))];
    adapted.forEach((value, i) => expect(value).to.be.closeTo(known[i], 1e-9));
  });
});
