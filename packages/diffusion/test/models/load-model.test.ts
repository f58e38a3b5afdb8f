/** What a source holds, and networks of any kind from it. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { CheckpointError, ConfigError, openDevice, type Device } from "@fromnoise/tensor";
import { initialize, Mlp, stateDict, UNet, unetConfig, type JsonObject, type Network, type NetworkSpec } from "@fromnoise/nn";
import { encodeCheckpoint } from "../../src/models/formats/checkpoint.js";
import { checkpointFormat } from "../../src/models/formats/checkpoint-format.js";
import { configFile } from "../../src/models/formats/config-file.js";
import { diffusersFormat } from "../../src/models/formats/diffusers.js";
import { formatOf, modelFormats } from "../../src/models/model-formats.js";
import type { ModelInfo } from "../../src/models/model-format.js";
import { loadModel } from "../../src/models/load-model.js";
import { fileSource } from "../../src/models/node/file-source.js";
import { loadCheckpoint, loadModel as loadFrom } from "../../src/models/node/load.js";
import { memorySource, readJsonFile, type Source } from "../../src/models/source.js";
import type { Target } from "../../src/models/target.js";
import { thrown } from "../thrown.js";
import { temporaryFolder, tinyModel } from "../train/fixtures.js";

const folder = temporaryFolder();
const place = (...names: string[]): string => join(folder, ...names);
const all = [...modelFormats, configFile];
const bytesOf = (parts: Iterable<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat([...parts]));

const infoOf = ({ kind, config }: NetworkSpec): ModelInfo => ({
  network: { kind, config }, process: { name: "linear", timesteps: 10, betaStart: 1e-4, betaEnd: 0.02 }, prediction: "eps",
  variance: "fixed-small", clipX0: true,
});

/** A network of one's own: the MLP under another name, that counts its making. */
class Mine extends Mlp {
  override readonly spec: NetworkSpec;
  constructor(config: JsonObject) {
    super({ size: 3, hidden: [config["width"] as number] });
    this.spec = { kind: "mine", config, sample: [3], outputs: 3 };
  }
}

describe("a model from a source", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());
  const encode = async (network: Network, group: "model." | "ema." = "model."): Promise<Uint8Array> =>
    bytesOf(await encodeCheckpoint({ model: infoOf(network.spec) }, { [group]: await stateDict(network) }));

  it("may be a network of one's own kind, and is refused with a hint where the kind is not given", async () => {
    const mine = initialize(new Mine({ width: 5 }), { device, seed: 4 });
    const source = memorySource("mine", { "mine.safetensors": await encode(mine) });
    const { network } = await loadModel(source, device, { networks: { mine: (config) => new Mine(config) } });
    expect(network).to.be.instanceOf(Mine);
    expect(network.spec.config).to.deep.equal({ width: 5 });
    expect(await stateDict(network)).to.deep.equal(await stateDict(mine));
    const error = await thrown(ConfigError, loadModel(source, device));
    expect(error.message).to.equal([
      'network kind "mine" is not known', "  allowed  unet, dit, lucidrains, mlp, self-conditioned",
      '  hint     pass your own: { "mine": (config) => new YourNetwork(config) }',
    ].join("\n"));
  });

  it("is the newest of several checkpoints in memory, or the one file", async () => {
    const [first, second] = [1, 2].map((seed) => initialize(new Mlp({ size: 2, hidden: [4] }), { device, seed }));
    const [early, late] = [await encode(first), await encode(second, "ema.")];
    const run = memorySource("run", {
      "config.json": new Uint8Array(), "checkpoint-10.safetensors": late, "checkpoint-9.safetensors": early,
    });
    expect(await stateDict((await loadModel(run, device)).network)).to.deep.equal(await stateDict(second));
    const one = memorySource("", { "whatever.bin": early });
    expect(await stateDict((await loadModel(one, device)).network)).to.deep.equal(await stateDict(first));
  });

  it("may be a folder or a pipeline of diffusers in memory", async () => {
    const unet = initialize(new UNet(unetConfig(tinyModel)), { device, seed: 1 });
    const files: Record<string, Uint8Array> = {};
    const to: Target = { name: "memory", write: async (path, parts) => void (files[path] = bytesOf(parts)) };
    await diffusersFormat.write({ ...infoOf(unet.spec), tensors: await stateDict(unet) }, to);
    const flat = Object.fromEntries(Object.entries(files).filter(([name]) => name.includes("/")).map(([name, bytes]) => [name.split("/")[1], bytes]));
    for (const held of [files, flat]) {
      const { network, process, source } = await loadModel(memorySource("memory", held), device);
      expect(await stateDict(network)).to.deep.equal(await stateDict(unet));
      expect([process.levels?.length, source]).to.deep.equal([10, "memory, as diffusers wrote it"]);
    }
  });

  it("is closed whatever happens", async () => {
    const bytes = await encode(initialize(new Mlp({ size: 2, hidden: [4] }), { device, seed: 1 }));
    const files = memorySource("m", { "m.safetensors": bytes });
    let open = 0;
    const counting: Source = {
      ...files,
      open: async (path) => {
        const file = await files.open(path);
        open++;
        return { ...file, close: async () => void open-- };
      },
    };
    await loadModel(counting, device);
    expect(open).to.equal(0);
    await thrown(ConfigError, loadModel(counting, device, { networks: { mlp: () => { throw new ConfigError("no"); } } }));
    await thrown(CheckpointError, loadModel(counting, device, { weights: "ema" }));
    expect(open).to.equal(0);
  });

  it("is refused where a configuration is large beyond belief, no JSON or no object", async () => {
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    const large: Source = {
      ...memorySource("s", {}),
      open: async () => ({
        size: 2 ** 40, read: () => Promise.reject(new Error("is not to be read")), close: async () => undefined,
      }),
    };
    expect((await thrown(CheckpointError, readJsonFile(large, "config.json"))).message)
      .to.equal("s/config.json: 1099511627776 bytes are no configuration\n  allowed  up to 16777216 bytes of JSON");
    const small = memorySource("s", { "a.json": text("{"), "b.json": text("[]") });
    expect((await thrown(CheckpointError, readJsonFile(small, "a.json"))).summary).to.equal("s/a.json is not JSON");
    expect((await thrown(CheckpointError, readJsonFile(small, "b.json"))).summary).to.equal("s/b.json holds no JSON object");
    expect((await thrown(CheckpointError, readJsonFile(small, "toString"))).message)
      .to.equal("cannot read s/toString: no such file or folder");
  });
});

