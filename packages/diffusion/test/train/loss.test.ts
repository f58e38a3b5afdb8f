import { expect } from "chai";
import { ConfigError, gradcheck, openDevice, Random, randomNormal, ShapeError, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { diffusionLoss } from "../../src/losses/weighted-mse.js";
import { lossWeight, PREDICTIONS, type LossWeighting, type Prediction } from "../../src/denoisers/prediction.js";
import { convertPrediction, posteriorMean, predictionTarget, qSample } from "../../src/process/q-sample.js";
import { makeSchedule } from "../../src/process/schedules.js";
import { bucketMeans, parseMetrics } from "../../src/train/metrics.js";

const schedule = makeSchedule({ name: "linear", timesteps: 1000 });
const t = [3, 250, 600, 999];
const shape = [t.length, 4, 4, 2];

describe("the training loss", () => {
  let device: Device;
  let x0: Tensor, eps: Tensor, xT: Tensor, guess: Tensor;
  before(async () => {
    device = await openDevice("reference");
    const random = new Random(3);
    const normal = (): Tensor => randomNormal(shape, random, { device, dtype: "f64" });
    [x0, eps, guess] = [normal(), normal(), normal()];
    xT = qSample(schedule, x0, t, eps);
  });
  after(() => device.dispose());

  /** The loss where the network says, in the terms of `prediction`, that the noise is `guess`. */
  async function lossOf(prediction: Prediction, weighting: LossWeighting): Promise<number> {
    const output = convertPrediction(schedule, guess, xT, t, "eps", prediction);
    const target = predictionTarget(schedule, x0, eps, t, prediction);
    return diffusionLoss.forward(output, target, t.map((s) => lossWeight(schedule, s, prediction, weighting))).loss.item();
  }

  for (const weighting of ["snr", "min-snr"] as const) {
    it(`is the same for all three objectives when weighted by ${weighting}`, async () => {
      const [inEps, inX0, inV] = await Promise.all(PREDICTIONS.map((prediction) => lossOf(prediction, weighting)));
      expect(inX0).to.be.closeTo(inEps, 1e-10 * inEps);
      expect(inV).to.be.closeTo(inEps, 1e-10 * inEps);
    });
  }

  it("is L_simple, the plain mean squared error of eps, when weighted by snr", async () => {
    const [a, b] = [Float64Array.from(await guess.data()), await eps.data()];
    const expected = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length;
    expect(await lossOf("x0", "snr")).to.be.closeTo(expected, 1e-10 * expected);
    expect(await lossOf("eps", "simple")).to.be.closeTo(expected, 1e-12 * expected);
    expect(await lossOf("v", "simple")).not.to.be.closeTo(expected, 0.01 * expected);
  });

  it("has the gradient that differences measure, whatever the weights and the scale", async () => {
    const weights = [0.5, 2, 0, 7];
    const [upstream] = new Random(0, 0).normal(1);                                 // gradcheck's own upstream gradient
    const report = await gradcheck({
      forward: ({ prediction }) => diffusionLoss.forward(prediction, eps, weights).loss,
      backward: (_dy, { prediction }) => diffusionLoss.backward(prediction, eps, weights, upstream),
    }, { prediction: guess });
    expect(report.pass).to.equal(true);
  });

  it("gives the unweighted error of every image beside it", async () => {
    const { loss, perImage } = diffusionLoss.forward(guess, eps, [1, 2, 3, 4]);
    const errors = await perImage.data();
    expect(perImage.shape).to.deep.equal([4]);
    expect(await loss.item()).to.be.closeTo((errors[0] + 2 * errors[1] + 3 * errors[2] + 4 * errors[3]) / 4, 1e-12);
  });
});

describe("the forward process on tensors", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());

  it("repeats nothing silently: shapes that differ are refused by name", () => {
    const [four, one] = [4, 1].map((n) => randomNormal([n, 2, 2, 1], new Random(n), { device }));
    const text = (op: string, a: string, b: string): string => `${op}: ${a} and ${b} differ in shape`;
    expect(() => qSample(schedule, four, t, one)).to.throw(ShapeError).with.property(
      "message", `${text("qSample", "x0", "eps")}\n  x0       [4, 2, 2, 1]\n  eps      [1, 2, 2, 1]`,
    );
    expect(() => posteriorMean(schedule, four, one, t)).to.throw(ShapeError, text("posteriorMean", "x0", "x_t"));
    expect(() => convertPrediction(schedule, one, four, t, "eps", "v")).to.throw(ShapeError, text("convertPrediction", "x_t", "prediction"));
    for (const prediction of PREDICTIONS) {
      expect(() => predictionTarget(schedule, four, one, t, prediction)).to.throw(ShapeError, text("predictionTarget", "x0", "eps"));
    }
    for (const way of [diffusionLoss.forward, diffusionLoss.backward]) {
      expect(() => way(four, one, [1, 1, 1, 1])).to.throw(ShapeError, text("diffusionLoss", "prediction", "target"));
      expect(() => way(four, four, [1])).to.throw(ShapeError, "diffusionLoss: 1 weights for a batch of 4\n  allowed    one weight an image");
    }
  });

  it("knows three predictions and no other", () => {
    const [x0, eps] = [1, 2].map((seed) => randomNormal([4, 2], new Random(seed), { device }));
    expect(() => predictionTarget(schedule, x0, eps, t, "epsilon" as "eps")).to.throw(ConfigError, 'prediction: "epsilon" is not allowed');
  });

  it("has the mean and variance of q(x_t | x_0), within 4 standard errors", async () => {
    const n = 20000;
    const step = 300;
    const x0 = tensor(new Float64Array(n).fill(0.7), { device, dtype: "f64", shape: [1, n] });
    const values = Float64Array.from(
      await qSample(schedule, x0, [step], randomNormal([1, n], new Random(11), { device, dtype: "f64" })).data(),
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
    const values = await qSample(schedule, x0, [0, 999], none).data();
    expect(Array.from(values)).to.deep.equal([schedule.sqrtAlphaBar[0], schedule.sqrtAlphaBar[999]]);
    expect(() => qSample(schedule, x0, [0, 1000], none)).to.throw("t: 1000 is not a step of the schedule linear");
    expect(() => qSample(schedule, x0, [0], none)).to.throw("1 timesteps for a batch of 2");
  });

  it("keeps a clean image where the posterior knows it: mean sqrt(alphaBar_{t-1}) x0 at x_t = sqrt(alphaBar_t) x0", async () => {
    const x0 = tensor([0.3, -0.9], { device, dtype: "f64", shape: [2, 1] });
    const steps = [1, 700];
    const xT = qSample(schedule, x0, steps, tensor([0, 0], { device, dtype: "f64", shape: [2, 1] }));
    const mean = await posteriorMean(schedule, x0, xT, steps).data();
    [0.3, -0.9].forEach((value, i) => expect(mean[i]).to.be.closeTo(Math.sqrt(schedule.alphaBarPrev[steps[i]]) * value, 1e-14));
  });

  it("gives x0 itself as the posterior mean of the last step", async () => {
    const [x0, xT] = [[0.25], [5]].map((values) => tensor(values, { device, dtype: "f64", shape: [1, 1] }));
    expect(await posteriorMean(schedule, x0, xT, 0).item()).to.be.closeTo(0.25, 1e-12);
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
    expect(await posteriorMean(schedule, a, b, step).item()).to.be.closeTo(mean, 1e-13);
    expect(posteriorVariance[step]).to.be.closeTo(1 / precision, 1e-15);
  });
});

describe("the metrics of a run", () => {
  it("average errors by tenth of the schedule, null where no image fell", () => {
    const means = bucketMeans([1, 3, 10, 7], [0, 99, 100, 999], 1000);
    expect(means).to.deep.equal([2, 10, null, null, null, null, null, null, null, 7]);
  });

  it("put every step of a schedule that ten does not divide into one of ten buckets", () => {
    const T = 37;
    const steps = Array.from({ length: T }, (_, i) => i);
    const means = bucketMeans(steps, steps, T);
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
