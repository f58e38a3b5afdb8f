/** Runs on every kind of process: trained in a folder, resumed bit for bit, loaded with its process, and sampled. */
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError, openDevice, type Device } from "@fromnoise/tensor";
import { stateDict } from "@fromnoise/nn";
import { arrayDataset } from "../../src/data/arrays.js";
import { predictionOf } from "../../src/denoisers/prediction.js";
import { loadModel } from "../../src/models/node/load.js";
import { sampleImages } from "../../src/models/sample-images.js";
import type { Process } from "../../src/process/process.js";
import { samplers } from "../../src/samplers/index.js";
import { trainConfig, type TrainConfig, type TrainConfigInput } from "../../src/train/config.js";
import { trainRun } from "../../src/train/node/run.js";
import { metricsOf, temporaryFolder } from "./fixtures.js";

const dataset = arrayDataset({ shape: [2], values: Array.from({ length: 40 }, (_, i) => [Math.cos(i), Math.sin(i)]) });
const folder = temporaryFolder();

const cases: readonly [name: string, config: TrainConfigInput, process: Pick<Process, "name">][] = [
  ["flow", { schedule: { name: "flow" }, prediction: "flow" }, { name: "flow" }],
  ["edm", { schedule: { name: "edm", sigmaData: 0.8 }, prediction: "edm" }, { name: "edm" }],
  ["cosine", { schedule: { name: "continuous-cosine", logSnrShift: -1 }, prediction: "v" }, { name: "continuous-cosine" }],
  ["linear", { schedule: { name: "continuous-linear" }, prediction: "eps" }, { name: "continuous-linear" }],
  ["zero", { schedule: { timesteps: 20, zeroTerminalSnr: true }, prediction: "v" }, { name: "linear" }],
];

const configOf = (input: TrainConfigInput): TrainConfig => trainConfig({
  batch: 8, device: "reference", dtype: "f64", previewEvery: 0, lrSchedule: { name: "constant" }, sampling: { clipX0: false },
  model: { kind: "mlp", config: { size: 2, hidden: [8] } }, ...input,
});

describe("a run", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());

  for (const [name, config, wanted] of cases) {
    it(`on the process ${name} is resumed bit for bit, and its model comes back with it`, async () => {
      const [whole, parts] = [join(folder, `${name}-whole`), join(folder, `${name}-parts`)];
      const run = async (options: Pick<Parameters<typeof trainRun>[0], "start" | "out">): Promise<Process> => {
        const { trainer } = await trainRun({ ...options, dataset });
        await trainer.device.dispose();
        return trainer.process;
      };
      const process = await run({ start: { config: configOf({ ...config, steps: 6 }) }, out: whole });
      await run({ start: { config: configOf({ ...config, steps: 3 }) }, out: parts });
      await run({ start: { resume: { steps: 6 } }, out: parts });
      const [model, other] = [await loadModel(whole, device), await loadModel(parts, device)];
      expect(await stateDict(other.network)).to.deep.equal(await stateDict(model.network));
      expect(metricsOf(parts)).to.deep.equal(metricsOf(whole));
      expect(metricsOf(whole).flatMap(({ buckets }) => buckets).filter((mean) => mean !== null).every(Number.isFinite)).to.equal(true);
      expect(model.process).to.include(wanted);
      expect(model.process.range).to.deep.equal(process.range);
      const inputScale = name === "edm" ? 1 / Math.sqrt(3 * 3 + 0.8 * 0.8) : undefined;
      expect(predictionOf(model.prediction).inputScale?.({ alpha: 1, sigma: 3 })).to.equal(inputScale);
      for (const sampler of samplers) {
        const drawn = sampleImages({ model, device, count: 3, sampler, options: { steps: 4 } });
        const refused = process.range[0].alpha === 0 && ["euler", "heun", "dpm++2m", "dpm++2m-sde"].includes(sampler.name);
        const result = await drawn.then(({ images }) => images.data.every(Number.isFinite), (error: unknown) => error);
        if (refused) expect(result).to.be.instanceOf(ConfigError).with.property("summary", `${sampler.name}: sigma / alpha is infinite where alpha is 0`);
        else expect(result, sampler.name).to.equal(true);
      }
    });
  }

  it("may scale by the data's standard deviation where it predicts edm, and nowhere else", () => {
    expect(() => configOf({ schedule: { sigmaData: 0.8 } })).to.throw(ConfigError)
      .with.property("message", "schedule.sigmaData: 0.8 is not for the prediction eps\n  allowed  0.5; others for edm");
    expect(() => configOf({ schedule: { sigmaData: 0 }, prediction: "edm" })).to.throw(ConfigError, "schedule.sigmaData: 0 is not allowed");
  });
});
