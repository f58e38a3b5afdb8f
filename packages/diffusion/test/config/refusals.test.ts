/** Names that mean nothing are refused wherever they are given: nothing is read as something else. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { CheckpointError, ConfigError, openDevice, Random, tensor, type Device } from "@fromnoise/tensor";
import { loadSafetensors, saveSafetensors, UNet } from "@fromnoise/nn";
import { lossWeight, predictionCoefficients, type LossWeighting, type Prediction } from "../../src/denoisers/prediction.js";
import { convertPrediction, predictionTarget } from "../../src/process/q-sample.js";
import { ddimSampler } from "../../src/samplers/ddim.js";
import { sampleImages, type SamplingOptions } from "../../src/models/sample-images.js";
import { logVariance, makeSchedule, variance, type VarianceKind } from "../../src/process/schedules.js";
import { lrSchedule, trainDefaults, type ResumeOverrides, type TrainConfig } from "../../src/train/config.js";
import { loadModel } from "../../src/models/node/load.js";
import { saveCheckpoint } from "../../src/train/checkpoint.js";
import { trainRun } from "../../src/train/node/run.js";
import { Trainer } from "../../src/train/trainer.js";
import { temporaryFolder, tinyConfig, tinyDataset, tinyModel, writeSheet } from "../train/fixtures.js";

const schedule = makeSchedule({ name: "linear", timesteps: 10 });
const epsilon = "epsilon" as Prediction;
const folder = temporaryFolder();
const place = (...names: string[]): string => join(folder, ...names);

describe("names that mean nothing", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());

  it("as predictions", () => {
    const x = tensor([[1]], { device });
    const message = '"epsilon" is not allowed\n  allowed  eps, x0, v';
    expect(() => predictionCoefficients(schedule, 1, epsilon, "x0")).to.throw(ConfigError, `from: ${message}`);
    expect(() => predictionCoefficients(schedule, 1, "x0", epsilon)).to.throw(ConfigError, `to: ${message}`);
    expect(() => convertPrediction(schedule, x, x, 1, epsilon, "x0")).to.throw(ConfigError, `from: ${message}`);
    expect(() => predictionTarget(schedule, x, x, 1, epsilon)).to.throw(ConfigError, `prediction: ${message}`);
    expect(() => lossWeight(schedule, 1, epsilon, "simple")).to.throw(ConfigError, `prediction: ${message}`);
  });

  it("as weightings, variances and courses of the learning rate", () => {
    expect(() => lossWeight(schedule, 1, "eps", "minsnr" as LossWeighting))
      .to.throw(ConfigError, 'weighting: "minsnr" is not allowed\n  allowed  simple, snr, min-snr');
    for (const f of [variance, logVariance]) {
      expect(() => f(schedule, 1, "learned" as VarianceKind))
        .to.throw(ConfigError, 'variance: "learned" is not allowed\n  allowed  fixed-small, fixed-large');
    }
    const config = { ...trainDefaults, lrSchedule: { name: "step", warmup: 0 } } as unknown as TrainConfig;
    expect(() => lrSchedule(config)).to.throw(ConfigError, 'lrSchedule.name: "step" is not allowed\n  allowed  constant, ');
  });

  it("as samplers, their options, and options under earlier names", async () => {
    const common = {
      unet: new UNet(tinyModel), device, schedule, prediction: "eps", count: 1, size: [8, 8], random: new Random(0),
      sampler: { name: "ddim", steps: 2, eta: 0, spacing: "trailing" },
    } as const;
    const refusal = (changes: object): Promise<string> => sampleImages({ ...common, ...changes } as SamplingOptions)
      .then(() => "", (error: Error) => error.message);
    const { sampler: ddim } = common;
    expect(await refusal({ sampler: { name: "euler" } })).to.equal(
      'sampler.name: "euler" is not allowed\n  allowed  ddim, ancestral',
    );
    expect(await refusal({ sampler: { ...ddim, spacing: "odd" } })).to.match(/^spacing: "odd" is not allowed\n {2}allowed {2}lead/);
    expect(await refusal({ sampler: { ...ddim, variance: "fixed-small" } })).to.match(/^ddim: there is no field variance\n/);
    expect(await refusal({ objective: "v" })).to.equal("sampling: there is no option objective\n  now      prediction");
    const old = { shape: [1, 1], device, random: new Random(0), steps: 1, clip: false };
    const sampler = ddimSampler((xT) => xT, schedule, old);
    expect(await sampler.next().then(() => "", (error: Error) => error.message))
      .to.equal("sampling: there is no option clip\n  now      clipX0");
  });

  it("in a checkpoint, that nobody then trains on or samples", async () => {
    const data = writeSheet(folder);
    mkdirSync(place("run"));
    const file = place("run", "checkpoint-0.safetensors");
    await saveCheckpoint(file, new Trainer(tinyConfig({ data }), device, tinyDataset));
    const { metadata, tensors } = await loadSafetensors(file);
    const fromnoise = metadata["fromnoise"].replace('"prediction":"eps"', '"prediction":"epsilon"');
    await saveSafetensors(file, tensors, { fromnoise });
    const message = `${file} holds a configuration that is none: prediction: "epsilon" is not allowed\n  allowed  eps, x0, v`;
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
      /^seed cannot change when a run is resumed\n {2}allowed {2}data, steps, device, checkpointEvery, /,
    );
  });
});
