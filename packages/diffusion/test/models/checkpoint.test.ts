import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { CheckpointError, NumericError, openDevice, type Device } from "@fromnoise/tensor";
import {
  encodeSafetensors, initialize, loadSafetensors, Mlp, readSafetensorsHeader, saveSafetensors, stateDict, tensorDigest,
  type Network, type StateDict,
} from "@fromnoise/nn";
import { encodeCheckpoint, readCheckpoint, writeCheckpoint, type CheckpointGroups } from "../../src/models/formats/checkpoint.js";
import { checkpointFormat } from "../../src/models/formats/checkpoint-format.js";
import type { ModelInfo } from "../../src/models/model-format.js";
import { loadModel } from "../../src/models/load-model.js";
import { loadCheckpoint, loadModel as loadFrom } from "../../src/models/node/load.js";
import { memorySource } from "../../src/models/source.js";
import { restoreTrainer, saveCheckpoint } from "../../src/train/checkpoint.js";
import { trainRun } from "../../src/train/node/run.js";
import { Trainer } from "../../src/train/trainer.js";
import { thrown } from "../thrown.js";
import { temporaryFolder, tinyConfig, tinyDataset } from "../train/fixtures.js";

const folder = temporaryFolder();
const place = (name: string): string => join(folder, name);

describe("a checkpoint of format 2", () => {
  let device: Device;
  let trainer: Trainer;
  const path = place("whole.safetensors");
  before(async () => {
    device = await openDevice("reference");
    trainer = new Trainer(tinyConfig({
      data: "tiny", flip: true, prediction: "v", gradClip: 0.5, seed: 3, sampling: { variance: "fixed-large", clipX0: false },
      schedule: { name: "quad", timesteps: 30, betaStart: 2e-4, betaEnd: 0.03 }, ema: { decay: 0.9, every: 2, start: 1 },
    }), device, tinyDataset);
    await trainer.trainStep();
    await saveCheckpoint(path, trainer);
  });
  after(() => device.dispose());

  const metadata = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await loadSafetensors(path, { filter: () => false })).metadata["fromnoise"]) as Record<string, unknown>;

  /** Writes the checkpoint with parts of its JSON string replaced, "model/prediction", and gives the error of reading it. */
  async function refusal(changes: Readonly<Record<string, unknown>>): Promise<CheckpointError> {
    const said = await metadata();
    for (const [where, value] of Object.entries(changes)) {
      const names = where.split("/");
      const within = names.slice(0, -1).reduce((part, name) => part[name] as Record<string, unknown>, said);
      within[names.at(-1)!] = value;                                                           // undefined is no JSON: it goes
    }
    const file = place("changed.safetensors");
    await saveSafetensors(file, (await loadSafetensors(path)).tensors, { fromnoise: JSON.stringify(said) });
    const error = await thrown(CheckpointError, loadCheckpoint(file, () => false));
    expect(error.summary.startsWith(file)).to.equal(true);
    return new CheckpointError(error.summary.slice(file.length), error.details);
  }

  it("gives back the configuration, the position and every tensor", async () => {
    const { info, tensors } = await loadCheckpoint(path);
    const { network: unet, ema, optimizer: { m, v } } = trainer;
    expect(info.training).to.deep.equal({ ...trainer.config, model: unet.spec.config });
    expect(info.position).to.deep.equal(trainer.position());
    const groups = [
      ["model.", unet, undefined], ["ema.", ema.network, undefined], ["adam.m.", unet, m], ["adam.v.", unet, v],
    ] as const;
    const held: StateDict = new Map();
    for (const [prefix, network, of] of groups) {
      for (const [name, entry] of await stateDict(network, of)) held.set(prefix + name, entry);
    }
    expect([...tensors.keys()].sort()).to.deep.equal([...held.keys()].sort());
    for (const [name, { shape, data }] of held) expect(tensors.get(name), name).to.deep.equal({ shape, data, dtype: "F32" });
  });

  it("says everything once, and the SHA-256 of each tensor", async () => {
    const { format, model, training, position, digests, ...rest } = await metadata();
    expect(format).to.equal("fromnoise-checkpoint-2");
    expect(rest).to.deep.equal({});
    expect(model).to.deep.equal({
      network: { kind: "unet", config: JSON.parse(JSON.stringify(trainer.network.spec.config)) as object },
      process: { name: "quad", timesteps: 30, betaStart: 2e-4, betaEnd: 0.03, zeroTerminalSnr: false, logSnrShift: 0, sigmaData: 0.5, timeScale: 1 },
      prediction: "v", variance: "fixed-large", clipX0: false,
    });
    const { model: _model, schedule: _schedule, prediction: _prediction, sampling: _sampling, ...own } = trainer.config;
    expect(training).to.deep.equal(own);
    expect(position).to.deep.equal(trainer.position());
    const { tensors } = await loadSafetensors(path);
    const made: Record<string, string> = {};
    for (const [name, tensor] of tensors) made[name] = await tensorDigest(tensor);
    expect(digests).to.deep.equal(made);
  });

  it("is refused with one bit of one tensor flipped, by name, and not where that tensor is not read", async () => {
    const bytes = readFileSync(path);
    const { tensors } = await readSafetensorsHeader(bytes);
    const file = place("flipped.safetensors");
    for (const name of ["ema.conv_in.weight", "adam.v.conv_out.bias"]) {
      const flipped = Uint8Array.from(bytes);
      flipped[tensors.get(name)!.end - 1] ^= 1;
      writeFileSync(file, flipped);
      const error = await thrown(CheckpointError, loadCheckpoint(file));
      expect(error.summary).to.equal(`${file}: tensor "${name}" is damaged: its bytes are not those that were saved`);
      expect(error.details.at(-1)).to.equal("hint     copy the file again, or take an earlier one");
      await loadCheckpoint(file, (other) => other !== name);
    }
    await loadFrom(file, device);                                                              // reads the averages alone
  });

  it("is refused where a digest is missing, or belongs to nothing", async () => {
    expect((await refusal({ "digests/ema.conv_in.bias": undefined, "digests/ema.conv_in.biases": "00" })).message).to.equal([
      ": the digests are not those of its tensors: 1 missing, 1 extra",
      "  missing    ema.conv_in.bias", "  extra      ema.conv_in.biases",
    ].join("\n"));
    expect((await refusal({ "digests/ema.conv_in.bias": null })).summary).to.contain("1 missing, 0 extra");
  });

  const refused: [changes: Record<string, unknown>, message: string][] = [
    [{ format: "fromnoise-checkpoint-3" }, ' has the format "fromnoise-checkpoint-3"'],
    [{ format: "constructor" }, ' has the format "constructor"'],
    ...[
      "model", "digests", "model/network", "model/network/kind", "model/network/config", "model/prediction", "model/clipX0",
      "model/process", "model/process/name", "training", "position",
    ].map((name): [Record<string, unknown>, string] =>
      [{ [name]: undefined }, `: __metadata__.fromnoise has no ${name.replaceAll("/", ".")}`]),
    [{ "position/step": undefined }, ": position.step is missing"],
    [{ "position/step": -1 }, ": position.step is -1"],
    [{ "position/data": 0.5 }, ": position.data is 0.5"],
    [{ "position/random": null }, ": position.random is null"],
    [{ "position/random/noise": [1] }, ": position.random.noise is [1]"],
    [{ "position/losses": [[1], ["x"]] }, ': position.losses is [[1],["x"]]'],
    [{ "model/prediction": "noise" }, ' holds a configuration that is none: prediction: "noise" is not allowed'],
    [{ "model/clip": 1 }, " holds a configuration that is none: model: there is no field clip"],
    [{ "model/process/timesteps": 0 }, " holds a configuration that is none: process.timesteps: 0 is not allowed"],
    [{ "training/batch": 0 }, " holds a configuration that is none: batch: 0 is not allowed"],
  ];
  for (const [changes, message] of refused) {
    it(`is refused with ${Object.entries(changes).flat().map((part) => JSON.stringify(part)).join(": ")}`, async () => {
      expect((await refusal(changes)).summary).to.equal(message);
    });
  }
});

