import { ConfigError } from "@fromnoise/tensor";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import { predictionCoefficients as coefficients, PREDICTIONS, type PredictionName } from "../src/denoisers/prediction.js";
import { discreteProcess } from "../src/process/process.js";
import { logVariance, makeSchedule, SCHEDULE_NAMES, scheduleFromBetas, variance, type NoiseSchedule } from "../src/process/schedules.js";
import { ddimCoefficients, expectConfigError, lossWeight, predictionCoefficients } from "./scalars.js";

const golden = (name: string) => JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8"));

type SelectedTables = Record<"idx" | "beta" | "alphas_cumprod" | "posterior_variance" | "coef1" | "coef2", number[]>;
interface Step {
  t: number; x_t: number[]; eps_hat: number[]; x0_hat_clipped: number[]; mean: number[]; v: number[];
  ancestral_fixedsmall: number[]; ancestral_fixedlarge: number[]; ddim_t_next: number; ddim: Record<string, number[]>;
}
interface Chain {
  T: number; betas: number[]; alphas_cumprod: number[]; posterior_variance: number[];
  posterior_mean_coef1: number[]; posterior_mean_coef2: number[]; x0: number[]; eps: number[]; z: number[]; steps: Step[];
}
const scheduleNames = { linear: "scaled-linear", cosine: "cosine", sigmoid: "sigmoid" } as const;
type GoldenName = keyof typeof scheduleNames;

/** Every value within `tolerance`, relative to the expected value or (where that is below `floor`) to `floor`. */
function expectClose(
  actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, floor: number, what: string,
): void {
  expect(actual.length, what).to.equal(expected.length);
  Array.from(expected).forEach((e, i) => {
    const error = Math.abs(actual[i]! - e) / Math.max(Math.abs(e), floor);
    expect(error, `${what}[${i}]: ${actual[i]} against ${e}`).to.be.at.most(tolerance);
  });
}

/** The sigmoid schedule with s(-3) and s(3) rounded to f32. */
function sigmoidBetasWithRoundedEnds(T: number): number[] {
  const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
  const [low, high] = [Math.fround(logistic(-3)), Math.fround(logistic(3))];
  const alphaBar = Array.from({ length: T + 1 }, (_, i) => (high - logistic(6 * i / T - 3)) / (high - low));
  return alphaBar.slice(1).map((a, t) => Math.min(1 - a / alphaBar[t]!, 0.999));
}

