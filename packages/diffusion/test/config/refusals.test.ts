/** Names that mean nothing are refused wherever they are given: nothing is read as something else. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { CheckpointError, ConfigError, openDevice, tensor, type Device } from "@fromnoise/tensor";
import { initialize, loadSafetensors, saveSafetensors, UNet } from "@fromnoise/nn";
import {
  convertPrediction, predictionCoefficients, predictionTarget, type PredictionName,
} from "../../src/denoisers/prediction.js";
import { lossWeight, type LossWeighting } from "../../src/losses/weighting.js";
import { discreteProcess } from "../../src/process/process.js";
import { ddim, samplers } from "../../src/samplers/index.js";
import { sampleImages, type SamplingOptions } from "../../src/models/sample-images.js";
import { logVariance, variance, type FixedVariance } from "../../src/process/schedules.js";
import { lrSchedule, trainDefaults, type ResumeOverrides, type TrainConfig } from "../../src/train/config.js";
import { loadModel } from "../../src/models/node/load.js";
import { saveCheckpoint } from "../../src/train/checkpoint.js";
import { trainRun } from "../../src/train/node/run.js";
import { Trainer } from "../../src/train/trainer.js";
import { temporaryFolder, tinyConfig, tinyDataset, tinyModel, writeSheet } from "../train/fixtures.js";

const process = discreteProcess({ name: "linear", timesteps: 10 });
const at = process.at(1);
const epsilon = "epsilon" as PredictionName;
const folder = temporaryFolder();
const place = (...names: string[]): string => join(folder, ...names);

describe("names that mean nothing", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());

  it("as predictions", () => {
    const x = tensor([[1]], { device });
    const message = '"epsilon" is not allowed\n  allowed  eps, x0, v, flow, edm';
    expect(() => predictionCoefficients(at, epsilon, "x0")).to.throw(ConfigError, `from: ${message}`);
    expect(() => predictionCoefficients(at, "x0", epsilon)).to.throw(ConfigError, `to: ${message}`);
    expect(() => convertPrediction(x, x, at, epsilon, "x0")).to.throw(ConfigError, `from: ${message}`);
    expect(() => predictionTarget(x, x, at, epsilon)).to.throw(ConfigError, `prediction: ${message}`);
    expect(() => lossWeight(at, epsilon, "simple")).to.throw(ConfigError, `prediction: ${message}`);
  });

  it("as weightings, variances and courses of the learning rate", () => {
    expect(() => lossWeight(at, "eps", "minsnr" as LossWeighting))
      .to.throw(ConfigError, 'weighting: "minsnr" is not allowed\n  allowed  simple, snr, min-snr');
    for (const f of [variance, logVariance]) {
      expect(() => f(process.schedule, 1, "learned" as FixedVariance))
        .to.throw(ConfigError, 'variance: "learned" is not allowed\n  allowed  fixed-small, fixed-large');
    }
    const config = { ...trainDefaults, lrSchedule: { name: "step", warmup: 0 } } as unknown as TrainConfig;
    expect(() => lrSchedule(config)).to.throw(ConfigError, 'lrSchedule.name: "step" is not allowed\n  allowed  constant, ');
  });

  it("as samplers, their options, and options under earlier names", async () => {
    const model = { network: initialize(new UNet(tinyModel), { device, seed: 0 }), process, prediction: "eps" } as const;
    const refusal = (changes: object): Promise<string> =>
      sampleImages({ model, device, count: 1, sampler: ddim, ...changes } as SamplingOptions<object, unknown>)
        .then(() => "", (error: Error) => error.message);
    expect(await refusal({ sampler: { name: "euler" } })).to.equal(
      `sampling: {"name":"euler"} is no sampler\n  allowed  ${samplers.map(({ name }) => name).join(", ")} as they are exported, or one's own; its options stand in options`,
    );
    expect(await refusal({ options: { spacing: "odd" } })).to.match(/^spacing: "odd" is not allowed\n {2}allowed {2}lead/);
    expect(await refusal({ options: { variance: "fixed-small" } })).to.match(/^ddim: there is no field variance\n/);
    expect(await refusal({ options: { steps: 11 } })).to.match(/^sampling steps: 11 does not fit a schedule of 10 steps\n/);
    expect(await refusal({ objective: "v" })).to.equal("sampling: there is no option objective\n  now      model.prediction");
    expect(await refusal({ clip: false })).to.equal("sampling: there is no option clip\n  now      clipX0");
    expect(await refusal({ count: 0 })).to.equal("sampling: count is 0\n  allowed  whole numbers from 1");
    expect(await refusal({ labels: [0] })).to.equal("sampling: labels for a network without classes");
  });

  it("in a checkpoint, that nobody then trains on or samples", async () => {
    const data = writeSheet(folder);
    mkdirSync(place("run"));
    const file = place("run", "checkpoint-0.safetensors");
    await saveCheckpoint(file, new Trainer(tinyConfig({ data }), device, tinyDataset));
    const { metadata, tensors } = await loadSafetensors(file);
    const fromnoise = metadata["fromnoise"].replace('"prediction":"eps"', '"prediction":"epsilon"');
    await saveSafetensors(file, tensors, { fromnoise });
    const message = `${file} holds a configuration that is none: prediction: "epsilon" is not allowed\n  allowed  eps, x0, v, flow, edm`;
    for (const attempt of [() => loadModel(place("run"), device), () => trainRun({ start: { resume: {} }, out: place("run") })]) {
      const error: unknown = await attempt().then(() => undefined, (e: unknown) => e);
      expect(error).to.be.instanceOf(CheckpointError).and.to.have.property("message", message);
    }
  });

  it("among what a resumed run may change", async () => {
    const data = writeSheet(folder);
    mkdirSync(place("fixed"));
    await saveCheckpoint(place("fixed", "checkpoint-0.safetensors"), new Trainer(tinyConfig({ data }), device, tinyDataset));
    const error: unknown = await trainRun({ start: { resume: { seed: 3 } as ResumeOverrides }, out: place("fixed") })
      .then(() => undefined, (e: unknown) => e);
    expect(error).to.be.instanceOf(ConfigError).and.to.have.property("message").that.matches(
      /^seed cannot change when a run is resumed\n {2}allowed {2}data, badImages, maxMegapixels, steps, device, checkpointEvery, /,
    );
  });
});
