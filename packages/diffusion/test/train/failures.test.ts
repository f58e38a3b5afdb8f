import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { CheckpointError, ConfigError, ImageError, NumericError, openDevice, type Device } from "@fromnoise/tensor";
import { loadSafetensors, platformFiles, saveSafetensors, tensorDigest, type FileLayer, type FileWriter, type StateDict } from "@fromnoise/nn";
import { encodePng } from "../../src/image/node/index.js";
import type { Dataset } from "../../src/data/dataset.js";
import { openFolder } from "../../src/data/node/index.js";
import { loadCheckpoint } from "../../src/models/node/load.js";
import { restoreTrainer, saveCheckpoint } from "../../src/train/checkpoint.js";
import type { TrainConfig } from "../../src/train/config.js";
import { trainRun, type RunOptions } from "../../src/train/node/run.js";
import { Trainer } from "../../src/train/trainer.js";
import { openTrainingData } from "../../src/train/node/training-data.js";
import { thrown } from "../thrown.js";
import { metricsOf, temporaryFolder, tinyConfig, tinyDataset, tinyModel, writeSheet } from "./fixtures.js";

const folder = temporaryFolder();
const sheet = writeSheet(folder);

async function run(options: RunOptions): Promise<void> {
  const { trainer } = await trainRun(options);
  await trainer.device.dispose();
}

/** Files in memory, on a disk that is full after `room` bytes. */
function smallDisk(room: number): FileLayer & { contents: Map<string, Uint8Array> } {
  const contents = new Map<string, Uint8Array>();
  let made = 0;
  const disk: FileLayer & { contents: Map<string, Uint8Array> } = {
    contents,
    temporaryName: (path) => `${path}.${++made}`,
    create: async (path): Promise<FileWriter> => {
      contents.set(path, new Uint8Array());
      return disk.append(path);
    },
    append: async (path): Promise<FileWriter> => {
      if (!contents.has(path)) contents.set(path, new Uint8Array());
      return {
        write: async (bytes) => {
          const used = [...contents.values()].reduce((sum, { length }) => sum + length, 0);
          if (used + bytes.length > room) {
            throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
          }
          contents.set(path, Buffer.concat([contents.get(path)!, bytes]));
          return bytes.length;
        },
        sync: async () => undefined,
        close: async () => undefined,
      };
    },
    open: () => Promise.reject(new Error("nothing is read here")),
    rename: async (from, to) => {
      contents.set(to, contents.get(from)!);
      contents.delete(from);
    },
    remove: async (path) => void contents.delete(path),
    syncFolderOf: async () => undefined,
  };
  return disk;
}

describe("a run on a full disk", () => {
  it("says so in two lines and keeps the checkpoint before", async () => {
    const out = join(folder, "full");
    const size = await checkpointSize();
    const files = smallDisk(Math.round(1.7 * size));                                           // room for one, not for two
    const config = tinyConfig({ data: sheet, steps: 4, checkpointEvery: 2 });
    const error = await thrown(CheckpointError, run({ start: { config }, out, files }));
    expect(error.message.split("\n")[0]).to.equal(`cannot save ${join(out, "checkpoint-2.safetensors")}: the disk is full`);
    expect(error.message).to.match(/needed {3}\d+ bytes/);
    expect([...files.contents.keys()].filter((path) => path.includes("checkpoint"))).to.deep.equal(
      [join(out, "checkpoint-0.safetensors")],
    );
    expect(files.contents.get(join(out, "checkpoint-0.safetensors"))).to.have.length(size);
  });

  async function checkpointSize(): Promise<number> {
    const disk = smallDisk(Infinity);
    const device = await openDevice("reference");
    await saveCheckpoint("x", new Trainer(tinyConfig({ data: sheet, steps: 4, checkpointEvery: 2 }), device, tinyDataset), disk);
    await device.dispose();
    return disk.contents.get("x")!.length;
  }
});