describe("schedules against numbers from outside", () => {
  for (const [key, tables] of Object.entries<SelectedTables>(golden("schedules"))) {
    it(`${key} has the tabulated betas, alphaBar, posterior variances and mean coefficients`, () => {
      const [name, T] = key.split("_") as [GoldenName, string];
      let schedule = makeSchedule({ name: scheduleNames[name], timesteps: Number(T) });
      const pick = (table: Float64Array) => tables.idx.map((t) => table[t]!);
      if (name === "sigmoid") {  // the tables' source rounds s(-3) and s(3) to f32: alphaBar_499 = 0.5000000039, not 0.5
        expect(schedule.alphaBar[schedule.T / 2 - 1]).to.be.closeTo(0.5, 1e-12);
        expectClose(pick(schedule.alphaBar), tables.alphas_cumprod, 1e-4, 1e-6, "alphaBar");
        schedule = scheduleFromBetas(sigmoidBetasWithRoundedEnds(schedule.T));
      }
      expectClose(pick(schedule.betas), tables.beta, 1e-12, 1e-3, "beta");
      expectClose(pick(schedule.alphaBar), tables.alphas_cumprod, 1e-12, 1e-300, "alphaBar");
      expectClose(pick(schedule.posteriorVariance), tables.posterior_variance, 1e-12, 1e-3, "posteriorVariance");
      expectClose(pick(schedule.posteriorMeanCoef1), tables.coef1, 1e-11, 1e-3, "posteriorMeanCoef1");
      expectClose(pick(schedule.posteriorMeanCoef2), tables.coef2, 1e-11, 1e-3, "posteriorMeanCoef2");
    });
  }

  it("linear with T = 1000 is the paper's table, whatever the scaling, and needs no scaling for other T", () => {
    const schedule = makeSchedule({ name: "linear", timesteps: 1000 });
    const at = [0, 1, 499, 500, 998, 999];
    expectClose(at.map((t) => schedule.betas[t]!), [1e-4, 1.1992e-4, 0.01004, 0.01006, 0.0199801, 0.02], 1e-4, 1e-6, "beta");
    const alphaBar = [0.9999, 0.99978, 0.0785872, 0.0777967, 4.11819e-5, 4.03583e-5];
    expectClose(at.map((t) => schedule.alphaBar[t]!), alphaBar, 3e-6, 1e-6, "alphaBar");
    expect(Array.from(makeSchedule({ name: "scaled-linear", timesteps: 1000 }).betas)).to.deep.equal(Array.from(schedule.betas));
    for (const [T, signal] of [[50, 0.7765], [100, 0.603], [250, 0.2823], [500, 0.0797], [1000, 0.0064]] as const) {
      expect(makeSchedule({ name: "linear", timesteps: T }).sqrtAlphaBar[T - 1], `T = ${T}`).to.be.closeTo(signal, 5e-5);
    }
  });

  it("quad and const follow their formulas, with betas of one's own", () => {
    const quad = makeSchedule({ name: "quad", timesteps: 3, betaStart: 0.01, betaEnd: 0.09 });
    expectClose(quad.betas, [0.01, 0.04, 0.09], 1e-14, 1e-3, "quad");
    expect(Array.from(makeSchedule({ name: "const", timesteps: 3, betaEnd: 0.3 }).betas)).to.deep.equal([0.3, 0.3, 0.3]);
    expect(Array.from(makeSchedule({ name: "linear", timesteps: 1 }).betas)).to.deep.equal([1e-4]);
  });

  it("laplace has the betas and alphaBar of its formula in 60 digits, for few steps and for many", () => {
    expectClose(makeSchedule({ name: "laplace", timesteps: 1 }).betas, [0.999], 1e-15, 1, "T = 1");
    expectClose(makeSchedule({ name: "laplace", timesteps: 2 }).betas, [0.5, 0.999], 1e-15, 1, "T = 2");
    const ten = makeSchedule({ name: "laplace", timesteps: 10 });
    const of = (table: Float64Array, at: number[]): number[] => at.map((t) => table[t]!);
    expectClose(of(ten.betas, [0, 1, 4, 5, 8, 9]),
      [0.30901699437494745, 0.11347441501389489, 0.052786404500042058, 0.055728090000841217, 0.20238423666291558, 0.999],
      1e-13, 1e-3, "betas, T = 10");
    expectClose(of(ten.alphaBar, [0, 1, 4, 5, 8, 9]),
      [0.69098300562505255, 0.6125741132772069, 0.5, 0.47213595499957939, 0.30901699437494745, 3.0901699437494745e-4],
      1e-13, 1e-300, "alphaBar, T = 10");
    const thousand = makeSchedule({ name: "laplace", timesteps: 1000 });
    expectClose(of(thousand.alphaBar, [0, 1, 2, 499, 500, 997, 998, 999]),
      [0.95719302650301019, 0.94051651284802451, 0.92810898699783873, 0.5, 0.49974974968706182, 0.059483487151975489,
        0.042806973496989774, 4.2806973496989776e-5], 1e-11, 1e-300, "alphaBar, T = 1000");
  });

  it("laplace's log-SNR is odd about the middle, and a uniform step has it below -x with the Laplace probability exp(-2x) / 2", () => {
    const { snr, T } = makeSchedule({ name: "laplace", timesteps: 1000 });
    for (let t = 0; t < T - 1; t++) expect(Math.log(snr[t]!) + Math.log(snr[T - 2 - t]!), `t = ${t}`).to.be.closeTo(0, 1e-10);
    for (const x of [0.1, 0.5, 1, 2]) {
      const below = snr.filter((ratio) => Math.log(ratio) < -x).length / T;
      expect(below, `x = ${x}`).to.be.closeTo(Math.exp(-2 * x) / 2, 1.001 / T);
    }
  });

  for (const [key, chain] of Object.entries<Chain>(golden("diffusion"))) {
    const schedule = makeSchedule({ name: scheduleNames[key as GoldenName], timesteps: chain.T });

    it(`${key}, T = 50: every table agrees to the 12 digits given`, () => {
      expectClose(schedule.betas, chain.betas, 5e-12, 1e-3, "betas");
      expectClose(schedule.alphaBar, chain.alphas_cumprod, 5e-12, 1e-300, "alphaBar");
      expectClose(schedule.posteriorVariance, chain.posterior_variance, 5e-12, 1e-3, "posteriorVariance");
      expectClose(schedule.posteriorMeanCoef1, chain.posterior_mean_coef1, 5e-12, 1e-3, "coef1");
      expectClose(schedule.posteriorMeanCoef2, chain.posterior_mean_coef2, 5e-12, 1e-3, "coef2");
    });

    it(`${key}, T = 50: x_t, v, posterior means, ancestral and DDIM steps made from the coefficients agree`, () => {
      const combine = (a: number, x: number[], b: number, y: number[]) => x.map((v, i) => a * v + b * y[i]!);
      for (const step of chain.steps) {
        const { t } = step;
        const close = (actual: number[], expected: number[], what: string) =>
          expectClose(actual, expected, 1e-11, 1 / schedule.sqrtAlphaBar[t]!, `${what}, t = ${t}`);
        const xT = combine(schedule.sqrtAlphaBar[t]!, chain.x0, schedule.sqrtOneMinusAlphaBar[t]!, chain.eps);
        close(xT, step.x_t, "x_t");
        const [av, bv] = predictionCoefficients(schedule, t, "eps", "v");
        close(combine(av, xT, bv, chain.eps), step.v, "v");
        const [a, b] = predictionCoefficients(schedule, t, "eps", "x0");
        const x0 = combine(a, xT, b, step.eps_hat).map((v) => Math.min(1, Math.max(-1, v)));
        close(x0, step.x0_hat_clipped, "x0");
        const mean = combine(schedule.posteriorMeanCoef1[t]!, x0, schedule.posteriorMeanCoef2[t]!, xT);
        close(mean, step.mean, "mean");
        const noise = (sigma2: number) => (t > 0 ? Math.sqrt(sigma2) : 0);
        close(combine(1, mean, noise(variance(schedule, t, "fixed-small")), chain.z), step.ancestral_fixedsmall, "fixed-small");
        close(combine(1, mean, noise(variance(schedule, t, "fixed-large")), chain.z), step.ancestral_fixedlarge, "fixed-large");
        const [ae, be] = predictionCoefficients(schedule, t, "x0", "eps");
        const eps = combine(ae, xT, be, x0);
        for (const [eta, expected] of Object.entries(step.ddim)) {
          const ddim = ddimCoefficients(schedule.alphaBar[t]!, schedule.alphaBar[step.ddim_t_next]!, Number(eta));
          close(combine(1, combine(ddim.x0, x0, ddim.eps, eps), ddim.sigma, chain.z), expected, `DDIM eta ${eta}`);
        }
      }
    });
  }
});