describe("a model alone in a checkpoint", () => {
  let device: Device;
  let network: Network;
  before(async () => {
    device = await openDevice("reference");
    network = initialize(new Mlp({ size: 2, hidden: [8] }), { device, seed: 1 });
  });
  after(() => device.dispose());

  const infoOf = ({ spec }: Network): { model: ModelInfo } => ({
    model: {
      network: spec, process: { name: "cosine", timesteps: 20, betaStart: 1e-4, betaEnd: 0.02, zeroTerminalSnr: false },
      prediction: "x0", variance: "fixed-small", clipX0: false,
    },
  });

  for (const group of ["model.", "ema."] as const) {
    it(`of ${group}* tensors is loaded, from memory and from a file`, async () => {
      const encoded = await encodeCheckpoint(infoOf(network), { [group]: await stateDict(network) });
      const bytes = new Uint8Array(Buffer.concat([...encoded]));
      const source = memorySource("memory", { "mine.safetensors": bytes });
      const back = await loadModel(source, device);
      expect(await stateDict(back.network)).to.deep.equal(await stateDict(network));
      expect(back.network.spec).to.deep.equal(network.spec);
      expect(back).to.include({ prediction: "x0", variance: "fixed-small", clipX0: false });
      expect([back.process.name, back.process.levels?.length]).to.deep.equal(["cosine", 20]);
      expect(back.source).to.equal(`memory/mine.safetensors, ${group === "ema." ? "averaged" : "raw"} weights`);
      const file = place(`${group}safetensors`);
      writeFileSync(file, bytes);
      expect(await stateDict((await loadFrom(file, device)).network)).to.deep.equal(await stateDict(network));
      const other = group === "ema." ? "model" : "ema";
      const error = await thrown(CheckpointError, loadModel(source, device, { weights: other }));
      expect(error.message).to.equal(`memory/mine.safetensors holds no tensors ${other}.*\n  found    ${group}*`);
    });
  }

  it("is no run to be resumed", async () => {
    const file = place("checkpoint-4.safetensors");
    await writeCheckpoint(file, infoOf(network), { "model.": await stateDict(network) });
    const message = `${file} holds a model alone, no run that could be resumed\n  hint     it can be sampled`;
    const trainer = new Trainer(tinyConfig({ data: "tiny" }), device, tinyDataset);
    const before = await stateDict(trainer.network);
    expect((await thrown(CheckpointError, loadCheckpoint(file).then((checkpoint) => restoreTrainer(trainer, checkpoint)))).message)
      .to.equal(message);
    expect(await stateDict(trainer.network)).to.deep.equal(before);
    expect((await thrown(CheckpointError, trainRun({ start: { resume: {} }, out: folder }))).message).to.equal(message);
  });

  it("is not saved with a value that is not finite", async () => {
    const tensors = new Map([...await stateDict(network)].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
    tensors.get("input.bias")!.data[1] = NaN;
    const file = place("nan.safetensors");
    const error = await thrown(NumericError, writeCheckpoint(file, infoOf(network), { "model.": tensors }));
    expect(error.message).to.equal("model.input.bias is not finite, so it is not saved\n  element 1 of 8 is NaN");
    expect(existsSync(file)).to.equal(false);
  });

  it("in half precision is rounded to the nearest, and refused where it would be infinite", async () => {
    const tensors = new Map([...await stateDict(network)].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
    const { data } = tensors.get("input.bias")!;
    data.set([1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, -65519.9]);                        // two halfway between neighbours, two at the edge
    const bytes = new Uint8Array(Buffer.concat([...await encodeCheckpoint(infoOf(network), { "ema.": tensors }, { half: true })]));
    const back = await loadModel(memorySource("memory", { "half.safetensors": bytes }), device);
    const { data: found } = (await stateDict(back.network)).get("input.bias")!;
    expect([...found.slice(0, 4)]).to.deep.equal([1, 1 + 2 ** -9, 65504, -65504]);
    data[1] = 65520;
    const error = await thrown(NumericError, encodeCheckpoint(infoOf(network), { "ema.": tensors }, { half: true }));
    expect(error.message).to.equal("ema.input.bias is too large for half precision, so it is not saved\n  element 1 of 8 is 65520");
  });

  it("may be an average of a run, and says what its maker tells of it", async () => {
    const { model } = infoOf(network), training = tinyConfig({ data: "tiny" });
    const source = async (changes: object): Promise<ReturnType<typeof memorySource>> => {
      const encoded = await encodeCheckpoint({ model, training, average: { step: 4, length: 0.1 }, ...changes }, { "ema.": await stateDict(network) });
      return memorySource("memory", { "average.safetensors": new Uint8Array(Buffer.concat([...encoded])) });
    };
    const told = await checkpointFormat.describe(await source({ facts: { frechet: 2.5 } }));
    expect([told.step, told.facts["average"], told.facts["frechet"]]).to.deep.equal([4, { step: 4, length: 0.1 }, 2.5]);
    expect((await loadModel(await source({}), device)).source).to.equal("memory/average.safetensors, step 4, average of length 0.1");
    expect((await loadModel(await source({ average: { step: 4 } }), device)).source).to.equal("memory/average.safetensors, step 4, averaged weights");
    for (const average of [{ length: 0.1 }, { step: -1 }, { step: 1, length: 0.5 }, 3, null]) {
      const error = await thrown(CheckpointError, source({ average }).then((from) => loadModel(from, device)));
      expect(error.summary).to.equal(`memory/average.safetensors: average is ${JSON.stringify(average)}`);
    }
  });

  it("is refused without a tensor of a group, and leaves nothing on the device where one is missing", async () => {
    const tensors = await stateDict(network);
    const bytesOf = (parts: Iterable<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat([...parts]));
    const encode = async (groups: CheckpointGroups): Promise<Uint8Array> => bytesOf(await encodeCheckpoint(infoOf(network), groups));
    const empty = memorySource("memory", { "m.safetensors": await encode({}) });
    expect((await thrown(CheckpointError, loadModel(empty, device))).message)
      .to.equal("memory/m.safetensors holds no tensors model.*\n  found    0 tensors of other names");
    const { tensors: before } = device.memory();
    const short = memorySource("memory", { "m.safetensors": await encode({ "ema.": new Map([...tensors].slice(1)) }) });
    expect((await thrown(CheckpointError, loadModel(short, device))).message)
      .to.match(/^memory\/m\.safetensors, averaged weights: the state dict does not fit the model: 1 missing/);
    expect(device.memory().tensors).to.equal(before);
    const foreign = memorySource("memory", { "m.safetensors": bytesOf(encodeSafetensors(tensors)) });
    expect((await thrown(CheckpointError, readCheckpoint(foreign))).summary)
      .to.equal("memory/m.safetensors is no checkpoint of fromnoise");
  });
});
