import { expect } from "chai";
import { concat, ConfigError, gradcheck, openDevice, ShapeError, split, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { readPrediction } from "../../src/denoisers/denoiser.js";
import { PREDICTIONS } from "../../src/denoisers/prediction.js";
import { boundTerm } from "../../src/likelihood/bound-term.js";
import { arrayDataset } from "../../src/data/arrays.js";
import { density, discretised } from "../../src/likelihood/decoder.js";
import { stepGaussian } from "../../src/likelihood/step-gaussian.js";
import { stepsBack } from "../../src/likelihood/steps-back.js";
import { hybridLoss } from "../../src/losses/hybrid.js";
import type { LossTerms } from "../../src/losses/loss.js";
import { mseLoss } from "../../src/losses/mse.js";
import { vlbLoss } from "../../src/losses/vlb.js";
import { discreteProcess } from "../../src/process/process.js";
import { qSample } from "../../src/process/q-sample.js";
import { VARIANCES } from "../../src/process/schedules.js";
import { trainConfig } from "../../src/train/config.js";
import { Trainer } from "../../src/train/trainer.js";
import { fill, goldenFile, pixels } from "../likelihood/fixtures.js";

interface Golden {
  timesteps: number;
  shape: number[];
  t: number[];
  losses: Record<string, { per_image: number[]; loss: number; grad_said: number[]; grad_v: number[] | null }>;
}

const process = discreteProcess({ name: "linear", timesteps: 1000 });
const t = [0, 1, 40, 900];
const shape = [t.length, 2, 2, 1];

describe("the losses of the bound", () => {
  let device: Device;
  let terms: LossTerms;
  /** What a network might say: eps nearly right, v in -1 .. 1. */
  let said: Tensor, v: Tensor;
  beforeEach(async () => {
    device = await openDevice("reference");
    const [x0, eps] = [pixels(device, shape), fill(device, shape, 3)];
    const levels = t.map((step) => process.at(step));
    terms = { x0, eps, xt: qSample(x0, levels, eps), levels };
    said = fill(device, shape, 3, 0.9, 0.02);
    v = fill(device, shape, 8, 0.8);
  });
  afterEach(() => device.dispose());

  for (const variance of VARIANCES) {
    for (const prediction of variance === "learned-range" ? PREDICTIONS : ["eps"] as const) {
      it(`vlb has the gradient that differences measure: ${prediction}, ${variance}`, async () => {
        const loss = vlbLoss({ prediction, process, variance });
        const learned = variance.startsWith("learned");
        expect(loss.heads).to.equal(learned ? 2 : 1);
        const log = variance === "learned" ? fill(device, shape, 8, 0.5, -6) : v;
        // The bound of a wild guess is 1e6 bits, of which differences see little: x0 is nearly guessed, whatever is said.
        const scale = prediction === "x0" ? tensor((await terms.x0.data()).map((x) => x + 0.01), { device, shape, dtype: "f64" }) : said;
        const output = learned ? concat([scale, log], -1) : scale;
        const report = await gradcheck({
          forward: (given) => loss.forward(given.output, terms).loss, backward: (dy, given) => loss.backward(dy, given.output, terms),
        }, { output }, { rtol: 2e-5, atol: 1e-5 });
        expect(report.pass, JSON.stringify(report.inputs)).to.equal(true);
      });
    }
  }

  it("vlb of points takes the density at the last step, as a trainer on points does", async () => {
    const options = { prediction: "eps", process, variance: "learned" } as const;
    const output = concat([said, fill(device, shape, 8, 0.5, -6)], -1);
    const loss = vlbLoss({ ...options, decoder: density });
    const report = await gradcheck({
      forward: (given) => loss.forward(given.output, terms).loss, backward: (dy, given) => loss.backward(dy, given.output, terms),
    }, { output }, { rtol: 2e-5, atol: 1e-5 });
    expect(report.pass).to.equal(true);
    const config = trainConfig({
      loss: "hybrid", sampling: { variance: "learned-range" }, schedule: { timesteps: 20 }, batch: 4, dtype: "f64",
      model: { kind: "mlp", config: { size: 2, hidden: [8], outputs: 4 } },
    });
    const dataset = arrayDataset({ shape: [2], values: [[2, 3], [-1, 4], [0, -3], [1, 1]] });
    const trainer = new Trainer(config, device, dataset);
    const [x0, eps, two] = [[2, 3], [0.5, 1], [0.5, 1, 0, 0]].map((row) => tensor([row], { device, dtype: "f64" }));
    const at = [trainer.process.levels![0]], batch = { x0, eps, levels: at, xt: qSample(x0, at, eps) };
    const same = hybridLoss({ ...config, variance: "learned-range", process: trainer.process, decoder: density });
    expect(await trainer.loss.forward(two, batch).loss.item()).to.equal(await same.forward(two, batch).loss.item());
    expect((await trainer.trainStep()).loss).to.be.above(0);
    trainer.dispose();
  });

  it("vlb is T times the term of each image's step", async () => {
    const steps = stepsBack("test", process);
    const { loss, perImage } = vlbLoss({ prediction: "eps", process }).forward(concat([said, v], -1), terms);
    const found = Array.from(await perImage.data());
    const values = await Promise.all([terms.x0, terms.xt, said, v].map((x) => x.data()));
    for (const [n, step] of t.entries()) {
      const one = { device, dtype: "f64", shape: [1, 2, 2, 1] } as const;
      const [x0, xt, F, w] = values.map((data) => tensor(data.slice(4 * n, 4 * n + 4), one));
      const variance = { range: tensor((await w.data()).map((x) => (x + 1) / 2), one) };
      const guess = { ...readPrediction(F, xt, process.at(step), "eps"), variance };
      const p = stepGaussian(guess, xt, [steps[step]], "learned-range", discretised());
      const expected = 1000 * await boundTerm.forward(p, { x0, xt, steps: [steps[step]] }, discretised()).item();
      expect(found[n]).to.be.closeTo(expected, 1e-11 * expected);
    }
    expect(await loss.item()).to.be.closeTo(found.reduce((a, b) => a + b) / 4, 1e-9);
  });

  for (const variance of ["learned-range", "learned"] as const) {
    it(`hybrid teaches the prediction as mse does and v as 0.001 of vlb does: ${variance}`, async () => {
      const options = { prediction: "v", process, variance } as const;
      const [hybrid, vlb, mse] = [hybridLoss(options), vlbLoss(options), mseLoss(options)];
      const output = concat([said, variance === "learned" ? fill(device, shape, 8, 0.5, -6) : v], -1);
      const dy = tensor(0.7, { device, dtype: "f64" });
      const [ofF, ofV] = split(hybrid.backward(dy, output, terms), 2, -1);
      const [, ofVlb] = split(vlb.backward(dy, output, terms), 2, -1);
      expect(await ofF.data()).to.deep.equal(await mse.backward(dy, said, terms).data());
      const expected = await ofVlb.data();
      (await ofV.data()).forEach((value, i) => expect(value).to.be.closeTo(0.001 * expected[i], 1e-12 * Math.abs(expected[i])));
      const { loss, perImage } = hybrid.forward(output, terms);
      const simple = mse.forward(said, terms);
      expect(await perImage.data()).to.deep.equal(await simple.perImage.data());
      const total = await simple.loss.item() + 0.001 * await vlb.forward(output, terms).loss.item();
      expect(await loss.item()).to.be.closeTo(total, 1e-10 * total);
    });
  }

  it("multiply each image's share by the weight of its draw, forward and backward", async () => {
    const weights = [0.5, 2, 0, 3];
    const drawn = { ...terms, levels: terms.levels.map((at, n) => ({ ...at, weight: weights[n] })) };
    const dy = tensor(1, { device, dtype: "f64" });
    for (const loss of [vlbLoss({ prediction: "eps", process }), hybridLoss({ prediction: "eps", process })]) {
      const output = concat([said, v], -1);
      const [plain, weighted] = [loss.backward(dy, output, terms), loss.backward(dy, output, drawn)];
      const [a, b] = [await plain.data(), await weighted.data()];
      const size = a.length / t.length;
      a.forEach((value, i) => expect(b[i]).to.be.closeTo(weights[Math.floor(i / size)] * value, 1e-12 * (1 + Math.abs(value))));
      const report = await gradcheck({
        forward: (given) => loss.forward(given.output, drawn).loss, backward: (d, given) => loss.backward(d, given.output, drawn),
      }, { output }, { rtol: 2e-5, atol: 1e-5 });
      expect(report.pass, loss.name).to.equal(loss.name === "vlb");         // of hybrid the derivative is stopped on purpose
    }
    const { perImage } = vlbLoss({ prediction: "eps", process }).forward(concat([said, v], -1), terms);
    const { loss } = vlbLoss({ prediction: "eps", process }).forward(concat([said, v], -1), drawn);
    const expected = Array.from(await perImage.data()).reduce((sum, value, n) => sum + weights[n] * value, 0) / 4;
    expect(await loss.item()).to.be.closeTo(expected, 1e-10 * expected);
  });

  // Made by golden/bound-losses.py: PyTorch's automatic derivatives of the formulas as improved-diffusion has them, with the exact CDF.
  for (const name of ["hybrid-learned-range", "hybrid-learned", "vlb-learned-range", "vlb-fixed-small"] as const) {
    it(`have PyTorch's numbers and gradients: ${name}`, async () => {
      const golden = goldenFile<Golden>("bound-losses.json");
      const levels = golden.t.map((step) => process.at(step));
      const [x0, eps] = [pixels(device, golden.shape), fill(device, golden.shape, 105)];
      const batch = { x0, eps, xt: qSample(x0, levels, eps), levels };
      const variance = VARIANCES.find((kind) => name.endsWith(kind))!;
      const make = name.startsWith("hybrid") ? hybridLoss : vlbLoss;
      const loss = make({ prediction: "eps", process, variance });
      const F = fill(device, golden.shape, 105, 0.9);
      const w = variance === "learned" ? fill(device, golden.shape, 7, 1, -7) : fill(device, golden.shape, 7, 0.8);
      const output = loss.heads === 1 ? F : concat([F, w], -1);
      const expected = golden.losses[name];
      const made = loss.forward(output, batch);
      expect(Math.abs(await made.loss.item() / expected.loss - 1)).to.be.below(1e-10);
      (await made.perImage.data()).forEach((x, i) => expect(Math.abs(x / expected.per_image[i] - 1)).to.be.below(1e-9));
      const gradients = split(loss.backward(tensor(1, { device, dtype: "f64" }), output, batch), loss.heads, -1);
      for (const [gradient, wanted] of [[gradients[0], expected.grad_said], [gradients[1], expected.grad_v]] as const) {
        if (wanted === null) continue;
        const largest = Math.max(...wanted.map(Math.abs));
        expect(largest).to.be.above(0);
        (await gradient.data()).forEach((x, i) => expect(Math.abs(x - wanted[i]) / largest).to.be.below(1e-10));
      }
    });
  }

  it("refuse what makes no sense", async () => {
    expect(() => hybridLoss({ prediction: "eps", process, variance: "fixed-small" }))
      .to.throw(ConfigError, "variance: fixed-small leaves the loss hybrid nothing to learn beside mse\n  allowed  learned-range, learned");
    expect(() => vlbLoss({ prediction: "eps", process, weighting: "min-snr" }))
      .to.throw(ConfigError, "weighting: min-snr means nothing to the loss vlb");
    expect(() => vlbLoss({ prediction: "eps" })).to.throw(ConfigError, "vlb loss: there is no process\n");
    for (const loss of [hybridLoss({ prediction: "eps", process }), vlbLoss({ prediction: "eps", process })]) {
      expect(() => loss.forward(said, terms)).to.throw(ShapeError).with.property("message",
        `${loss.name} loss: x0 and output differ in shape\n  x0       [4, 2, 2, 1]\n  output   [4, 2, 2, 1]   expected [4, 2, 2, 2]`);
      const between = { ...terms, levels: [...terms.levels.slice(1), { time: 3.5, alpha: 0.9, sigma: 0.1 }] };
      expect(() => loss.backward(tensor(1, { device, dtype: "f64" }), concat([said, v], -1), between))
        .to.throw(ConfigError, `${loss.name} loss: a level of noise is no step of the process`);
    }
  });
});