describe("what holds for every schedule", () => {
  const all = SCHEDULE_NAMES.map((name) => makeSchedule({ name, timesteps: 100 }));

  it("posterior mean and variance are those of the product of the two Gaussians it comes from", () => {
    for (const s of all) {
      for (let t = 1; t < s.T; t += 7) {
        // q(x_{t-1} | x_t, x0) ~ N(x_t; sqrt(alpha) x_{t-1}, beta) N(x_{t-1}; sqrt(abar) x0, 1 - abar), abar = alphaBar_{t-1}
        const alpha = s.alphas[t]!, beta = s.betas[t]!, abar = s.alphaBarPrev[t]!;
        const precision = alpha / beta + 1 / (1 - abar);
        expect(s.posteriorVariance[t]! * precision).to.be.closeTo(1, 1e-10);
        expect(s.posteriorMeanCoef1[t]! * precision).to.be.closeTo(Math.sqrt(abar) / (1 - abar), 1e-10 * precision);
        expect(s.posteriorMeanCoef2[t]! * precision).to.be.closeTo(Math.sqrt(alpha) / beta, 1e-10 * precision);
      }
    }
  });

  it("at t = 0 the posterior is x0 itself, and alphaBar falls strictly", () => {
    for (const s of all) {
      expect([s.alphaBarPrev[0], s.posteriorVariance[0], s.posteriorMeanCoef2[0]]).to.deep.equal([1, 0, 0]);
      expect(s.posteriorMeanCoef1[0]).to.be.closeTo(1, 1e-12);
      for (let t = 0; t < s.T; t++) expect(s.alphaBar[t]).to.be.lessThan(s.alphaBarPrev[t]!);
    }
  });

  it("|deps|^2 = SNR |dx0|^2 = alphaBar |dv|^2 for two predictions made from one x_t", () => {
    for (const s of all) {
      for (const t of [0, 1, 50, 99]) {
        const of = (eps: number, to: PredictionName) => {
          const [a, b] = predictionCoefficients(s, t, "eps", to);
          return a * 0.37 + b * eps;
        };
        const [deps, dx0, dv] = (["eps", "x0", "v"] as const).map((to) => (of(-0.8, to) - of(0.6, to)) ** 2) as [number, number, number];
        expect(s.snr[t]! * dx0 / deps).to.be.closeTo(1, 1e-10);
        expect(s.alphaBar[t]! * dv / deps).to.be.closeTo(1, 1e-10);
        const weighted = ([["eps", deps], ["x0", dx0], ["v", dv]] as const);
        for (const [prediction, error] of weighted) {
          expect(lossWeight(s, t, prediction, "snr") * error / deps).to.be.closeTo(1, 1e-10);
          expect(lossWeight(s, t, prediction, "min-snr", 3) * error / (Math.min(s.snr[t]!, 3) * dx0)).to.be.closeTo(1, 1e-10);
          expect(lossWeight(s, t, prediction, "simple")).to.equal(1);
        }
      }
    }
  });

  it("converting a prediction gives what x0 and eps say, from and to each of the five", () => {
    const s = makeSchedule({ name: "cosine", timesteps: 100 });
    for (const t of [0, 10, 50, 98]) {
      const [x0, eps, c, n] = [0.3, -1.2, s.sqrtAlphaBar[t]!, s.sqrtOneMinusAlphaBar[t]!];
      const skip = 0.25 / ((n / c) ** 2 + 0.25), out = (n / c) * 0.5 / Math.sqrt((n / c) ** 2 + 0.25);      // EDM, sigma_data 1/2
      const truth = {
        x0, eps, v: c * eps - n * x0, flow: eps - x0, edm: (x0 - skip * (c * x0 + n * eps) / c) / out,
      };
      for (const from of PREDICTIONS) {
        for (const to of PREDICTIONS) {
          const [a, b] = predictionCoefficients(s, t, from, to);
          expect(a * (c * x0 + n * eps) + b * truth[from], `${from} to ${to} at ${t}`).to.be.closeTo(truth[to], 1e-9);
        }
      }
    }
  });

  it("min-SNR weights are those of the paper, gamma 5", () => {
    const s = scheduleFromBetas([0.1, 0.5]);  // SNR 9 and 0.45/0.55
    expect(lossWeight(s, 0, "eps", "min-snr")).to.be.closeTo(5 / 9, 1e-12);
    expect(lossWeight(s, 0, "x0", "min-snr")).to.be.closeTo(5, 1e-12);
    expect(lossWeight(s, 0, "v", "min-snr")).to.be.closeTo(0.5, 1e-12);
    expect(lossWeight(s, 1, "eps", "min-snr")).to.be.closeTo(1, 1e-12);
    expect(lossWeight(s, 0, "x0", "snr")).to.be.closeTo(9, 1e-12);
  });

  it("fixed-small and fixed-large differ by the posterior's factor, and share the log-variance at t = 0", () => {
    const s = makeSchedule({ name: "linear", timesteps: 1000 });
    expect(variance(s, 487, "fixed-small")).to.be.closeTo(0.00979, 5e-6);
    expect(variance(s, 999, "fixed-small")).to.be.closeTo(0.02, 1e-5);
    expect(variance(s, 999, "fixed-large")).to.equal(s.betas[999]);
    for (const kind of ["fixed-small", "fixed-large"] as const) {
      expect(logVariance(s, 0, kind)).to.equal(Math.log(s.posteriorVariance[1]!));
      expect(logVariance(s, 7, kind)).to.equal(Math.log(variance(s, 7, kind)));
    }
    expect(s.posteriorLogVarianceClipped[1]).to.equal(s.posteriorLogVarianceClipped[0]);
    expect(makeSchedule({ name: "const", timesteps: 1 }).posteriorLogVarianceClipped[0]).to.equal(Math.log(1e-20));
  });
});