describe("a run that cannot write its metrics", () => {
  it("names the file and the reason", async () => {
    const out = join(folder, "no-metrics");
    const path = join(out, "metrics.jsonl");
    const files: FileLayer = {
      ...platformFiles, append: async () => { throw Object.assign(new Error("EISDIR"), { code: "EISDIR" }); },
    };
    const start = { config: tinyConfig({ data: sheet, steps: 2 }) };
    const error = await thrown(CheckpointError, run({ start, out, files }));
    expect(error.message).to.equal(`cannot write ${path}: it is a folder`);
  });
});

describe("a run whose loss is not finite", () => {
  it("keeps the newest checkpoint and names it", async () => {
    const out = join(folder, "diverged");
    const config = tinyConfig({ data: sheet, steps: 9, checkpointEvery: 1, keep: 1, optimizer: { lr: 1e30 } });
    const error = await thrown(NumericError, run({ start: { config }, out }));
    expect(error.message).to.match(/^step 2: matmul: the output f32 \[1, 2, 16\] is not finite\n/);
    expect(error.message).to.contain(`\n  saved    ${join(out, "checkpoint-1.safetensors")}`);
    expect(readdirSync(out).filter((name) => name.startsWith("checkpoint"))).to.deep.equal(["checkpoint-1.safetensors"]);
    expect(metricsOf(out).map(({ step }) => step)).to.deep.equal([1]);
  });

  it("never replaces a good checkpoint by one that holds NaN", async () => {
    const device = await openDevice("reference");
    const trainer = new Trainer(tinyConfig({ data: "tiny" }), device, tinyDataset);
    const path = join(folder, "finite.safetensors");
    await saveCheckpoint(path, trainer);
    const before = readFileSync(path);
    const v = [...trainer.optimizer.v].find(([p]) => p.name === "conv_out.bias")![1];
    v.buffer.storage = new Float32Array([Infinity]);
    const error = await thrown(NumericError, saveCheckpoint(path, trainer));
    expect(error.message).to.equal(
      "step 0: adam.v.conv_out.bias is not finite, so it is not saved\n  element 0 of 1 is Infinity",
    );
    expect(readFileSync(path).equals(before)).to.equal(true);
    await device.dispose();
  });
});

describe("a run whose images go bad", () => {
  it("saves the steps that are done and names the file", async () => {
    const images = join(folder, "images");
    mkdirSync(images);
    const png = encodePng({ width: 8, height: 8, channels: 1, data: new Uint8Array(64).fill(99) });
    for (const name of ["a.png", "b.png", "c.png", "d.png"]) writeFileSync(join(images, name), png);
    const out = join(folder, "bad-images");
    const config = tinyConfig({ data: images, steps: 9, batch: 1 });
    const spoil = ({ step }: { step: number }): void => {
      if (step === 1) for (const name of readdirSync(images)) writeFileSync(join(images, name), "text");
    };
    const error = await thrown(ImageError, run({
      start: { config }, out, onStep: spoil, dataset: openFolder(images, { size: 8, channels: 1, cacheBytes: 0 }),
    }));
    expect(error.message).to.contain(images);
    expect(readdirSync(out)).to.include("checkpoint-1.safetensors");
  });
});