describe("what a path holds of a model", () => {
  const weights = "diffusion_pytorch_model.safetensors";
  before(() => {
    const files: Record<string, string> = {
      "run/checkpoint-3.safetensors": "{}", "run/checkpoint-20.safetensors": "{}", "run/config.json": "{}", "run/metrics.jsonl": "",
      [`diffusers/${weights}`]: "", [`pipeline/unet/${weights}`]: "", "pipeline/model_index.json": "{}",
      "pickle/unet/diffusion_pytorch_model.bin": "", "text": "so much text", "empty.safetensors": "",
      "file.ckpt": "\u0002\0\0\0\0\0\0\0{}", "early/config.json": "{}", "other/notes.txt": "",
      "other/deep/er/checkpoint-1.safetensors": "", "other/deep/checkpoint-1.safetensors": "", "other/checkpoint-x.safetensors": "",
    };
    for (const [name, contents] of Object.entries(files)) {
      mkdirSync(place(name, ".."), { recursive: true });
      writeFileSync(place(name), contents);
    }
    mkdirSync(place("nothing"));
  });

  const table = [
    ["run", checkpointFormat], ["run/checkpoint-3.safetensors", undefined], ["file.ckpt", checkpointFormat],
    ["diffusers", diffusersFormat], ["pipeline", diffusersFormat],
    ["pickle", diffusersFormat], ["run/config.json", configFile], ["early", configFile],
    ["nothing", undefined], ["text", undefined], ["empty.safetensors", undefined], ["other", undefined],
  ] as const;
  for (const [name, format] of table) {
    it(`is told: ${name} is ${format?.name ?? "nothing known"}`, async () => {
      const source = fileSource(place(name));
      if (format !== undefined) expect(await formatOf(source, all)).to.equal(format);
      else expect((await thrown(CheckpointError, formatOf(source, all))).summary).to.equal(`${place(name)} holds no model`);
    });
  }

  it("is refused where something else is wanted, or where there is nothing, with what was found and what is allowed", async () => {
    const message = async (name: string, wanted: Parameters<typeof formatOf>[1]): Promise<string> =>
      (await thrown(CheckpointError, formatOf(fileSource(place(name)), wanted))).message.replaceAll(folder, "");
    const [run, diffusers, torch] = ["a checkpoint or the folder of a run", "a folder as diffusers writes it", "a file of torch.save"];
    expect(await message("run", [diffusersFormat])).to.equal(`/run is ${run}\n  expected ${diffusers}`);
    expect(await message("run/config.json", modelFormats))
      .to.equal(`/run/config.json is a config.json\n  expected ${run}, or ${diffusers}, or ${torch}`);
    expect(await message("diffusers", [checkpointFormat])).to.equal(`/diffusers is ${diffusers}\n  expected ${run}`);
    expect(await message("other", modelFormats)).to.equal([
      "/other holds no model",
      "  found    checkpoint-x.safetensors, deep/checkpoint-1.safetensors, notes.txt",
      `  allowed  ${run}: checkpoint-<step>.safetensors`,
      `           ${diffusers}: model_index.json of a pipeline; or config.json and ${weights}`,
      `           ${torch}: one .pt, .pth, .ckpt or .bin`,
    ].join("\n"));
    expect(await message("nothing", [checkpointFormat])).to.contain("\n  found    no files\n");
    expect(() => fileSource(place("missing"))).to.throw(CheckpointError, `${place("missing")} does not exist`);
    expect(() => fileSource(place("text", "below")))
      .to.throw(CheckpointError, `cannot read ${place("text", "below")}\n  reason   a part of the path is a file`);
  });

  it("is read, in the folder of a run, from the newest checkpoint", async () => {
    const error = await thrown(CheckpointError, loadCheckpoint(place("run")));
    expect(error.summary).to.equal(`${place("run", "checkpoint-20.safetensors")}: not a safetensors file`);
    const device = await openDevice("reference");
    writeFileSync(place("pickle", "unet", "config.json"), "{}");
    expect((await thrown(CheckpointError, loadFrom(place("pickle"), device))).summary).to.contain("is no file of torch.save");
    await device.dispose();
  });

  it("follows links, and passes over those that lead nowhere", async () => {
    mkdirSync(place("linked"));
    symlinkSync(place("pipeline", "unet"), place("linked", "unet"));
    symlinkSync(place("gone"), place("linked", "lost"));
    expect(await fileSource(place("linked")).list()).to.deep.equal([`unet/${weights}`]);
    rmSync(place("linked"), { recursive: true });
  });
});
