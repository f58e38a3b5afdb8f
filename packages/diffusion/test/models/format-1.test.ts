/**
 * old/format-1.safetensors was written by the last version that wrote format 1: a run on `tinyDataset` in f32, 3 steps of 5, with
 * classes, dropout, flips and accumulation.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { openDevice, type Device } from "@fromnoise/tensor";
import { loadSafetensors, stateDict, unetConfig, type UNetOptions } from "@fromnoise/nn";
import { loadCheckpoint, loadModel } from "../../src/models/node/load.js";
import { sampleImages } from "../../src/models/sample-images.js";
import { restoreTrainer, saveCheckpoint } from "../../src/train/checkpoint.js";
import { ancestral } from "../../src/samplers/index.js";
import { Trainer } from "../../src/train/trainer.js";
import { temporaryFolder, tinyDataset } from "../train/fixtures.js";

const old = fileURLToPath(new URL("old/format-1.safetensors", import.meta.url));
const folder = temporaryFolder();

/** The losses that the version which wrote the file went on with. */
const LOSSES = [0.7313753068447113, 0.8209361732006073];

describe("a checkpoint of format 1", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());

  /** The run of a checkpoint, its losses in the next two steps, and all of its state after them. */
  async function twoSteps(path: string): Promise<{ losses: number[]; state: object }> {
    const checkpoint = await loadCheckpoint(path);
    const trainer = new Trainer(checkpoint.info.training!, device, tinyDataset);
    restoreTrainer(trainer, checkpoint);
    const losses = [(await trainer.trainStep()).loss, (await trainer.trainStep()).loss];
    const { network: unet, ema, optimizer: { m, v } } = trainer;
    const tensors = await Promise.all([stateDict(unet), stateDict(ema.network), stateDict(unet, m), stateDict(unet, v)]);
    return { losses, state: { tensors, position: trainer.position() } };
  }

  it("is read as format 2 is: every tensor, the model, the run and where it stood", async () => {
    const { info, tensors } = await loadCheckpoint(old);
    expect(tensors).to.deep.equal((await loadSafetensors(old)).tensors);
    expect(tensors.size).to.equal(4 * (await loadModel(old, device)).network.parameters.length);
    expect(info.format).to.equal("fromnoise-checkpoint-1");
    const { network: { kind, config }, ...how } = info.model;
    expect(kind).to.equal("unet");
    expect(config).to.deep.include({ block_out_channels: [2, 4], num_class_embeds: 2, dropout: 0.1 });
    expect(how).to.deep.equal({
      process: {
        name: "cosine", timesteps: 20, betaStart: 1e-4, betaEnd: 0.02, betas: undefined, zeroTerminalSnr: false, logSnrShift: 0, sigmaData: 0.5,
        timeScale: 1,
      },
      prediction: "v", variance: "fixed-large", clipX0: false,
    });
    expect(info.training).to.deep.include({
      data: "tiny", steps: 5, batch: 2, accumulate: 2, flip: true, prediction: "v", schedule: how.process,
      sampling: { variance: "fixed-large", clipX0: false }, lrSchedule: { name: "cosine", warmup: 2 },
    });
    expect(info.position).to.deep.include({ step: 3, data: 12 });
  });

  it("is sampled", async () => {
    const model = await loadModel(old, device);
    expect(model.source).to.equal(`${old}, step 3, averaged weights`);
    const { images } = await sampleImages({ model, device, count: 2, sampler: ancestral });
    expect(images.data).to.have.length(2 * 64);
  });

  it("goes on bit for bit like the same state in format 2, and near to how it went on then", async () => {
    const checkpoint = await loadCheckpoint(old);
    const trainer = new Trainer(checkpoint.info.training!, device, tinyDataset);
    restoreTrainer(trainer, checkpoint);
    const now = join(folder, "format-2.safetensors");
    await saveCheckpoint(now, trainer);
    const again = await loadCheckpoint(now);
    expect(again.info.format).to.equal("fromnoise-checkpoint-2");
    const position = trainer.position();                                       // streams that format 1 had not stand at their beginning
    expect(position.random).to.deep.include(checkpoint.info.position!.random);
    // The old file says the network's fields of then: today's are more.
    const today = ({ model, training, ...rest }: typeof again.info): object => ({
      ...rest, format: "", digests: 0, model: { ...model, network: unetConfig(model.network.config) },
      training: { ...training, model: unetConfig(training!.model as UNetOptions) },
    });
    expect(today(again.info)).to.deep.equal(today({ ...checkpoint.info, position }));
    expect(again.tensors).to.deep.equal(checkpoint.tensors);

    const [first, second] = [await twoSteps(old), await twoSteps(now)];
    expect(second).to.deep.equal(first);
    first.losses.forEach((loss, i) => expect(loss).to.be.closeTo(LOSSES[i], 1e-4 * LOSSES[i]));
  });
});
