/** A network that this library does not know, from arrays to samples: trained, saved, resumed, loaded, drawn from. */
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError, openDevice, type Device } from "@fromnoise/tensor";
import { Mlp, networkOf, stateDict, UNet, type JsonObject, type NetworkSpec } from "@fromnoise/nn";
import { arrayDataset } from "../../src/data/arrays.js";
import { loadModel } from "../../src/models/node/load.js";
import { sampleImages } from "../../src/models/sample-images.js";
import { samplers } from "../../src/samplers/index.js";
import { trainConfig, type TrainConfig } from "../../src/train/config.js";
import { modelFields, networkSpec, type ModelFields } from "../../src/train/model-fields.js";
import { trainRun } from "../../src/train/node/run.js";
import { Trainer } from "../../src/train/trainer.js";
import { thrown } from "../thrown.js";
import { temporaryFolder, tinyModel } from "./fixtures.js";

class Ring extends Mlp {
  override readonly spec: NetworkSpec;
  constructor({ width }: JsonObject) {
    super({ size: 2, hidden: [width as number], classes: 2 });
    this.spec = { kind: "ring", config: { width: width! }, sample: [2], outputs: 2, classes: 2 };
  }

  override create(): Ring {
    return new Ring(this.spec.config);
  }
}

const networks = { ring: (config: JsonObject) => new Ring(config) };
const angles = Array.from({ length: 40 }, (_, i) => (2 * Math.PI * i) / 40);
const dataset = arrayDataset({
  shape: [2], values: angles.map((a) => [Math.cos(a), Math.sin(a)]), labels: angles.map((_, i) => (i < 20 ? 0 : 1)),
});
const folder = temporaryFolder();

const configOf = (input: { steps: number; model?: ModelFields }): TrainConfig => trainConfig({
  batch: 8, schedule: { timesteps: 20 }, prediction: "v", device: "reference", dtype: "f64", previewEvery: 0,
  lrSchedule: { name: "constant" }, sampling: { clipX0: false }, model: { kind: "ring", config: { width: 16 } }, ...input,
});

describe("a network of one's own", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());

  it("is trained in a folder, resumed bit for bit, loaded by its kind and sampled by every sampler, its classes in turn", async () => {
    const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
    const run = async (options: Pick<Parameters<typeof trainRun>[0], "start" | "out">): Promise<void> => {
      const { trainer } = await trainRun({ ...options, dataset, networks });
      await trainer.device.dispose();
    };
    await run({ start: { config: configOf({ steps: 6 }) }, out: whole });
    await run({ start: { config: configOf({ steps: 3 }) }, out: parts });
    await run({ start: { resume: { steps: 6 } }, out: parts });
    const [model, other] = [await loadModel(whole, device, { networks }), await loadModel(parts, device, { networks })];
    expect(model.network).to.be.instanceOf(Ring);
    expect(model.network.spec.config).to.deep.equal({ width: 16 });
    expect(await stateDict(other.network)).to.deep.equal(await stateDict(model.network));
    for (const sampler of samplers) {
      const { images } = await sampleImages({ model, device, count: 5, batch: 2, sampler });
      expect(images.shape, sampler.name).to.deep.equal([5, 2]);
      const { images: same } = await sampleImages({ model, device, count: 5, labels: [0, 1, 0, 1, 0], sampler });
      expect(same.data).to.deep.equal(images.data);
      const { images: share } = await sampleImages({ model, device, count: 2, first: 3, sampler });
      expect(share.data).to.deep.equal(images.data.slice(6));
    }
    const error = await thrown(ConfigError, loadModel(whole, device));
    expect(error.summary).to.equal('network kind "ring" is not known');
  });

  it("given to a trainer becomes what its configuration says", async () => {
    const trainer = new Trainer(configOf({ steps: 1, model: tinyModel }), device, dataset, { network: new Ring({ width: 4 }) });
    expect(trainer.config.model).to.deep.equal({ kind: "ring", config: { width: 4 } });
    expect((await trainer.trainStep()).step).to.equal(1);
    expect(networkOf(networkSpec(trainer.config.model), networks).spec).to.deep.equal(trainer.network.spec);
    trainer.dispose();
  });

  it("is refused where data, loss and network do not fit each other", () => {
    const refusal = (network: Mlp | UNet, data = dataset, changes: Partial<TrainConfig> = {}): string => {
      try {
        new Trainer({ ...configOf({ steps: 1 }), ...changes }, device, data, { network }).dispose();
      } catch (error) {
        if (error instanceof ConfigError) return error.message;
        throw error;
      }
      return "taken";
    };
    const unlabelled = arrayDataset({ shape: [2], values: [0, 1, 2, 3] });
    expect(refusal(new Ring({ width: 4 }))).to.equal("taken");
    expect(refusal(new Mlp({ size: 3, hidden: [4] }))).to.equal(
      "the network does not take the samples of array\n  network  mlp, samples [3]\n  data     [2]",
    );
    expect(refusal(new UNet(tinyModel))).to.match(/^the network does not take the samples of array\n {2}network {2}unet, samples \[8, 8, 1\]/);
    expect(refusal(new Mlp({ size: 2, hidden: [4], outputs: 4 }))).to.match(/^the network gives 4 values where the loss mse needs 2\n/);
    expect(refusal(new Ring({ width: 4 }), unlabelled)).to.equal(
      "the network's classes are not those of array\n  network  ring, 2 classes\n  data     no labels",
    );
    expect(refusal(new Ring({ width: 4 }), dataset, { flip: true })).to.match(/^flip: samples of array have no mirror images\n/);
  });

  it("stands in a configuration by its kind and config, a U-Net by its fields alone", () => {
    const [ring, unet] = [{ kind: "ring", config: { width: 3 } }, { kind: "unet", config: { ...tinyModel } }];
    expect([networkSpec(ring), modelFields(ring)]).to.deep.equal([ring, ring]);
    expect([networkSpec(tinyModel), modelFields(unet)]).to.deep.equal([unet, tinyModel]);
    expect(() => configOf({ steps: 1, model: { kind: "mlp", config: { size: 2, hidden: [0] } } })).to.throw(ConfigError, "MLP config: hidden: [0] is not allowed");
    expect(() => configOf({ steps: 1, model: { kind: "unet", config: { layers: 2 } } })).to.throw(ConfigError, "layers");
    const odd = (model: object): string => {
      try {
        configOf({ steps: 1, model: model as ModelFields });
      } catch (error) {
        return (error as Error).message.split("\n")[0];
      }
      return "taken";
    };
    expect(odd({ kind: "ring", config: {}, width: 3 })).to.equal("model: there is no field width beside kind");
    expect(odd({ kind: "ring" })).to.equal("model.config: undefined is not allowed");
    expect(odd({ kind: 3, config: {} })).to.equal("model.kind: 3 is not allowed");
    expect(odd({ kind: "ring", config: { width: 3 } })).to.equal("taken");
    // @ts-expect-error a field that a U-Net does not have is refused by the compiler too
    const model: ModelFields = { sample_size: 8, blok_out_channels: [4] };
    expect(() => configOf({ steps: 1, model })).to.throw(ConfigError, "blok_out_channels");
  });
});
