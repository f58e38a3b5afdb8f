/** Networks that read their own guess of x0: in training every other time, in sampling from the second step on. */
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError, openDevice, Random, randomNormal, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { Grads, initialize, Mlp, SelfConditioned, stateDict, type Given, type JsonObject, type NetworkSpec } from "@fromnoise/nn";
import { arrayDataset } from "../../src/data/arrays.js";
import { rawDenoiser } from "../../src/denoisers/denoiser.js";
import { mseLoss } from "../../src/losses/mse.js";
import { loadModel } from "../../src/models/node/load.js";
import { sampleImages } from "../../src/models/sample-images.js";
import { discreteProcess } from "../../src/process/process.js";
import { qSample } from "../../src/process/q-sample.js";
import { trainConfig, type TrainConfig } from "../../src/train/config.js";
import { trainRun } from "../../src/train/node/run.js";
import { Trainer } from "../../src/train/trainer.js";
import { randomDraws, trainingStep, type Draws } from "../../src/train/training-step.js";
import { temporaryFolder, tinyDataset, tinyModel } from "./fixtures.js";

const folder = temporaryFolder();
const inner = { kind: "mlp", config: { size: 4, hidden: [16, 16], outputs: 2, time: 8 } };
const angles = Array.from({ length: 60 }, (_, i) => (2 * Math.PI * i) / 60);
const dataset = arrayDataset({ shape: [2], values: angles.map((a) => [Math.cos(a), Math.sin(a)]) });
const process = discreteProcess({ name: "cosine", timesteps: 20 });
const configOf = (steps: number): TrainConfig => trainConfig({
  steps, batch: 16, schedule: { name: "cosine", timesteps: 20 }, prediction: "v", device: "reference", dtype: "f64", previewEvery: 0,
  lrSchedule: { name: "constant" }, optimizer: { lr: 5e-3 }, sampling: { clipX0: false },
  model: { kind: "self-conditioned", config: { network: inner } },
});

