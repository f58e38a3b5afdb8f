import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import {
  add, assign, CheckpointError, full, multiply, NumericError, openDevice, zeros, type Device,
} from "@fromnoise/tensor";
import { stateDict } from "@fromnoise/nn";
import { wasmDevices } from "../../../tensor/test/backends/wasm/builds.js";
import { arrayDataset } from "../../src/data/arrays.js";
import type { Dataset } from "../../src/data/dataset.js";
import { loadCheckpoint } from "../../src/models/node/load.js";
import { restoreTrainer, saveCheckpoint } from "../../src/train/checkpoint.js";
import type { TrainConfigInput } from "../../src/train/config.js";
import { Trainer } from "../../src/train/trainer.js";
import { thrown } from "../thrown.js";
import { tinyConfig, tinyDataset, tinyModel } from "./fixtures.js";

/**
 * Bytes of the process that are still in use: garbage is collected first, which Node leaves lying for long. What held the memory of
 * arrays is swept by another thread, so it counts for a while after its collection: the least of several looks is the answer.
 */
async function reachableBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  let least = Infinity;
  for (let i = 0; i < 6; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { heapUsed, external } = process.memoryUsage();                      // external holds the array buffers
    least = Math.min(least, heapUsed + external);
  }
  return least;
}

/** Makes trainers of the tiny network, each changed by its settings. */
/** Makes trainers on a device for one test each, which are freed after it. */
const trainersOn = (device: () => Device): ((input?: TrainConfigInput, dataset?: Dataset) => Trainer) => {
  const made: Trainer[] = [];
  afterEach(() => made.splice(0).forEach((trainer) => trainer.dispose()));
  return (input = {}, dataset = tinyDataset) => {
    const trainer = new Trainer(tinyConfig({ data: "tiny", ...input }), device(), dataset);
    made.push(trainer);
    return trainer;
  };
};