describe("a checkpoint that does not fit", () => {
  let device: Device;
  let trainer: Trainer;
  const path = join(folder, "whole.safetensors");
  before(async () => {
    device = await openDevice("reference");
    trainer = new Trainer(tinyConfig({ data: "tiny" }), device, tinyDataset);
    await saveCheckpoint(path, trainer);
  });
  after(() => device.dispose());

  /** Writes the checkpoint with some tensors changed, and gives the message of loading it. */
  async function message(change: (tensors: StateDict) => void): Promise<string> {
    const { metadata, tensors } = await loadSafetensors(path);
    const changed: StateDict = new Map(tensors);
    changed.set("model.conv_in.weight", { shape: [4, 1, 3, 3], data: new Float32Array(36) });
    change(changed);
    const digests: Record<string, string> = {};
    for (const [name, tensor] of changed) digests[name] = await tensorDigest(tensor);
    const file = join(folder, "changed.safetensors");
    const fromnoise = JSON.stringify({ ...JSON.parse(metadata["fromnoise"]) as object, digests });
    await saveSafetensors(file, changed, { fromnoise });
    const before = await trainer.network.parameters[0].tensor.data();
    const error = await thrown(CheckpointError, loadCheckpoint(file).then((checkpoint) => restoreTrainer(trainer, checkpoint)));
    expect(await trainer.network.parameters[0].tensor.data()).to.deep.equal(before);
    return error.message.replaceAll(file, "FILE");
  }

  it("is refused with the missing, extra and misshaped tensors, key by key", async () => {
    expect(await message((tensors) => {
      tensors.delete("model.conv_in.bias");
      tensors.set("model.conv_in.biases", { shape: [4], data: new Float32Array(4) });
      tensors.set("model.conv_out.bias", { shape: [2], data: new Float32Array(2) });
    })).to.equal([
      "FILE, model.*: the state dict does not fit the model: 1 missing, 1 extra, 1 misshaped",
      "  missing    conv_in.bias [4]", "  extra      conv_in.biases [4]", "  misshaped  conv_out.bias [2]   expected [1]",
    ].join("\n"));
  });

  it("is refused when a moment of the optimiser is missing, or a tensor belongs to nothing", async () => {
    expect(await message((tensors) => void tensors.delete("adam.v.conv_in.bias"))).to.match(
      /^FILE, adam\.v\.\*: .*1 missing.*\n {2}missing {4}conv_in\.bias \[4\]$/,
    );
    expect(await message((tensors) => void tensors.set("optim.step", { shape: [1], data: new Float32Array(1) }))).to.equal(
      "FILE holds tensors of no group\n  extra      optim.step");
  });

  it("is refused when it is no checkpoint, of another format, cut short or not there", async () => {
    const file = join(folder, "other.safetensors");
    const loading = async (metadata: Record<string, string>): Promise<string> => {
      await saveSafetensors(file, [], metadata);
      return (await thrown(CheckpointError, loadCheckpoint(file))).summary;
    };
    expect(await loading({})).to.equal(`${file} is no checkpoint of fromnoise`);
    expect(await loading({ fromnoise: "{" })).to.equal(`${file}: __metadata__.fromnoise is not JSON`);
    expect(await loading({ fromnoise: '{"format":"fromnoise-checkpoint-9"}' })).to.equal(
      `${file} has the format "fromnoise-checkpoint-9"`,
    );
    expect(await loading({ fromnoise: '{"format":"fromnoise-checkpoint-1","config":null}' })).to.equal(
      `${file}: __metadata__.fromnoise has no config`,
    );
    expect(await loading({ fromnoise: '{"format":"fromnoise-checkpoint-2","model":{}}' })).to.equal(
      `${file}: __metadata__.fromnoise has no digests`,
    );
    writeFileSync(file, readFileSync(path).subarray(0, 3000));
    expect((await thrown(CheckpointError, loadCheckpoint(file))).message).to.contain(file);
    expect((await thrown(CheckpointError, loadCheckpoint(join(folder, "nowhere")))).summary).to.match(/nowhere does not exist$/);
    expect((await thrown(CheckpointError, loadCheckpoint(folder))).summary).to.equal(`${folder} holds no checkpoint`);
  });
});