describe("self-conditioning", () => {
  let device: Device;
  beforeEach(async () => (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const read = async (t: Tensor): Promise<number[]> => Array.from(await t.data());

  it("trains on the guess of a first pass where the draws say so, else on none, and holds nothing of it", async () => {
    const network = initialize(new SelfConditioned(new Mlp(inner.config)), { device, dtype: "f64", seed: 1 });
    const loss = mseLoss({ prediction: "v" });
    const [x0, eps] = [2, 3].map((seed) => randomNormal([3, 2], new Random(seed), { device, dtype: "f64" }));
    const at = process.at(11), xt = qSample(x0, at, eps);
    const draws = (told: boolean): Draws => ({ levels: () => [at, at, at], noise: () => eps, tellGuess: () => told });
    const gradient = async (told: boolean): Promise<number[]> => {
      const grads = new Grads(device);
      const before = device.memory().tensors;
      const { loss: value, perImage } = trainingStep({ network, process, loss, draws: draws(told) }, { x0 }, grads);
      expect(device.memory().tensors - before - grads.size).to.equal(2);
      const first = await read(grads.get(network.parameters[0])!);
      for (const t of [value, perImage]) t.dispose();
      grads.clear();
      return first;
    };
    const byHand = async (given: Given): Promise<number[]> => {
      const grads = new Grads(device);
      device.scope(() => {
        const [output, cache] = network.forward(xt, [at.time, at.time, at.time], given);
        const terms = { x0, eps, xt, levels: [at, at, at] };
        network.backward(loss.backward(tensor(1, { device, dtype: "f64" }), output, terms), cache, grads);
      });
      const first = await read(grads.get(network.parameters[0])!);
      grads.clear();
      return first;
    };
    const close = (a: number[], b: number[]): void => a.forEach((v, i) => expect(v).to.be.closeTo(b[i], 1e-12));
    const guess = rawDenoiser(network, "v")(xt, at).x0;
    close(await gradient(true), await byHand({ x0: guess }));
    close(await gradient(false), await byHand({}));
    expect(await gradient(true)).to.not.deep.equal(await gradient(false));
  });

  it("tells the guess every other time, by a stream that only such networks read", async () => {
    const selfCondition = new Random(1, 8);
    const draws = randomDraws({ levels: new Random(1, 1), noise: new Random(1, 2), selfCondition });
    const told = Array.from({ length: 4000 }, () => draws.tellGuess!()).filter(Boolean).length;
    expect(told / 4000).to.be.closeTo(0.5, 5 * 0.5 / Math.sqrt(4000));
    const config = trainConfig({ model: tinyModel, batch: 2, device: "reference", schedule: { timesteps: 20 } });
    const plain = new Trainer(config, device, tinyDataset);
    const before = plain.position().random.selfCondition;
    await plain.trainStep();
    expect(plain.position().random.selfCondition).to.deep.equal(before);
    plain.dispose();
  });

  it("is trained on points, resumed bit for bit, loaded and sampled", async () => {
    const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
    const losses: number[] = [];
    const run = async (options: Pick<Parameters<typeof trainRun>[0], "start" | "out">): Promise<void> => {
      const { trainer } = await trainRun({ ...options, dataset, onStep: ({ loss }) => losses.push(loss) });
      await trainer.device.dispose();
    };
    await run({ start: { config: configOf(60) }, out: whole });
    await run({ start: { config: configOf(30) }, out: parts });
    await run({ start: { resume: { steps: 60 } }, out: parts });
    const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(losses.slice(50, 60))).to.be.below(0.85 * mean(losses.slice(0, 10)));
    const [model, other] = [await loadModel(whole, device), await loadModel(parts, device)];
    expect(model.network).to.be.instanceOf(SelfConditioned);
    expect(await stateDict(other.network)).to.deep.equal(await stateDict(model.network));
    const told: boolean[] = [];
    class Watched extends SelfConditioned {
      override apply(x: Tensor, t: ArrayLike<number>, given: Given = {}): Tensor {
        told.push(given.x0 !== undefined);
        return super.apply(x, t, given);
      }
    }
    const network = new Watched((model.network as SelfConditioned).inner);
    const { images } = await sampleImages({ model: { ...model, network }, device, count: 5, options: { steps: 4 } });
    expect(told).to.deep.equal([false, true, true, true]);
    expect((await sampleImages({ model, device, count: 5, batch: 2, options: { steps: 4 } })).images).to.deep.equal(images);
  });

  it("needs draws that say when, and in a configuration a network with room", () => {
    const network = initialize(new SelfConditioned(new Mlp(inner.config)), { device, dtype: "f64", seed: 1 });
    const x0 = randomNormal([3, 2], new Random(2), { device, dtype: "f64" });
    const draws = randomDraws({ levels: new Random(1, 1), noise: new Random(1, 2) });
    expect(() => trainingStep({ network, process, loss: mseLoss({ prediction: "v" }), draws }, { x0 }, new Grads(device))).to.throw(
      ConfigError, "trainingStep: nothing says when a self-conditioned network is told its guess\n  network  self-conditioned");
    const model = (network: JsonObject | Pick<NetworkSpec, "kind" | "config">): unknown =>
      trainConfig({ model: { kind: "self-conditioned", config: { network: network as JsonObject } } });
    expect(() => model({ kind: "mlp", config: { size: 3, hidden: [4] } })).to.throw(ConfigError, "self-conditioned: mlp cannot be told a guess");
    expect(() => model({ kind: "mlp", config: { size: 4, hidden: [0] } })).to.throw(ConfigError, "MLP config: hidden");
    expect(() => model({})).to.throw(ConfigError, "self-conditioned: network: {} is not allowed");
    expect(() => model({ kind: "one's own", config: {} })).to.not.throw();
  });
});
