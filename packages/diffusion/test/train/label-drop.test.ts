/** Labels that training hides: the null class, its own stream, and what is refused. */
import { expect } from "chai";
import { ConfigError, openDevice, Random, type Device } from "@fromnoise/tensor";
import { stateDict, UNet } from "@fromnoise/nn";
import { memorySource } from "../../src/models/source.js";
import { diffusersFormat } from "../../src/models/formats/diffusers.js";
import { trainConfig, type TrainConfigInput } from "../../src/train/config.js";
import { Trainer } from "../../src/train/trainer.js";
import { randomDraws } from "../../src/train/training-step.js";
import { tinyDataset, tinyModel } from "./fixtures.js";

const model = { ...tinyModel, num_class_embeds: 3, _null_class: true } as const;

describe("hidden labels", () => {
  let device: Device;
  beforeEach(async () => (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const trainerOf = (input: TrainConfigInput): Trainer => new Trainer(trainConfig({
    model, batch: 4, device: "reference", dtype: "f64", schedule: { timesteps: 20 }, lrSchedule: { name: "constant" }, ...input,
  }), device, tinyDataset);
  const classes = async (trainer: Trainer): Promise<number[][]> => {
    const values = Array.from((await stateDict(trainer.network)).get("class_embedding.weight")!.data);
    const width = values.length / 3;
    return [0, 1, 2].map((row) => values.slice(row * width, (row + 1) * width));
  };

  it("teach the null class in place of the others, all of them where the probability is 1", async () => {
    for (const [labelDrop, taught] of [[1, [false, false, true]], [0, [true, true, false]]] as const) {
      const trainer = trainerOf({ labelDrop });
      const before = await classes(trainer);
      await trainer.trainStep();
      const after = await classes(trainer);
      expect(before.map((row, i) => row.some((v, j) => v !== after[i][j])), String(labelDrop)).to.deep.equal(taught);
      trainer.dispose();
    }
  });

  it("are hidden with the probability that is asked for, from a stream that nothing else reads", () => {
    const streams = { levels: new Random(1, 1), noise: new Random(1, 2), labels: new Random(1, 7) };
    const told = Array.from(randomDraws({ ...streams, labelDrop: 0.2 }).labels!(new Array<number>(10_000).fill(1), 9));
    const hidden = told.filter((label) => label === 9).length;
    expect(told.filter((label) => label === 1)).to.have.length(10_000 - hidden);
    expect(hidden / 10_000).to.be.closeTo(0.2, 5 * Math.sqrt(0.16 / 10_000));
    expect(randomDraws(streams)).to.not.have.property("labels");
    expect([streams.levels.counter, streams.noise.counter]).to.deep.equal([0, 0]);
  });

  it("go on where a run stopped, and leave the other streams where they were", async () => {
    const whole = trainerOf({ labelDrop: 0.5 });
    await whole.trainStep();
    const position = JSON.parse(JSON.stringify(whole.position())) as ReturnType<Trainer["position"]>;
    const plain = trainerOf({});
    await plain.trainStep();
    const { labels, ...others } = position.random;
    const { labels: unread, ...plainOthers } = plain.position().random;
    expect(others).to.deep.equal(plainOthers);
    expect(labels).to.not.deep.equal(unread);
    const second = (await whole.trainStep()).loss;
    const again = trainerOf({ labelDrop: 0.5 });
    await again.trainStep();
    again.seek(position);
    expect((await again.trainStep()).loss).to.equal(second);
    for (const trainer of [whole, plain, again]) trainer.dispose();
  });

  it("need a network with a null class", () => {
    expect(() => trainerOf({ labelDrop: 0.1, model: { ...tinyModel, num_class_embeds: 2 } })).to.throw(
      ConfigError, "labelDrop: 0.1 is for networks with a null class\n  network  unet, 2 classes\n  hint     fromnoise train --classes --label-drop 0.1 makes one");
    expect(() => trainerOf({ labelDrop: 2 })).to.throw(ConfigError, "labelDrop: 2 is not allowed");
  });

  it("are known after a trip through a folder of diffusers, to which the null class is a class", async () => {
    const trainer = trainerOf({});
    const files: Record<string, Uint8Array> = {};
    const { network, config: { schedule, prediction, sampling } } = trainer;
    const tensors = await stateDict(network);
    await diffusersFormat.write({ network: network.spec, process: schedule, prediction, ...sampling, tensors }, {
      name: "memory",
      write: async (path, parts, byteLength) => {
        const bytes = new Uint8Array(byteLength);
        let at = 0;
        for (const part of parts) {
          bytes.set(part, at);
          at += part.length;
        }
        files[path] = bytes;
      },
    });
    expect(JSON.parse(new TextDecoder().decode(files["unet/config.json"]))).to.deep.include({ num_class_embeds: 3, _null_class: true });
    const read = await diffusersFormat.read(memorySource("memory", files));
    expect(new UNet(read.network.config).spec).to.deep.equal(network.spec);
    trainer.dispose();
  });
});