for (const [spec, build] of [["reference", "TypeScript"], ...wasmDevices]) {
  describe(`a trainer: ${spec}, ${build}`, () => {
    let device: Device;
    before(async () => void (device = await openDevice(spec)));
    after(() => device.dispose());
    const make = trainersOn(() => device);

    it("draws the same numbers from the same seed and others from another", async () => {
      const [a, b, c] = [
        await make({ seed: 0 }).trainStep(), await make({ seed: 0 }).trainStep(), await make({ seed: 1 }).trainStep(),
      ];
      expect(b.loss).to.equal(a.loss);
      expect(c.loss).not.to.equal(a.loss);
    });

    it("lowers the loss on a few images", async () => {
      const trainer = make({ batch: 4, optimizer: { lr: 1e-2 } });
      const losses: number[] = [];
      for (let i = 0; i < 24; i++) losses.push((await trainer.trainStep()).loss);
      const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
      expect(mean(losses.slice(-5))).to.be.lessThan(0.8 * mean(losses.slice(0, 5)));
    });

    it("takes images that are no squares", async () => {
      const values = Array.from({ length: 4 * 128 }, (_, i) => Math.sin(0.3 * i));
      const wide = arrayDataset({ name: "wide", shape: [8, 16, 1], values });
      const trainer = make({ flip: true, model: { ...tinyModel, sample_size: [8, 16] } }, wide);
      const square = make();
      expect((await trainer.trainStep()).loss).to.be.within(0.1, 10);
      await square.trainStep();
      const noise = [trainer, square].map((one) => one.position().random.noise.counter);
      expect(noise[0], "twice the values of 8x8 images").to.equal(2 * noise[1]);
    });

    it("averages its weights after every step, starting as a copy of them", async () => {
      const trainer = make({ ema: { decay: 0.9, warmup: "none" } });
      const before = await stateDict(trainer.network);
      expect(await stateDict(trainer.ema.network)).to.deep.equal(before);
      await trainer.trainStep();
      const [now, average] = [await stateDict(trainer.network), await stateDict(trainer.ema.network)];
      const value = (dict: typeof now): number => dict.get("conv_out.bias")!.data[0];
      expect(value(now)).not.to.equal(value(before));
      expect(value(average)).to.be.closeTo(0.9 * value(before) + 0.1 * value(now), 1e-7);
    });

    it("moves the average at the steps that ema.every names, and copies in those that ema.start counts", async () => {
      const trainer = make({ steps: 5, ema: { decay: 0.5, warmup: "none", every: 2, start: 1 } });
      const values: [now: number, average: number][] = [];
      const value = async (network: typeof trainer.network): Promise<number> => (await stateDict(network)).get("conv_out.bias")!.data[0];
      for (let i = 0; i < 3; i++) {
        await trainer.trainStep();
        values.push([await value(trainer.network), await value(trainer.ema.network)]);
      }
      expect(values[0][1]).to.equal(values[0][0]);                      // a copy
      expect(values[1][1]).to.equal(values[0][0]);                      // not its turn
      expect(values[2][1]).to.be.closeTo((values[0][0] + values[2][0]) / 2, 1e-7);
    });

    it("may be sampled by its average while a step runs: neither changes the other", async () => {
      const run = async (together: boolean): Promise<unknown[]> => {
        const trainer = make({ ema: { decay: 0.5, warmup: "none" } });
        const { network: unet, ema: { network } } = trainer;
        const draw = async (): Promise<unknown> => {
          const x = zeros([1, ...trainer.dataset.shape], { device });
          return network.apply(x, [3]).data();
        };
        const before = together ? undefined : await draw();
        const step = trainer.trainStep();
        const drawn = before ?? await draw();
        const { loss } = await step;
        return [drawn, loss, await stateDict(unet), await stateDict(network)];
      };
      expect(await run(true)).to.deep.equal(await run(false));
    });

    it("scales the gradient to the largest norm allowed", async () => {
      const [free, clipped] = [make({ gradClip: 0 }), make({ gradClip: 0.01 })];
      const { gradNorm } = await free.trainStep();
      expect((await clipped.trainStep()).gradNorm).to.equal(gradNorm);
      const firstMoment = async (trainer: Trainer): Promise<number> => (
        await trainer.optimizer.m.get(trainer.network.parameters[0])!.data()
      )[0];
      expect(await firstMoment(clipped)).to.be.closeTo((await firstMoment(free)) * (0.01 / gradNorm), 1e-9);
    });

    it("frees all it holds when it is disposed", async () => {
      const before = device.memory();
      const trainer = make();
      await trainer.trainStep();
      trainer.dispose();
      const { tensors, bytes } = device.memory();
      expect({ tensors, bytes }).to.deep.equal({ tensors: before.tensors, bytes: before.bytes });
    });

    it("stands where it stood after an image that cannot be read", async () => {
      let broken = true;
      const sample = (i: number): ArrayLike<number> => {
        if (broken) throw new Error("cannot be read");
        return tinyDataset.sample(i);
      };
      const [trainer, other] = [make({ accumulate: 2 }, { ...tinyDataset, sample }), make({ accumulate: 2 })];
      const memory = device.memory();
      await thrown(Error, trainer.trainStep());
      expect(device.memory()).to.deep.include({ tensors: memory.tensors, bytes: memory.bytes });
      broken = false;
      expect((await trainer.trainStep()).loss).to.equal((await other.trainStep()).loss);
    });

    it("is broken by an error in the update: refuses to step and to be saved, names the checkpoint, and is mended by it", async () => {
      const folder = mkdtempSync(join(tmpdir(), "fromnoise-broken-")), path = join(folder, "one.safetensors");
      const [trainer, other] = [make({}), make({})];
      await saveCheckpoint(path, trainer);
      const memory = device.memory();
      const adam = trainer.optimizer.step.bind(trainer.optimizer);
      trainer.optimizer.step = (...given) => {
        adam(...given);
        throw new Error("the device is lost");
      };
      expect((await thrown(Error, trainer.trainStep())).message).to.equal("the device is lost");
      expect(device.memory()).to.deep.include({ tensors: memory.tensors, bytes: memory.bytes });
      trainer.optimizer.step = adam;
      const text = "the trainer broke off in the update of step 1; its tensors are a mixture of two steps\n"
        + `  reason     the device is lost\n  restore    ${path}`;
      expect((await thrown(CheckpointError, trainer.trainStep())).message).to.equal(text);
      expect((await thrown(CheckpointError, saveCheckpoint(path, trainer))).message).to.equal(text);
      trainer.savedIn(path);
      expect((await thrown(CheckpointError, trainer.trainStep())).message).to.equal(text);           // only a restore mends it
      restoreTrainer(trainer, await loadCheckpoint(path));
      expect((await trainer.trainStep()).loss).to.equal((await other.trainStep()).loss);
      expect(await stateDict(trainer.network)).to.deep.equal(await stateDict(other.network));
      rmSync(folder, { recursive: true });
    });

    it("gives the mean error of each tenth of the schedule", async () => {
      const trainer = make({ batch: 8, weighting: "simple" });
      const { buckets, loss } = await trainer.trainStep();
      expect(buckets).to.have.length(10);
      const seen = buckets.filter((value): value is number => value !== null);
      expect(Math.min(...seen)).to.be.at.most(loss);
      expect(Math.max(...seen)).to.be.at.least(loss);
    });
  });
}

