import { expect } from "chai";
import { concat, ConfigError, openDevice, Random, slice, type Device, type Tensor } from "@fromnoise/tensor";
import { initialize, Parameter, type Network } from "@fromnoise/nn";
import {
  arrayDataset, askedClass, ddim, evaluateImages, evaluateModel, exactDenoiser, lossGap, openBuiltin, prepareReference, processOf, readFeatures,
  splitDataset, Trainer, trainFeatures, type Dataset, type DiscreteProcess, type Features, type Reference, type Rows,
} from "../../src/node.js";
import { datasetRows, evenly } from "../../src/evaluate/dataset-rows.js";
import { tinyConfig, tinyModel } from "../train/fixtures.js";

/** Small images of two classes that can be told apart: blobs at the left and at the right, with some grain. */
function blobs(count: number, seed: number): Dataset {
  const random = new Random(seed);
  const labels = Int32Array.from({ length: count }, (_, i) => Math.floor(i / 2) % 2);
  const values = Array.from(labels, (label) => {
    const [x, y, size, ...grain] = random.uniform(3 + 64);
    const image = Float32Array.from({ length: 64 }, (_, k) => {
      const dx = (k % 8) - (label * 4 + 2 * x + 0.5), dy = Math.floor(k / 8) - (2 + 3 * y);
      return 1.6 * Math.exp(-(dx * dx + dy * dy) / (1 + 2 * size)) - 1 + 0.4 * grain[k];
    });
    return image.map((value) => 2 * Math.fround(Math.round((value + 1) * 127.5) / 255) - 1);
  });
  return arrayDataset({ name: "blobs", shape: [8, 8, 1], values, labels });
}

/** A network that knows these images by heart: the eps of the exact denoiser of them, as points of their own. */
function byHeart(images: Rows, process: DiscreteProcess, device: Device): Network {
  const [count, ...sample] = images.shape, width = 64;
  const means = Array.from({ length: count }, (_, k) => Array.from(images.data.subarray(width * k, width * (k + 1))));
  const denoise = exactDenoiser({ weights: means.map(() => 1 / count), means, sd: 0.01 });
  const apply = (x: Tensor, times: ArrayLike<number>): Tensor => x.device.scope(() => concat(
    Array.from(times, (t, i) => denoise(slice(x, [i], [i + 1]), process.levels[t]).eps)));
  const p = new Parameter("none", [1], { kind: "vector", role: "scale" });
  const network = { name: "", parameters: [p], spec: { kind: "by-heart", config: {}, sample, outputs: 1 }, apply } as unknown as Network;
  return initialize(network, { device, seed: 1 });
}

const COUNT = 50;