describe("the folder of a run", () => {
  it("is refused below a regular file, and where it holds a run already", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    const config = tinyConfig({ data: sheet, steps: 1 });
    const below = await thrown(ConfigError, run({ start: { config }, out: join(file, "run") }));
    expect(below.message).to.equal(`cannot make the folder ${join(file, "run")}\n  reason   a part of the path is a file`);
    const out = join(folder, "twice");
    await run({ start: { config }, out });
    const config1 = readFileSync(join(out, "config.json"), "utf8");
    const again = await thrown(ConfigError, run({ start: { config: { ...config, seed: 5 } }, out }));
    expect(again.summary).to.equal(`${out} already holds a run, saved at step 1`);
    expect(readFileSync(join(out, "config.json"), "utf8")).to.equal(config1);
  });

  it("is refused where a config.json of something else would be lost", async () => {
    const out = join(folder, "other");
    mkdirSync(out);
    writeFileSync(join(out, "config.json"), "{}");
    const error = await thrown(ConfigError, run({ start: { config: tinyConfig({ data: sheet, steps: 1 }) }, out }));
    expect(error.summary).to.equal(`${out} already holds a run, with a config.json`);
  });

  it("cannot be resumed where there is nothing", async () => {
    for (const out of [join(folder, "nothing"), mkdirSync(join(folder, "empty"), { recursive: true })!]) {
      const error = await thrown(ConfigError, run({ start: { resume: {} }, out }));
      expect(error.summary).to.equal(`${out} holds no run to resume`);
    }
  });
});

describe("the data of a run", () => {
  it("are two parts, of which one is held out", () => {
    const { training, heldOut } = openTrainingData(tinyConfig({ data: sheet, holdOut: 5 }));
    expect([training.count, heldOut?.count]).to.deep.equal([13, 3]);
    expect(openTrainingData(tinyConfig({ data: sheet, holdOut: 0 }))).to.deep.include({ heldOut: undefined });
  });

  it("are trained on without the part that is held out", async () => {
    const config = tinyConfig({ data: sheet, holdOut: 3, steps: 2 });
    const { trainer } = await trainRun({ start: { config }, out: join(folder, "parts") });
    const { training, heldOut } = openTrainingData(config);
    const samples = ({ count, sample }: Dataset): unknown[] => Array.from({ length: count }, (_, i) => sample(i));
    expect(samples(trainer.dataset)).to.deep.equal(samples(training));
    expect(samples(trainer.dataset)).not.to.deep.include(samples(heldOut!)[0]);
    await trainer.device.dispose();
  });
});

describe("data and network that do not fit each other", () => {
  const refusal = (data: string, model: Record<string, unknown>): string => {
    const config: Pick<TrainConfig, "data" | "holdOut" | "model"> = { data, holdOut: 0, model: { ...tinyModel, ...model } };
    try {
      openTrainingData(config);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    return "accepted";
  };

  it("are refused by the field of the model, its value and what is allowed", () => {
    expect(refusal(sheet, {})).to.equal("accepted");
    expect(refusal(sheet, { sample_size: null })).to.equal(
      "model.sample_size: null is not allowed\n  allowed  a side in pixels, or [height, width]",
    );
    expect(refusal(sheet, { sample_size: [8, 4] })).to.equal("accepted");
    expect(refusal(sheet, { sample_size: [8, 3] })).to.equal(
      "model.sample_size: [8,3] is not allowed\n  allowed  multiples of 2, as the 2 levels halve the image 1 time",
    );
    expect(refusal(sheet, { sample_size: 9 })).to.equal(
      "model.sample_size: 9 is not allowed\n  allowed  multiples of 2, as the 2 levels halve the image 1 time",
    );
    expect(refusal(sheet, { sample_size: 6, _patch_size: 2 })).to.equal(
      "model.sample_size: 6 is not allowed\n  allowed  multiples of 4, as patches have side 2 and the 2 levels halve the image 1 time",
    );
    expect(refusal(sheet, { in_channels: 2 })).to.equal("model.in_channels: 2 is not allowed\n  allowed  1 for gray, 3 for RGB");
    expect(refusal(sheet, { out_channels: 3 })).to.equal("model.out_channels: 3 is not allowed\n  allowed  1, as in_channels");
    expect(refusal(sheet, { num_class_embeds: 4 })).to.equal(
      `model.num_class_embeds: 4 is not allowed\n  allowed  null: ${sheet} has no labels`,
    );
    expect(refusal("digits", { sample_size: 28, num_class_embeds: 4 })).to.equal(
      "model.num_class_embeds: 4 is not allowed\n  allowed  10, the classes of digits, or null",
    );
  });
});
