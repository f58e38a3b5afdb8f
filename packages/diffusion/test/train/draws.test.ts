/** What training draws beside plain levels and plain noise: offset noise, and levels by their losses. */
import { expect } from "chai";
import { ConfigError, gradcheck, openDevice, Random, randomNormal, type Device } from "@fromnoise/tensor";
import { stateDict } from "@fromnoise/nn";
import { arrayDataset } from "../../src/data/arrays.js";
import { losses } from "../../src/losses/index.js";
import { discreteProcess } from "../../src/process/process.js";
import { flowProcess } from "../../src/process/flow.js";
import { qSample } from "../../src/process/q-sample.js";
import { trainConfig, type TrainConfigInput } from "../../src/train/config.js";
import { drawByLoss, emptyHistory, remembering, stepProbabilities, type LossHistory } from "../../src/train/loss-aware.js";
import { offsetNoise } from "../../src/train/offset-noise.js";
import { drawLevels, TIME_SAMPLINGS } from "../../src/train/time-sampling.js";
import { Trainer } from "../../src/train/trainer.js";
import { thrown } from "../thrown.js";
import { tinyConfig, tinyDataset } from "./fixtures.js";

const { levels } = discreteProcess({ name: "cosine", timesteps: 4 });
/** Ten losses of each step. */
const warm = (...of: number[]): LossHistory => of.map((loss) => new Array<number>(10).fill(loss));

describe("offset noise", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());

  it("adds one number to each image and channel, of the variance amount^2", async () => {
    const [n, h, w, c] = [2000, 2, 3, 2];
    const eps = randomNormal([n, h, w, c], new Random(1), { device, dtype: "f64" });
    const [before, after] = [await eps.data(), await offsetNoise(eps, 0.3, new Random(2, 6)).data()];
    const added = Array.from(after, (value, i) => value - before[i]);
    const expected = new Random(2, 6).normal(n * c);
    added.forEach((value, i) => expect(value).to.be.closeTo(0.3 * expected[Math.floor(i / (h * w * c)) * c + (i % c)], 1e-12));
  });

  it("of amount 0 is none and draws none", () => {
    const random = new Random(2, 6), eps = randomNormal([2, 3], new Random(1), { device });
    expect(offsetNoise(eps, 0, random)).to.equal(eps);
    expect(random.counter).to.equal(0);
  });

  it("is refused for points, by itself and by a trainer", () => {
    const message = "offsetNoise: 0.1 is not allowed\n  allowed  0 for samples [2], which are no images [H, W, C]";
    const points = arrayDataset({ shape: [2], values: [0, 1, 2, 3] });
    const config = trainConfig({ offsetNoise: 0.1, batch: 2, previewEvery: 0, device: "reference", model: { kind: "mlp", config: { size: 2, hidden: [4] } } });
    expect(() => offsetNoise(randomNormal([4, 2], new Random(1), { device }), 0.1, new Random(1))).to.throw(ConfigError).with.property("message", message);
    expect(() => new Trainer(config, device, points)).to.throw(ConfigError).with.property("message", message);
    expect(() => trainConfig({ offsetNoise: -1 })).to.throw(ConfigError, "offsetNoise: -1 is not allowed");
  });

  it("changes what a run learns, and nothing where it is 0", async () => {
    const after = async (input: TrainConfigInput): Promise<unknown> => {
      const trainer = new Trainer(tinyConfig({ data: "tiny", ...input }), device, tinyDataset);
      await trainer.trainStep();
      const values = await stateDict(trainer.network);
      trainer.dispose();
      return values;
    };
    const plain = await after({});
    expect(await after({ offsetNoise: 0 })).to.deep.equal(plain);
    expect(await after({ offsetNoise: 0.1 })).not.to.deep.equal(plain);
  });
});

