import { expect } from "chai";
import { assign, ConfigError, DeviceError, full, NumericError, openDevice, type Device } from "@fromnoise/tensor";
import { initialize, Mlp, UNet } from "@fromnoise/nn";
import type { DiffusionModel } from "../../src/denoisers/denoiser.js";
import { sampleImages, samplingSteps } from "../../src/models/sample-images.js";
import { discreteProcess } from "../../src/process/process.js";
import { ancestral, ddim, samplers } from "../../src/samplers/index.js";
import { thrown } from "../thrown.js";
import { tinyModel } from "../train/fixtures.js";

describe("samples of a model", () => {
  let device: Device;
  let model: DiffusionModel;
  const process = discreteProcess({ name: "cosine", timesteps: 4 });
  beforeEach(async () => {
    device = await openDevice("reference");
    model = { network: initialize(new UNet(tinyModel), { device, seed: 0 }), process, prediction: "v" };
  });
  afterEach(() => device.dispose());

  it("need a model, a device and a number, and are the same whatever batches they come in", async () => {
    const { images, moments } = await sampleImages({ model, device, count: 3 });
    expect([images.shape, moments]).to.deep.equal([[3, 8, 8, 1], []]);
    expect((await sampleImages({ model, device, count: 3, batch: 2 })).images).to.deep.equal(images);
    expect((await sampleImages({ model, device, count: 2, first: 1 })).images.data).to.deep.equal(images.data.slice(64));
    expect((await sampleImages({ model, device, count: 3, seed: 1 })).images.data).not.to.deep.equal(images.data);
    expect((await sampleImages({ model: { ...model, prediction: "eps" }, device, count: 3 })).images.data).not.to.deep.equal(images.data);
  });

  it("are refused where the host or the device has no room for them, with what is needed", async () => {
    const many = await thrown(ConfigError, sampleImages({ model, device, count: 1e8 }));
    expect(many.message).to.equal([
      "sampling: 100000000 samples of [8, 8, 1] are too many at once", "  needed   47.68 GiB of host memory", "  allowed  4.00 GiB: 8388608 such samples",
      "  hint     draw them in parts: first: N goes on with sample N, as --first N does",
    ].join("\n"));
    const wide = await thrown(ConfigError, sampleImages({ model, device, count: 1, size: [65536, 65536] }));
    expect(wide.summary).to.equal("sampling: 1 samples of [65536, 65536, 1] are too many at once");
    const wasm = await openDevice("wasm", { threads: 1 });
    try {
      const network = initialize(new UNet(tinyModel), { device: wasm, seed: 0 });
      const batch = await thrown(DeviceError, sampleImages({ model: { ...model, network }, device: wasm, count: 8e6, batch: 8e6 }));
      expect(batch.message).to.match(/no room for network and data: 5\.72 GiB are needed\n {2}allowed {2}4\.00 GiB/);
    } finally {
      await wasm.dispose();
    }
  });

  it("are clipped as the model's maker did, unless asked otherwise", async () => {
    const largest = async (changes: object): Promise<number> => {
      const { images } = await sampleImages({ model, device, count: 2, ...changes });
      return Math.max(...Array.from(images.data, Math.abs));
    };
    expect(await largest({})).to.be.at.most(1);
    expect(await largest({ clipX0: false })).to.be.above(1);
    expect(await largest({ model: { ...model, clipX0: false } })).to.be.above(1);
    expect(await largest({ model: { ...model, clipX0: false }, clipX0: true })).to.be.at.most(1);
    expect(await largest({ model: { ...model, clipX0: { to: 0.25 } } })).to.equal(0.25);
    expect(await largest({ model: { ...model, clipX0: { to: 0.25 } }, clipX0: { to: 0.5 } })).to.equal(0.5);
    // A bound of 1 at most is clipping to [-1, 1]; with more room the values are divided.
    const dynamic = async (most: number): Promise<unknown> =>
      (await sampleImages({ model: { ...model, clipX0: { to: "dynamic", quantile: 1, most } }, device, count: 2 })).images;
    expect(await dynamic(1)).to.deep.equal((await sampleImages({ model, device, count: 2 })).images);
    expect(await dynamic(2)).to.not.deep.equal(await dynamic(1));
  });

  it("of a network that is told a number have one each", async () => {
    const told = initialize(new UNet({ ...tinyModel, class_embed_type: "timestep" }), { device, seed: 0 });
    const draw = (labels?: number[]): Promise<unknown> => sampleImages({ model: { ...model, network: told }, device, count: 1, labels });
    expect(await draw([0.5])).to.not.deep.equal(await draw([7]));
    expect((await thrown(ConfigError, draw())).summary).to.equal("sampling: labels are missing");
  });

  it("take the model's variance of ancestral steps, unless asked otherwise", async () => {
    const draw = async (variance: "fixed-small" | "fixed-large", options = {}): Promise<unknown> =>
      (await sampleImages({ model: { ...model, variance }, device, count: 1, sampler: ancestral, options })).images;
    const [small, large] = [await draw("fixed-small"), await draw("fixed-large")];
    expect(large).not.to.deep.equal(small);
    expect(await draw("fixed-large", { variance: "fixed-small" })).to.deep.equal(small);
  });

  it("are followed at moments from the first step to the last, and step by step", async () => {
    const steps: [number, number][] = [];
    const { images, moments } = await sampleImages({
      model, device, count: 5, batch: 3, record: { rows: 2, columns: 3 }, onStep: (done, total) => void steps.push([done, total]),
    });
    expect(samplingSteps({ model, count: 5, batch: 3 })).to.equal(8);
    expect(steps).to.deep.equal(Array.from({ length: 8 }, (_, i) => [i + 1, 8]));
    expect(moments.map(({ at }) => at.index)).to.deep.equal([3, 1, 0]);
    for (const { xt, x0 } of moments) expect([xt.shape, x0.shape]).to.deep.equal([[2, 8, 8, 1], [2, 8, 8, 1]]);
    expect(Array.from(moments[2].x0.data)).to.deep.equal(Array.from(images.data.slice(0, 128)));      // the last guess is the sample
  });

  it("leave nothing on the device when a callback throws, a signal stops them, or a value is not finite", async () => {
    const { tensors, bytes } = device.memory();
    for (const sampler of samplers) {
      const enough = sampleImages({
        model, device, count: 2, sampler, onStep: (done) => { if (done === 2) throw new RangeError("enough"); },
      });
      expect((await thrown(RangeError, enough)).message).to.equal("enough");
      expect(device.memory(), sampler.name).to.deep.include({ tensors, bytes });

      const stop = new AbortController();
      const stopped = sampleImages({
        model, device, count: 2, sampler, signal: stop.signal, onStep: () => stop.abort(new RangeError("stopped")),
      });
      expect((await thrown(RangeError, stopped)).message).to.equal("stopped");
      expect(device.memory(), sampler.name).to.deep.include({ tensors, bytes });
    }
    const p = model.network.parameters.at(-1)!;
    assign(p.tensor, full(p.shape, NaN, { device }));
    const before = device.memory();
    expect((await thrown(NumericError, sampleImages({ model, device, count: 1 }))).summary).to.equal("the samples are not finite");
    expect(device.memory().tensors).to.equal(before.tensors);
  });

  it("have a class each where the network has classes, in turn unless asked otherwise", async () => {
    const network = initialize(new Mlp({ size: 2, hidden: [8], classes: 3 }), { device, seed: 2 });
    const points: DiffusionModel = { network, process, prediction: "v", clipX0: false };
    const { images } = await sampleImages({ model: points, device, count: 4 });
    expect(images.shape).to.deep.equal([4, 2]);
    const asked = async (labels: number[]): Promise<unknown> => (await sampleImages({ model: points, device, count: 4, labels })).images;
    expect(await asked([0, 1, 2, 0])).to.deep.equal(images);
    expect(await asked([0, 1, 2, 1])).not.to.deep.equal(images);
    expect((await thrown(ConfigError, asked([0]))).message).to.equal("sampling: 1 labels for 4 samples\n  allowed  one label a sample");
    expect((await thrown(ConfigError, sampleImages({ model: points, device, count: 1, size: [2, 2] }))).summary).to.equal("sampling: size is for images");
  });

  it("have the size that is asked for where the network takes any, and need it then", async () => {
    const network = initialize(new UNet({ ...tinyModel, sample_size: null }), { device, seed: 0 });
    const any: DiffusionModel = { ...model, network };
    expect((await sampleImages({ model: any, device, count: 1, size: [4, 8], sampler: ddim, options: { steps: 2 } })).images.shape).to.deep.equal([1, 4, 8, 1]);
    expect((await thrown(ConfigError, sampleImages({ model: any, device, count: 1 }))).summary).to.equal("sampling: size is missing");
  });
});
