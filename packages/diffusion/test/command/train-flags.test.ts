import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError } from "@fromnoise/tensor";
import { Dit, networkOf, type DitOptions, type NetworkSpec } from "@fromnoise/nn";
import { configOf } from "../../src/command/train-flags.js";
import { loadCheckpoint } from "../../src/models/node/load.js";
import { temporaryFolder, writeSheet } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const modelOf = (flags: Record<string, unknown>): unknown => configOf(new Map(Object.entries(flags))).model;
const refusal = (flags: Record<string, unknown>): string => {
  try {
    modelOf(flags);
    return "taken";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
};
const file = (name: string, value: object): string => {
  writeFileSync(join(folder, name), JSON.stringify(value));
  return join(folder, name);
};

describe("the network that the flags of train make", () => {
  it("is a small DiT in the data's size and channels, with the flags on top", () => {
    expect(modelOf({ network: "dit" })).to.deep.equal({ kind: "dit", config: { sample_size: 28, channels: 1 } });
    const flags = { network: "dit", size: 16, channels: 3, width: [32], layers: 2, patch: 4, heads: 2, classes: true };
    expect(modelOf(flags)).to.deep.equal({
      kind: "dit", config: { sample_size: 16, channels: 3, width: 32, depth: 2, patch: 4, heads: 2, classes: 10, nullClass: false },
    });
    expect(modelOf({ network: "unet", size: 16 })).to.deep.equal(modelOf({ size: 16 }));
    expect(modelOf({ patch: 2 })).to.deep.equal({ ...modelOf({}) as object, _patch_size: 2 });
  });

  it("takes the flags on top of a file, flat or by its kind", () => {
    const dit = { kind: "dit", config: { sample_size: 8, channels: 1, depth: 3, classes: 10 } };
    const model = file("dit.json", dit);
    expect(modelOf({ model })).to.deep.equal(dit);
    expect(modelOf({ model, network: "dit", heads: 2, classes: false })).to.deep.equal(
      { kind: "dit", config: { ...dit.config, heads: 2, classes: null, nullClass: false } });
    expect(modelOf({ config: file("run.json", { model: dit }), layers: 1 })).to.deep.equal(
      { kind: "dit", config: { ...dit.config, depth: 1 } });
    const unet = { sample_size: 8, in_channels: 1, out_channels: 1, block_out_channels: [32, 32, 32, 32] };
    const flat = modelOf({ model: file("flat.json", unet), size: 16 });
    expect(flat).to.deep.equal({ ...unet, sample_size: 16 });
    expect(modelOf({ model: file("kind.json", { kind: "unet", config: unet }), size: 16 })).to.deep.equal(flat);
  });

  it("has a null class where labels are hidden in training", () => {
    const hidden = { classes: true, labelDrop: 0.1, "label-drop": 0.1, size: 16 };
    expect(modelOf({ ...hidden, network: "dit" })).to.deep.include(
      { config: { sample_size: 16, channels: 1, classes: 10, nullClass: true } });
    expect(modelOf(hidden)).to.deep.include({ num_class_embeds: 11, _null_class: true });
    expect(modelOf({ classes: true })).to.deep.include({ num_class_embeds: 10 }).and.not.have.property("_null_class");
    const model = file("null.json", { ...modelOf(hidden) as object });
    expect(modelOf({ model, classes: false })).to.deep.include({ num_class_embeds: null }).and.not.have.property("_null_class");
  });

  it("has room for its own guess of x0 where it is to be told it", () => {
    const network = (flags: object): unknown => modelOf({ size: 16, selfCondition: true, "self-condition": true, ...flags });
    expect(network({ network: "dit" })).to.deep.equal({
      kind: "self-conditioned", config: { network: { kind: "dit", config: { sample_size: 16, channels: 2, outputs: 1 } } },
    });
    const { kind, config } = network({}) as Pick<NetworkSpec, "kind" | "config">;
    expect(networkOf({ kind, config }).spec).to.deep.include(
      { kind: "self-conditioned", sample: [16, 16, 1], outputs: 1, selfCondition: true });
  });

  it("refuses flags that are not for it", () => {
    expect(refusal({ network: "unet", heads: 2 })).to.equal('--heads is not for this network\n  model    of kind "unet"');
    expect(refusal({ network: "lucidrains", patch: 2 })).to.equal('--patch is not for this network\n  model    of kind "lucidrains"');
    expect(refusal({ model: file("u.json", { sample_size: 8 }), network: "dit" })).to.match(/^--network is not for this network/);
    expect(refusal({ model: file("mlp.json", { kind: "mlp", config: { size: 2, hidden: [4] } }), size: 8 })).to.equal(
      '--size is not for this network\n  model    of kind "mlp"');
    expect(refusal({ network: "dit", width: [8, 16] })).to.equal("--width: 8,16 is not allowed\n  allowed  one number for a DiT");
    expect(refusal({ network: "dit", patch: 3 })).to.match(/^DiT config: patch 3 does not divide sample_size 28/);
  });

  const succeeds = async (...argv: string[]): Promise<string> => {
    const { code, out, err } = await fromnoise(...argv);
    expect(code, err).to.equal(0);
    return out;
  };

  it("trains, goes on, is inspected, sampled and averaged as any other", async () => {
    const run = join(folder, "run");
    await succeeds(
      "train", "--network", "dit", "--data", writeSheet(folder), "--self-condition", "--width", "8", "--layers", "2",
      "--heads", "2", "--patch", "4", "--steps", "2", "--batch", "2", "--device", "reference", "--preview-every", "2", "--timesteps", "20", "--out", run,
    );
    await succeeds("train", "--out", run, "--resume", "--steps", "3");
    const { info: { model, position } } = await loadCheckpoint(run);
    expect(model.network.kind).to.equal("self-conditioned");
    const { config } = model.network.config["network"] as { config: DitOptions };
    expect(new Dit(config).config).to.deep.include(
      { sample_size: 8, channels: 2, outputs: 1, patch: 4, width: 8, depth: 2, heads: 2 });
    expect(position!.step).to.equal(3);
    expect(await succeeds("inspect", run, "--layers")).to.contain("blocks.1.mlp.fc2");
    const samples = ["--count", "2", "--steps", "2", "--device", "reference", "--out", join(folder, "samples")];
    expect(await succeeds("sample", run, ...samples)).to.contain("wrote 2 images");
    const { code, err } = await fromnoise("export", run, "--out", join(folder, "out"));
    expect([code, err]).to.deep.equal([2, 'ConfigError: diffusers has no network of kind "self-conditioned"\n  allowed  unet']);
  });

  it("is guided in samples where it has a null class", async () => {
    const train = (out: string, ...more: string[]): Promise<string> => succeeds(
      "train", "--size", "8", "--width", "4,8", "--classes", "--steps", "1", "--batch", "2", "--preview-every", "0", "--timesteps", "10",
      "--device", "reference", "--init", "pytorch", "--out", join(folder, out), ...more,
    );
    await train("hidden", "--label-drop", "0.5");
    await train("told");
    const sample = (run: string, ...more: string[]): ReturnType<typeof fromnoise> => fromnoise(
      "sample", join(folder, run), "--count", "2", "--steps", "2", "--device", "reference", "--out", join(folder, "guided"), ...more);
    const image = async (...more: string[]): Promise<string> => {
      const { code, err } = await sample("hidden", ...more);
      expect(code, err).to.equal(0);
      return readFileSync(join(folder, "guided", "samples.png"), "base64");
    };
    const plain = await image();
    expect(await image("--guidance", "1")).to.equal(plain);
    const all = ["--guidance", "30", "--guidance-rescale", "0.5", "--guidance-interval", "-20,20"];
    expect(await image(...all)).to.not.equal(plain);
    expect(await image("--guidance", "30", "--guidance-interval", "19,20")).to.equal(plain);
    expect((await sample("told", "--guidance", "2")).err).to.contain(
      "guidance is for networks with a null class\n  network  unet, 10 classes");
    expect((await sample("hidden", "--guidance-rescale", "0.5")).err).to.contain("--guidance-rescale means nothing without --guidance");
  });
});
