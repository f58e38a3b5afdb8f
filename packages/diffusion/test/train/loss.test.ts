import { expect } from "chai";
import { ConfigError, gradcheck, openDevice, Random, randomNormal, ShapeError, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import {
  convertPrediction, predictionOf, PREDICTIONS, predictionTarget, type PredictionName,
} from "../../src/denoisers/prediction.js";
import { losses } from "../../src/losses/index.js";
import type { Loss, LossTerms } from "../../src/losses/loss.js";
import type { LossWeighting } from "../../src/losses/weighting.js";
import { CLEAN, type NoiseLevel } from "../../src/process/level.js";
import { posteriorMean } from "../../src/process/posterior.js";
import { discreteProcess } from "../../src/process/process.js";
import { qSample } from "../../src/process/q-sample.js";
import { bucketMeans, parseMetrics } from "../../src/train/metrics.js";

const process = discreteProcess({ name: "linear", timesteps: 1000 });
const { schedule } = process;
const t = [3, 250, 600, 999];
const levels = t.map((step) => process.at(step));
const stepBefore = (step: number): NoiseLevel => (step === 0 ? CLEAN : process.at(step - 1));
const shape = [t.length, 4, 4, 2];

/** The losses that are an error of the prediction; those of the bound have bound-losses.test.ts. */
const ERRORS = ["mse", "l1"] as const;

describe("the training loss", () => {
  let device: Device;
  let terms: LossTerms, guess: Tensor;
  beforeEach(async () => {
    device = await openDevice("reference");
    const random = new Random(3);
    const normal = (): Tensor => randomNormal(shape, random, { device, dtype: "f64" });
    const [x0, eps] = [normal(), normal()];
    guess = normal();
    terms = { x0, eps, xt: qSample(x0, levels, eps), levels };
  });
  afterEach(() => device.dispose());

  const mse = (prediction: PredictionName, weighting: LossWeighting, gamma = 5): Loss =>
    losses.mse({ prediction: predictionOf(prediction), weighting, gamma });

  /** The loss where the network says, in the terms of `prediction`, that the noise is `guess`. */
  async function lossOf(prediction: PredictionName, weighting: LossWeighting, gamma?: number): Promise<number> {
    const output = convertPrediction(guess, terms.xt, levels, "eps", prediction);
    return mse(prediction, weighting, gamma).forward(output, terms).loss.item();
  }

  for (const weighting of ["snr", "min-snr"] as const) {
    it(`is the same for all five predictions when weighted by ${weighting}`, async () => {
      const [inEps, ...others] = await Promise.all(PREDICTIONS.map((prediction) => lossOf(prediction, weighting)));
      expect(others).to.have.length(4);
      for (const other of others) expect(other).to.be.closeTo(inEps, 1e-10 * inEps);
    });
  }

  it("is bounded by the gamma of min-snr", async () => {
    const [low, high, free] = [await lossOf("x0", "min-snr", 1), await lossOf("x0", "min-snr", 5), await lossOf("x0", "min-snr", 1e9)];
    expect(low).to.be.below(high);
    expect(free).to.be.closeTo(await lossOf("x0", "snr"), 1e-10 * free);
    expect(() => mse("eps", "min-snr", -1)).to.throw(ConfigError, "gamma: -1 does not bound a signal-to-noise ratio");
  });

  it("is L_simple, the plain mean squared error of eps, when weighted by snr", async () => {
    const [a, b] = [Float64Array.from(await guess.data()), await terms.eps.data()];
    const expected = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length;
    expect(await lossOf("x0", "snr")).to.be.closeTo(expected, 1e-10 * expected);
    expect(await lossOf("eps", "simple")).to.be.closeTo(expected, 1e-12 * expected);
    expect(await lossOf("v", "simple")).not.to.be.closeTo(expected, 0.01 * expected);
  });

  for (const name of ERRORS) {
    for (const [prediction, weighting] of [["eps", "simple"], ["x0", "min-snr"], ["v", "snr"], ["edm", "min-snr"]] as const) {
      it(`${name} has the gradient that differences measure: ${prediction}, ${weighting}`, async () => {
        const loss = losses[name]({ prediction: predictionOf(prediction), weighting });
        const report = await gradcheck({
          forward: ({ output }) => loss.forward(output, terms).loss,
          backward: (dy, { output }) => loss.backward(dy, output, terms),
        }, { output: guess });
        expect(report.pass).to.equal(true);
      });
    }
  }

  it("l1 is the mean absolute error of every image, weighted", async () => {
    const { loss, perImage } = losses.l1({ prediction: predictionOf("x0"), weighting: "snr" }).forward(guess, terms);
    const [a, b] = [await guess.data(), await terms.x0.data()];
    const size = a.length / t.length;
    const errors = t.map((_, n) => Array.from({ length: size }, (__, i) => Math.abs(a[n * size + i] - b[n * size + i])).reduce((x, y) => x + y) / size);
    (await perImage.data()).forEach((value, n) => expect(value).to.be.closeTo(errors[n], 1e-12));
    expect(await loss.item()).to.be.closeTo(errors.reduce((sum, e, n) => sum + schedule.snr[t[n]] * e, 0) / t.length, 1e-9 * schedule.snr[3]);
  });

  it("gives the unweighted error of every image beside it", async () => {
    const { loss, perImage } = mse("x0", "snr").forward(guess, terms);
    const errors = Array.from(await perImage.data());
    expect(perImage.shape).to.deep.equal([4]);
    const weighted = errors.reduce((sum, e, n) => sum + schedule.snr[t[n]] * e, 0) / 4;
    expect(await loss.item()).to.be.closeTo(weighted, 1e-12 * weighted);
  });
});

describe("the forward process on tensors", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());

  it("repeats nothing silently: shapes that differ are refused by name", () => {
    const [four, one] = [4, 1].map((n) => randomNormal([n, 2, 2, 1], new Random(n), { device }));
    const text = (op: string, a: string, b: string): string => `${op}: ${a} and ${b} differ in shape`;
    expect(() => qSample(four, levels, one)).to.throw(ShapeError).with.property(
      "message", `${text("qSample", "x0", "eps")}\n  x0       [4, 2, 2, 1]\n  eps      [1, 2, 2, 1]`,
    );
    expect(() => posteriorMean(four, one, levels, levels)).to.throw(ShapeError, text("posteriorMean", "x0", "xt"));
    expect(() => convertPrediction(one, four, levels, "eps", "v")).to.throw(ShapeError, text("convertPrediction", "xt", "output"));
    for (const prediction of PREDICTIONS) {
      expect(() => predictionTarget(four, one, levels, prediction)).to.throw(ShapeError, text("predictionTarget", "x0", "eps"));
    }
    for (const name of ERRORS) {
      const loss = losses[name]({ prediction: predictionOf("eps") });
      const terms = { x0: four, eps: four, xt: four, levels };
      expect(() => loss.forward(one, terms)).to.throw(ShapeError, text(`${name} loss`, "x0", "output"));
      expect(() => loss.backward(tensor(1, { device }), one, terms)).to.throw(ShapeError, text(`${name} loss`, "x0", "output"));
      expect(() => loss.forward(four, { ...terms, levels: levels.slice(1) })).to.throw(ShapeError, "3 noise levels for a batch of 4");
    }
  });

  it("knows five predictions and no other", () => {
    const [x0, eps] = [1, 2].map((seed) => randomNormal([4, 2], new Random(seed), { device }));
    expect(() => predictionTarget(x0, eps, levels, "epsilon" as "eps")).to.throw(ConfigError, 'prediction: "epsilon" is not allowed');
  });

  it("has the mean and variance of q(x_t | x_0), within 4 standard errors", async () => {
    const n = 20000;
    const step = 300;
    const x0 = tensor(new Float64Array(n).fill(0.7), { device, dtype: "f64", shape: [1, n] });
    const values = Float64Array.from(
      await qSample(x0, process.at(step), randomNormal([1, n], new Random(11), { device, dtype: "f64" })).data(),
    );
    const mean = values.reduce((a, b) => a + b, 0) / n;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
    const expected = 1 - schedule.alphaBar[step];
    expect(mean).to.be.closeTo(0.7 * Math.sqrt(schedule.alphaBar[step]), 4 * Math.sqrt(expected / n));
    expect(variance).to.be.closeTo(expected, 4 * expected * Math.sqrt(2 / n));
  });

  it("gives each image its own step, and refuses a step that the schedule does not have", async () => {
    const x0 = tensor([1, 1], { device, dtype: "f64", shape: [2, 1] });
    const none = tensor([0, 0], { device, dtype: "f64", shape: [2, 1] });
    const values = await qSample(x0, [process.at(0), process.at(999)], none).data();
    expect(Array.from(values)).to.deep.equal([schedule.sqrtAlphaBar[0], schedule.sqrtAlphaBar[999]]);
    expect(() => process.at(1000)).to.throw(ConfigError, "t: 1000 is not a step of the schedule linear");
    expect(() => qSample(x0, [process.at(0)], none)).to.throw(ShapeError, "1 noise levels for a batch of 2");
  });

  it("keeps a clean image where the posterior knows it: mean sqrt(alphaBar_{t-1}) x0 at x_t = sqrt(alphaBar_t) x0", async () => {
    const x0 = tensor([0.3, -0.9], { device, dtype: "f64", shape: [2, 1] });
    const steps = [1, 700];
    const at = steps.map((step) => process.at(step));
    const xT = qSample(x0, at, tensor([0, 0], { device, dtype: "f64", shape: [2, 1] }));
    const mean = await posteriorMean(x0, xT, at, steps.map(stepBefore)).data();
    [0.3, -0.9].forEach((value, i) => expect(mean[i]).to.be.closeTo(Math.sqrt(schedule.alphaBarPrev[steps[i]]) * value, 1e-14));
  });

  it("gives x0 itself as the posterior mean of the last step", async () => {
    const [x0, xT] = [[0.25], [5]].map((values) => tensor(values, { device, dtype: "f64", shape: [1, 1] }));
    expect(await posteriorMean(x0, xT, process.at(0), stepBefore(0)).item()).to.be.closeTo(0.25, 1e-12);
  });

  it("agrees with Bayes' rule: q(x_{t-1} | x_t, x_0) from q(x_t | x_{t-1}) q(x_{t-1} | x_0)", async () => {
    const step = 400;
    const { alphas, alphaBarPrev, betas, posteriorVariance } = schedule;
    const [x0, xT] = [0.4, -1.3];
    const precision = alphas[step] / betas[step] + 1 / (1 - alphaBarPrev[step]);
    const mean = (
      Math.sqrt(alphas[step]) * xT / betas[step] + Math.sqrt(alphaBarPrev[step]) * x0 / (1 - alphaBarPrev[step])
    ) / precision;
    const [a, b] = [[x0], [xT]].map((values) => tensor(values, { device, dtype: "f64", shape: [1, 1] }));
    expect(await posteriorMean(a, b, process.at(step), stepBefore(step)).item()).to.be.closeTo(mean, 1e-13);
    expect(posteriorVariance[step]).to.be.closeTo(1 / precision, 1e-15);
  });
});