describe("evaluation", () => {
  let device: Device, features: Features, reference: Reference;
  const data = splitDataset(blobs(220, 1), 2);
  const { training, heldOut } = data;
  before(async () => {
    device = await openDevice("reference");
    const network = await trainFeatures({ data: training, device, steps: 60, batch: 16, network: { widths: [8, 8], features: 8 } });
    features = { network, name: "blobs", training: {}, heldOut: {} };
    reference = await prepareReference({ data, features, count: COUNT });
  });
  after(() => device.dispose());
  const some = (dataset: Dataset, n: number): Rows => datasetRows(dataset, evenly(dataset.count, n));

  it("gives held-out images the figures of held-out images", async () => {
    const { evaluation } = await evaluateImages(reference, some(heldOut!, COUNT), { asked: Array.from(evenly(heldOut!.count, COUNT), (i) => heldOut!.label!(i)) });
    expect(evaluation.samples).to.deep.equal(evaluation.heldOut);
    expect(evaluation.samples.copied).to.equal(0);
    expect(evaluation).to.include({ compared: COUNT, reference: 110, features: "blobs" });
    expect(evaluation.samples.recognised).to.have.all.keys("sure", "asked", "askedSure");
  });

  it("finds noise far away, of no precision and no recall", async () => {
    const noise = { shape: [COUNT, 8, 8, 1], data: new Random(5).normal(COUNT * 64) };
    const { evaluation: { samples, heldOut: floor } } = await evaluateImages(reference, noise);
    expect(samples.frechet).to.be.above(5 * floor!.frechet);
    expect(samples.precision).to.be.below(0.2 * floor!.precision);
    expect(samples.copied).to.equal(0);
  });

  it("finds that half of the data is missing by recall, not by precision", async () => {
    const left = splitDataset(blobs(1000, 3), 0).training;
    const rows = datasetRows(left, Int32Array.from({ length: COUNT }, (_, i) => 4 * Math.floor(i / 2) + i % 2));
    const both = datasetRows(left, Int32Array.from({ length: COUNT }, (_, i) => i));
    const [one, two] = await Promise.all([rows, both].map(async (images) => (await evaluateImages(reference, images)).evaluation.samples));
    expect(one.recall).to.be.below(two.recall - 0.2);
    expect(one.precision).to.be.above(two.precision - 0.15);
    expect(one.frechet).to.be.above(2 * two.frechet);
  });

  it("gives the same to the bit whatever is evaluated with it, and of files as of arrays", async () => {
    const images = some(heldOut!, COUNT);
    const slightly = { shape: images.shape, data: Float64Array.from(images.data, (value) => value + 1e-3) };
    expect((await evaluateImages(reference, slightly)).evaluation).to.deep.equal((await evaluateImages(reference, images)).evaluation);
    const alone = await readFeatures(features, { count: 1, part: () => ({ shape: [1, 8, 8, 1], data: images.data.subarray(64 * 7, 64 * 8) }) }, "");
    const all = await readFeatures(features, { count: COUNT, part: (start, end) => ({ shape: [end - start, 8, 8, 1], data: images.data.subarray(64 * start, 64 * end) }) }, "");
    expect(Array.from(alone.features.data)).to.deep.equal(Array.from(all.features.data.subarray(7 * 8, 8 * 8)));
  });

  it("finds that a model that knows a few images by heart draws copies of them alone, and knows others less", async () => {
    const config = tinyConfig({ data: "blobs", schedule: { timesteps: 100 } });
    const process = processOf(config.schedule) as DiscreteProcess;
    const few = splitDataset({ ...training, count: 4 }, 0).training;
    const network = byHeart(datasetRows(few, evenly(4, 4)), process, device);
    const model = { network, process, prediction: "eps" as const, training: config };
    const { evaluation: { samples }, copies } = await evaluateModel(reference, { model, device, sampling: { sampler: ddim, options: { steps: 20 }, seed: 3 } });
    expect(samples.copied).to.equal(1);
    expect(Math.max(...copies.indices)).to.be.at.most(3);
    expect(samples.recall).to.be.below(0.5);
    const { ratio, images } = await lossGap({ model, config, device, training: few, heldOut: heldOut! });
    expect(ratio).to.be.above(10);
    expect(images).to.equal(4);
    const same = await lossGap({ model, config, device, training: few, heldOut: few });
    expect(same).to.include({ ratio: 1, error: 0 });
  });

  it("draws and evaluates a run's model, the same whatever the batch", async () => {
    const config = tinyConfig({ data: "blobs", model: { ...tinyModel, num_class_embeds: 2 } });
    const trainer = new Trainer(config, device, training);
    await trainer.trainStep();
    const model = { ...trainer.model, training: config };
    const stages = new Set<string>();
    const draw = (batch: number, count?: number): ReturnType<typeof evaluateModel> => evaluateModel(reference, {
      model, device, ...(count === undefined ? {} : { count }), sampling: { sampler: ddim, options: { steps: 2 }, seed: 1, batch }, onProgress: (what) => stages.add(what),
    });
    const [one, other] = [await draw(COUNT), await draw(7, COUNT + 5)];
    expect(other.evaluation.samples).to.deep.equal({ ...one.evaluation.samples, images: COUNT + 5, recognised: other.evaluation.samples.recognised });
    expect(other.images.data.subarray(0, COUNT * 64)).to.deep.equal(one.images.data);
    expect(other.evaluation.loss).to.deep.equal(one.evaluation.loss);
    expect(one.evaluation.loss!.ratio).to.be.closeTo(1, 0.2);
    expect([...stages]).to.include.members(["reverse steps", "features of samples", "samples among training images", "loss"]);
    trainer.dispose();
  });

  it("asks for classes as often as the data has them, whatever the count", () => {
    const digits = splitDataset(openBuiltin("digits"), 10).training;
    for (const n of [100, 1000]) {
      const asked = Array.from({ length: n }, (_, i) => askedClass(digits, i));
      for (let c = 0; c < 10; c++) {
        const share = Array.from({ length: digits.count }, (_, i) => digits.label!(i)).filter((label) => label === c).length / digits.count;
        expect(asked.filter((label) => label === c).length / n).to.be.closeTo(share, 3 / n);
      }
    }
  });

  it("refuses images of another shape, too few of them, and counts without neighbours", async () => {
    const failing = async (work: Promise<unknown>, text: string): Promise<void> => {
      const error = await work.then(() => undefined, (e: unknown) => e as Error);
      expect(error).to.be.instanceOf(ConfigError);
      expect(error!.message).to.include(text);
    };
    await failing(evaluateImages(reference, { shape: [COUNT, 8, 4, 1], data: new Float64Array(COUNT * 32) }), "do not fit the data");
    await failing(evaluateImages(reference, some(heldOut!, 30)), "too few images");
    await failing(prepareReference({ data, features, count: 4 }), "count is 4");
    await failing(prepareReference({ data: splitDataset(blobs(8, 1), 2), features }), "too few images");
    const stop = AbortSignal.abort(new Error("enough"));
    expect(await prepareReference({ data, features, signal: stop }).then(() => "", (e: unknown) => (e as Error).message)).to.equal("enough");
  });
});