describe("a trainer on the reference device", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());
  const make = trainersOn(() => device);

  for (const prediction of ["eps", "x0", "v"] as const) {
    it(`follows the gradient of the mean loss over micro-batches: directional difference, prediction ${prediction}`, async () => {
      const settings: TrainConfigInput = {
        prediction, weighting: "min-snr", accumulate: 3, gradClip: 0, dtype: "f64", model: { ...tinyModel, dropout: 0.1 },
      };
      const trainer = make(settings);
      const start = trainer.position();
      const {
        gradNorm,
      } = await trainer.trainStep();                                          // Adam's m is now 0.1 of the gradient
      const lossAt = async (distance: number): Promise<number> => {
        const moved = make(settings);
        for (const [i, p] of moved.network.parameters.entries()) {
          const m = trainer.optimizer.m.get(trainer.network.parameters[i])!;
          assign(p.tensor, add(p.tensor, multiply(m, (10 * distance) / gradNorm)));
        }
        moved.seek(start);
        return (await moved.trainStep()).loss;
      };
      const eps = 1e-4;
      const slope = ((await lossAt(eps)) - (await lossAt(-eps))) / (2 * eps);                  // along g / |g| it is |g|
      expect(slope).to.be.closeTo(gradNorm, 1e-5 * gradNorm);
    });
  }

  it("needs no more memory after 200 steps than after the first", async () => {
    const trainer = make({ batch: 1, accumulate: 2, flip: true, model: { ...tinyModel, sample_size: 4, dropout: 0.1 } }, {
      ...tinyDataset, shape: [4, 4, 1], sample: (i) => Array.from(tinyDataset.sample(i)).slice(0, 16),
    });
    await trainer.trainStep();
    const first = device.memory();
    let early = 0;
    for (let i = 1; i < 200; i++) {
      await trainer.trainStep();
      const { tensors, bytes } = device.memory();
      expect({ tensors, bytes }).to.deep.equal({ tensors: first.tensors, bytes: first.bytes });
      if (i === 50) early = await reachableBytes();
    }
    expect(await reachableBytes() - early).to.be.lessThan(2 ** 20);
    trainer.dispose();
  });

  describe("where the loss is not finite", () => {
    /** Trains until it fails, and checks that the failure left parameters, position and memory as they were. */
    async function failure(trainer: Trainer): Promise<string> {
      const [dict, position, memory] = [await stateDict(trainer.network), trainer.position(), device.memory()];
      const error = await thrown(NumericError, trainer.trainStep());
      expect(await stateDict(trainer.network)).to.deep.equal(dict);
      expect(trainer.position()).to.deep.equal(position);
      expect(device.memory().tensors).to.equal(memory.tensors);
      expect(device.memory().bytes).to.equal(memory.bytes);
      return error.message;
    }

    it("names the kernel, the layer and the step after a learning rate far too high", async () => {
      const trainer = make({ optimizer: { lr: 1e30 } });
      await trainer.trainStep();
      expect((await failure(trainer)).split("\n")).to.deep.equal([
        "step 2: matmul: the output f32 [1, 2, 16] is not finite", "  element 0 is -Infinity",
        "  layer    time_embedding.linear_2",
        "  loss     NaN", "  norm     NaN of the gradient", "  kept     the parameters are those of the step before",
      ]);
    });

    it("names a parameter that is not finite", async () => {
      const trainer = make();
      const p = trainer.network.parameters.find(({ name }) => name === "mid_block.attentions.0.to_q.weight")!;
      assign(p.tensor, full(p.shape, NaN, { device }));
      const message = await failure(trainer);
      expect(message.split("\n").slice(0, 2)).to.deep.equal([
        "step 1: the parameter mid_block.attentions.0.to_q.weight is not finite", "  element 0 of 64 is NaN",
      ]);
    });

    it("names the first kernel that meets a bad image", async () => {
      const bad: Dataset = { ...tinyDataset, sample: () => new Float32Array(64).fill(Infinity) };
      expect(await failure(make({}, bad))).to.match(
        /^step 1: multiply: the output f32 \[2, 8, 8, 1\] is not finite\n {2}element 0 is Infinity\n/,
      );
    });
  });
});