describe("what schedules refuse", () => {
  const linear: NoiseSchedule = makeSchedule({ name: "linear", timesteps: 10 });

  it("scaled-linear with betas of 1 and more, up to T = 20", () => {
    expectConfigError(() => makeSchedule({ name: "scaled-linear", timesteps: 10 }), [
      "timesteps: 10 is too few for the schedule scaled-linear",
      "  beta       up to 0.02 * 1000 / 10 = 2, must be below 1",
      "  allowed    timesteps > 20; cosine fits any number of steps",
    ].join("\n"));
    expect(() => makeSchedule({ name: "scaled-linear", timesteps: 20 })).to.throw(ConfigError);
    expect(Math.max(...makeSchedule({ name: "scaled-linear", timesteps: 21 }).betas)).to.be.lessThan(1);
  });

  it("unknown names, step counts and betas out of range", () => {
    expectConfigError(() => makeSchedule({ name: "cosin" as "cosine", timesteps: 10 }),
      `schedule: "cosin" is not known\n  allowed    ${SCHEDULE_NAMES.join(", ")}`);
    expect(() => makeSchedule({ name: "toString" as "cosine", timesteps: 10 })).to.throw(ConfigError);
    for (const timesteps of [0, -1, 1.5, NaN]) {
      expectConfigError(() => makeSchedule({ name: "cosine", timesteps }),
        `timesteps: ${timesteps} is not a number of steps\n  allowed    integers from 1 to 1000000`);
    }
    const allowed = "\n  allowed    numbers between 0 and 1, both excluded";
    expectConfigError(() => makeSchedule({ name: "linear", timesteps: 10, betaEnd: 1 }),
      `betaEnd: 1 is not a variance of added noise${allowed}`);
    expectConfigError(() => makeSchedule({ name: "linear", timesteps: 10, betaStart: 0 }),
      `betaStart: 0 is not a variance of added noise${allowed}`);
    expectConfigError(() => scheduleFromBetas([0.1, NaN]), `betas[1]: NaN is not a variance of added noise${allowed}`);
    expectConfigError(() => scheduleFromBetas([]), "betas: there is none\n  allowed    one or more");
  });

  it("steps outside the schedule, in every function that takes one", () => {
    const message = (t: number) => `t: ${t} is not a step of the schedule linear\n  allowed    integers 0 .. 9`;
    for (const t of [-1, 10, 0.5, NaN]) {
      expectConfigError(() => variance(linear, t, "fixed-small"), message(t));
      expectConfigError(() => logVariance(linear, t, "fixed-small"), message(t));
      expectConfigError(() => discreteProcess(linear).at(t), message(t));
    }
  });

  it("a gamma that bounds nothing", () => {
    expectConfigError(() => lossWeight(linear, 0, "eps", "min-snr", 0),
      "gamma: 0 does not bound a signal-to-noise ratio\n  allowed    numbers > 0");
  });

  it("so many steps that of the image nothing is left", () => {
    expectConfigError(() => makeSchedule({ name: "linear", timesteps: 100_000 }), [
      "schedule linear: of the image nothing is left from step 41341 of 100000 on",
      "  alphaBar   1.3737811774457108e-76 at t = 41341, the product of all 1 - beta up to there",
      "  allowed    fewer steps or smaller betas, so that sqrt(alphaBar) >= 2^-126; cosine fits any number of steps",
    ].join("\n"));
    const longest = makeSchedule({ name: "linear", timesteps: 17_000 });
    expect(Math.fround(predictionCoefficients(longest, 16_999, "eps", "x0")[0])).to.be.lessThan(Infinity);
    for (const name of ["cosine", "sigmoid", "laplace", "scaled-linear"] as const) makeSchedule({ name, timesteps: 100_000 });
  });

  it("names that are not known, which plain JavaScript or a file may bring", () => {
    const variances = 'variance: "learned" is not allowed\n  allowed  fixed-small, fixed-large';
    expectConfigError(() => variance(linear, 3, "learned" as "fixed-small"), variances);
    expectConfigError(() => logVariance(linear, 3, "learned" as "fixed-small"), variances);
    expectConfigError(() => logVariance(linear, 0, "learned" as "fixed-small"), variances);
    const predictions = (field: string): string => `${field}: "epsilon" is not allowed\n  allowed  eps, x0, v, flow, edm`;
    expectConfigError(() => predictionCoefficients(linear, 3, "epsilon" as "eps", "x0"), predictions("from"));
    expectConfigError(() => predictionCoefficients(linear, 3, "x0", "epsilon" as "eps"), predictions("to"));
    expectConfigError(() => lossWeight(linear, 3, "epsilon" as "eps", "simple"), predictions("prediction"));
    const nothing = { alpha: 0, sigma: 1 };
    expectConfigError(() => coefficients(nothing, "eps", "x0"), [
      "prediction: eps does not determine x0 and eps at alpha 0, sigma 1",
      "  allowed  a prediction whose alpha q - sigma p is not 0 there, such as v",
    ].join("\n"));
    for (const from of ["x0", "v", "flow"] as const) expect(coefficients(nothing, from, "eps").every(Number.isFinite)).to.equal(true);

    expectConfigError(() => lossWeight(linear, 3, "eps", "minsnr" as "min-snr"),
      'weighting: "minsnr" is not allowed\n  allowed  simple, snr, min-snr');
  });
});