describe("levels drawn by their losses", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());

  it("are drawn alike until each step has ten losses, then by the root of their mean square", () => {
    expect(Array.from(stepProbabilities(emptyHistory(4)))).to.deep.equal([0.25, 0.25, 0.25, 0.25]);
    const almost = warm(1, 2, 3, 4).map((all, t) => (t === 2 ? all.slice(1) : all));
    expect(Array.from(stepProbabilities(almost))).to.deep.equal([0.25, 0.25, 0.25, 0.25]);
    const mixed = [...warm(1, 2, 3), [0, 0, 0, 0, 0, 5, 5, 5, 5, 5]];                       // the last: sqrt(12.5)
    const sum = 6 + Math.sqrt(12.5);
    stepProbabilities(mixed).forEach((p, t) => expect(p).to.be.closeTo(0.999 * [1, 2, 3, Math.sqrt(12.5)][t] / sum + 0.00025, 1e-15));
    expect(Array.from(stepProbabilities(warm(0, 0)))).to.deep.equal([0.5, 0.5]);
    expect(stepProbabilities(warm(0, 1))[0], "still drawn").to.be.closeTo(0.0005, 1e-15);
  });

  it("remember the last ten losses of each step, and change no history that was made", () => {
    let history = emptyHistory(4);
    const before = history;
    for (let i = 0; i < 12; i++) history = remembering(history, [levels[1], levels[3], levels[1]], [i, 100 + i, i + 0.5]);
    expect(history.map(({ length }) => length)).to.deep.equal([0, 10, 0, 10]);
    expect(history[1]).to.deep.equal([7, 7.5, 8, 8.5, 9, 9.5, 10, 10.5, 11, 11.5]);
    expect(history[3]).to.deep.equal([102, 103, 104, 105, 106, 107, 108, 109, 110, 111]);
    expect(before).to.deep.equal([[], [], [], []]);
  });

  it("come as often as their probabilities say, and their weights leave the mean of any loss what it was", () => {
    const history = warm(0.1, 1, 2, 5), p = stepProbabilities(history);
    const drawn = drawByLoss(history, levels, 40_000, new Random(6));
    const counts = levels.map(({ index }) => drawn.filter((at) => at.index === index).length / drawn.length);
    counts.forEach((share, t) => expect(share).to.be.closeTo(p[t], 4 * Math.sqrt(p[t] * (1 - p[t]) / drawn.length)));
    for (const { index, weight, alpha } of drawn.slice(0, 50)) {
      expect(weight).to.be.closeTo(1 / (4 * p[index!]), 1e-12);
      expect(alpha).to.equal(levels[index!].alpha);
    }
    const f = [3, -1, 4, 1.5];
    const mean = drawn.reduce((sum, { index, weight }) => sum + weight! * f[index!], 0) / drawn.length;
    const spread = f.reduce((sum, value, t) => sum + p[t] * (value / (4 * p[t])) ** 2, 0);
    expect(mean).to.be.closeTo(1.875, 4 * Math.sqrt(spread / drawn.length));
    expect(drawByLoss(emptyHistory(4), levels, 3, new Random(1)).map(({ weight }) => weight)).to.deep.equal([1, 1, 1]);
  });

  for (const name of ["mse", "l1"] as const) {
    it(`weigh an image's loss and its gradient: ${name}`, async () => {
      const normal = (seed: number): ReturnType<typeof randomNormal> => randomNormal([2, 3], new Random(seed), { device, dtype: "f64" });
      const [x0, eps, output] = [normal(1), normal(2), normal(3)];
      const drawn = [{ ...levels[1], weight: 3 }, { ...levels[2], weight: 0.5 }];
      const terms = { x0, eps, xt: qSample(x0, drawn, eps), levels: drawn };
      const loss = losses[name]({ prediction: "v" });
      const made = loss.forward(output, terms);
      const [first, second] = await made.perImage.data();
      expect(await made.loss.item()).to.be.closeTo((3 * first + 0.5 * second) / 2, 1e-12);
      const report = await gradcheck({ forward: (x) => loss.forward(x["output"], terms).loss, backward: (dy, x) => loss.backward(dy, x["output"], terms) }, { output });
      expect(report.pass).to.equal(true);
    });
  }

  it("are not for processes without steps", async () => {
    const error = await thrown(ConfigError, Promise.resolve().then(() => trainConfig({ schedule: { name: "edm" }, timeSampling: "loss-aware" })));
    expect(error.message).to.equal(
      "timeSampling: loss-aware is not for the process edm\n  allowed  own, uniform, low-discrepancy, logit-normal; loss-aware for schedules of steps",
    );
  });

  const points = arrayDataset({ shape: [2], values: Array.from({ length: 16 }, (_, i) => [Math.cos(i), Math.sin(i)]) });
  const config = (input: TrainConfigInput = {}): ReturnType<typeof trainConfig> => trainConfig({
    batch: 16, schedule: { timesteps: 4 }, timeSampling: "loss-aware", device: "reference", dtype: "f64", previewEvery: 0,
    model: { kind: "mlp", config: { size: 2, hidden: [8] } }, ...input,
  });

  it("go on bit for bit from a position as JSON, before and after they are warm", async () => {
    const whole = new Trainer(config(), device, points);
    const first = new Trainer(config(), device, points);
    for (const stop of [2, 8]) {
      while (first.step < stop) await first.trainStep();
      while (whole.step < stop) await whole.trainStep();
      const position = JSON.parse(JSON.stringify(first.position())) as ReturnType<Trainer["position"]>;
      expect(stepProbabilities(position.losses!).every((p) => p === 0.25), `${stop}`).to.equal(stop === 2);
      first.seek({ ...position, step: 0, data: 0, losses: [] });
      first.seek(position);
    }
    for (let i = 0; i < 3; i++) {
      const [a, b] = [await first.trainStep(), await whole.trainStep()];
      expect([a.loss, a.gradNorm, a.buckets]).to.deep.equal([b.loss, b.gradNorm, b.buckets]);
    }
    expect(first.position()).to.deep.equal(whole.position());
    const own = new Trainer(config({ timeSampling: "own" }), device, points);
    expect(own.position()).not.to.have.property("losses");
    for (const trainer of [whole, first, own]) trainer.dispose();
  });
});

describe("the other ways to draw levels", () => {
  it("draw steps of a schedule and times of a process without", () => {
    for (const sampling of TIME_SAMPLINGS.filter((name) => name !== "loss-aware")) {
      const steps = drawLevels(sampling, 4000, discreteProcess({ name: "linear", timesteps: 10 }), new Random(3));
      const share = steps.filter(({ index }) => index === 5 || index === 4).length / 4000;
      expect(share, sampling).to.be.closeTo(sampling === "logit-normal" ? 0.3149 : 0.2, sampling === "low-discrepancy" ? 1e-3 : 0.03);
      const times = drawLevels(sampling, 4000, flowProcess(), new Random(3)).map(({ u }) => u!);
      const middle = times.filter((u) => u > 0.4 && u < 0.6).length / 4000;
      expect(middle, sampling).to.be.closeTo(sampling === "logit-normal" || sampling === "own" ? 0.3149 : 0.2, sampling === "low-discrepancy" ? 1e-3 : 0.03);
    }
  });

  it("of a discrete process leaves its own draws as they were", () => {
    const process = discreteProcess({ name: "linear", timesteps: 10 });
    expect(drawLevels("own", 20, process, new Random(3))).to.deep.equal(Array.from(new Random(3).integers(20, 10), (t) => process.at(t)));
  });
});
