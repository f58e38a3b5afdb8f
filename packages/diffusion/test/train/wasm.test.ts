import { expect } from "chai";
import { Device, openDevice, parseDevice } from "@fromnoise/tensor";
import { openWasm, type WasmOptions } from "../../../tensor/src/backends/wasm/index.js";
import { wasmDevices } from "../../../tensor/test/backends/wasm/builds.js";
import type { Dataset } from "../../src/data/dataset.js";
import { sampleImages } from "../../src/models/sample-images.js";
import { ddim } from "../../src/samplers/index.js";
import type { TrainConfigInput } from "../../src/train/config.js";
import { Trainer } from "../../src/train/trainer.js";
import { tinyConfig, tinyModel } from "./fixtures.js";

/** Channels enough for Winograd's convolutions. */
const settings: TrainConfigInput & { data: string } = {
  data: "waves", batch: 4, optimizer: { lr: 2e-3 }, model: { ...tinyModel, sample_size: 16, block_out_channels: [8, 16] },
};
const waves: Dataset = {
  name: "waves", count: 128, shape: [16, 16, 1],
  sample: (i) => Float32Array.from({ length: 256 }, (_, j) => Math.sin(i + 0.3 * j)),
  describe: () => "waves: 128 images, 16x16 gray",
};

/** The losses of six steps and two images drawn after them. */
async function trainAndSample(device: Device): Promise<{ losses: number[]; images: number[] }> {
  const config = tinyConfig(settings);
  const trainer = new Trainer(config, device, waves);
  const losses: number[] = [];
  for (let step = 0; step < config.steps; step++) losses.push((await trainer.trainStep()).loss);
  const { images } = await sampleImages({
    model: { ...trainer.model, network: trainer.network }, device, count: 2, seed: 5, options: { steps: 5 }, sampler: ddim,
  });
  trainer.dispose();
  return { losses, images: Array.from(images.data) };
}

describe("a U-Net on the wasm device", () => {
  let expected: Awaited<ReturnType<typeof trainAndSample>>;
  before(async () => {
    const device = await openDevice("reference");
    expected = await trainAndSample(device);
    await device.dispose();
  });

  for (const [spec, build] of wasmDevices) {
    it(`trains and samples as on the reference: ${spec}, ${build}`, async () => {
      const device = await openDevice(spec);
      const { losses, images } = await trainAndSample(device);
      losses.forEach((loss, i) => expect(loss, `loss of step ${i}`).to.be.closeTo(expected.losses[i], 1e-5 * expected.losses[i]));
      images.forEach((pixel, i) => expect(pixel, `pixel ${i}`).to.be.closeTo(expected.images[i], 2e-3));
      expect(device.memory().tensors, "tensors left alive").to.equal(0);
      await device.dispose();
    });

    it(`takes no more memory in five steps than in the first, which has to grow it: ${spec}, ${build}`, async () => {
      const options = parseDevice(spec).options as WasmOptions;
      const backend = await openWasm(options);
      const device = Device.over("wasm", backend);
      const held = () => ({ tensors: device.memory(), memory: backend.memory() });
      const opened = backend.memory();
      const trainer = new Trainer(tinyConfig({ ...settings, batch: 64 }), device, waves);
      await trainer.trainStep();
      const first = held();
      expect(first.memory.bytes).to.be.above(opened.bytes);
      for (let step = 2; step <= 6; step++) {
        await trainer.trainStep();
        expect(held(), `after step ${step}`).to.deep.equal(first);
      }
      trainer.dispose();
      await device.dispose();
    });
  }
});