describe("the metrics of a run", () => {
  it("average errors by tenth of the schedule, null where no image fell", () => {
    const means = bucketMeans([1, 3, 10, 7], [0, 99, 100, 999].map((step) => process.at(step)), 1000);
    expect(means).to.deep.equal([2, 10, null, null, null, null, null, null, null, 7]);
  });

  it("put every step of a schedule that ten does not divide into one of ten buckets", () => {
    const T = 37;
    const steps = Array.from({ length: T }, (_, i) => i);
    const means = bucketMeans(steps, discreteProcess({ name: "cosine", timesteps: T }).levels, T);
    expect(means).to.have.length(10);
    expect(means).not.to.include(null);
    expect([...means].sort((a, b) => a! - b!)).to.deep.equal(means);
  });

  it("are read line by line, up to a step, without a last line that was cut short", () => {
    const text = '{"step":1,"loss":0.5}\n{"step":2,"loss":0.4}\n{"step":3,"lo';
    expect(parseMetrics(text).map(({ step }) => step)).to.deep.equal([1, 2]);
    expect(parseMetrics(text, 1)).to.deep.equal([{ step: 1, loss: 0.5 }]);
    expect(parseMetrics("")).to.deep.equal([]);
  });

  it("name a broken line that no kill explains", () => {
    expect(() => parseMetrics('{"step":1}\n{"st\n{"step":3}\n')).to.throw("metrics.jsonl: line 2 is not JSON");
  });
});
