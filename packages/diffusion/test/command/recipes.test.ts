import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError, Random } from "@fromnoise/tensor";
import { LucidrainsUNet, networkOf, parameterCount } from "@fromnoise/nn";
import { samplingIn } from "../../src/command/sampling-flags.js";
import { configOf } from "../../src/command/train-flags.js";
import { samplers } from "../../src/samplers/index.js";
import { pathOf } from "../../src/samplers/run.js";
import { encodePng } from "../../src/image/node/index.js";
import { lossWeight } from "../../src/losses/weighting.js";
import { loadCheckpoint } from "../../src/models/node/load.js";
import { processOf } from "../../src/process/named.js";
import { makeSchedule } from "../../src/process/schedules.js";
import { lrSchedule, trainConfig, trainDefaults, type TrainConfig } from "../../src/train/config.js";
import { networkSpec } from "../../src/train/model-fields.js";
import { recipes } from "../../src/train/recipes.js";
import { temporaryFolder } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const photos = join(folder, "photos");
mkdirSync(photos);
for (let k = 0; k < 5; k++) {
  const data = Uint8Array.from(new Random(k).integers(16 * 12 * 3, 256));
  writeFileSync(join(photos, `${k}.png`), encodePng({ width: 16, height: 12, channels: 3, data }));
}
const configWith = (flags: Record<string, unknown>): TrainConfig =>
  configOf(new Map(Object.entries({ recipe: "lucidrains", data: photos, ...flags })));

describe("recipes", () => {
  it("are partial configurations that hold", () => {
    for (const { config } of recipes) trainConfig(config);
  });

  it("lucidrains is the program's defaults, on the network of its README in the size of the data", () => {
    const config = configWith({ size: 8 });
    expect(config).to.deep.equal({
      ...trainDefaults,
      data: photos, holdOut: 0, flip: true,
      model: { kind: "lucidrains", config: { era: "1.8", dim: 64, dim_mults: [1, 2, 4, 8], image_size: 8, channels: 3 } },
      schedule: { ...trainDefaults.schedule, name: "sigmoid", timesteps: 1000 },
      prediction: "v", loss: "mse", weighting: "snr", steps: 100000, batch: 16, accumulate: 1,
      optimizer: { lr: 1e-4, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 }, gradClip: 1,
      lrSchedule: { name: "constant", warmup: 0 },
      ema: { decay: 0.995, warmup: "ema-pytorch", power: 2 / 3, invGamma: 1, every: 10, start: 100 },
      sampling: { variance: "fixed-small", clipX0: true }, checkpointEvery: 1000, previewEvery: 1000, previewImages: 25,
    });
    expect([0, 1, 99999].map(lrSchedule(config))).to.deep.equal([1e-4, 1e-4, 1e-4]);
    const { config: model } = networkSpec(config.model);
    expect(new LucidrainsUNet(model).spec).to.deep.include({ kind: "lucidrains", sample: [8, 8, 3], outputs: 3 });
  });

  it("lucidrains weighs v as the program does: by SNR / (SNR + 1)", () => {
    const { schedule, prediction, weighting } = configWith({ size: 8 });
    const process = processOf(schedule);
    const { alphaBar } = makeSchedule({ name: "sigmoid", timesteps: 1000 });
    for (const t of [0, 1, 500, 998, 999]) {
      const snr = alphaBar[t] / (1 - alphaBar[t]);
      expect(lossWeight(process.levels![t], prediction as "v", weighting)).to.be.closeTo(snr / (snr + 1), 1e-12);
    }
  });

  it("give way to a file, and both to flags", () => {
    const file = join(folder, "config.json");
    writeFileSync(file, JSON.stringify({ batch: 4, ema: { every: 3 }, optimizer: { lr: 1e-3 } }));
    const config = configWith({ size: 8, config: file, lr: 2e-3, schedule: "cosine" });
    expect(config).to.deep.include({ batch: 4, flip: true, optimizer: { lr: 2e-3, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 } });
    expect(config.ema).to.deep.include({ every: 3, start: 100, decay: 0.995 });
    expect(config.schedule).to.deep.include({ name: "cosine", timesteps: 1000 });
  });

  it("take the flags of a network where it has them, and another network whole", () => {
    const modelOf = (flags: Record<string, unknown>): unknown => configWith({ size: 16, ...flags }).model;
    expect(modelOf({ width: [8], era: "2.0", "self-condition": true, channels: 1 })).to.deep.equal({
      kind: "lucidrains", config: { era: "2.0", dim: 8, dim_mults: [1, 2, 4, 8], image_size: 16, channels: 1, self_condition: true },
    });
    expect(modelOf({ loss: "hybrid", prediction: "eps" })).to.have.nested.property("config.learned_variance", true);
    expect(modelOf({ network: "dit" })).to.deep.equal({ kind: "dit", config: { sample_size: 16, channels: 3 } });
    expect(modelOf({ network: "unet" })).to.include({ sample_size: 16, in_channels: 3 });
    const digits = configOf(new Map<string, unknown>([["network", "lucidrains"], ["size", 16], ["width", [8]]]));
    expect(digits).to.include({ batch: 32, prediction: "eps" });
    expect(digits.model).to.deep.equal({ kind: "lucidrains", config: { era: "1.8", dim: 8, image_size: 16, channels: 1 } });
    const refused: [flags: Record<string, unknown>, message: string][] = [
      [{ layers: 1 }, '--layers is not for this network\n  model    of kind "lucidrains"'],
      [{ classes: true }, "--classes is not for this network"],
      [{ heads: 2 }, "--heads is not for this network"],
      [{ width: [8, 16] }, "--width: 8,16 is not allowed\n  allowed  one number for lucidrains' U-Net, its dim"],
      [{ network: "dit", era: "1.8" }, "--era is not for this network"],
    ];
    for (const [flags, message] of refused) expect(() => modelOf(flags)).to.throw(ConfigError, message);
  });

  it("are for images of one's own where they say so, and have sizes that fit into what is shipped elsewhere", () => {
    const asked = (flags: Record<string, unknown>): TrainConfig => configOf(new Map(Object.entries(flags)));
    for (const { name, ownData, config } of recipes) {
      if (ownData === true) {
        expect(() => asked({ recipe: name })).to.throw(ConfigError, `--data is missing: the recipe ${name} is for images of one's own`);
        expect(asked({ recipe: name, data: photos }).data).to.equal(photos);
        continue;
      }
      const { data, model, labelDrop } = asked({ recipe: name });
      expect(data).to.equal(config.data ?? "digits");
      if (config.data === undefined) continue;
      const network = networkOf(networkSpec(model));
      expect(2 * parameterCount(network), name).to.be.below(name === "digits-16" ? 370_000 : 3_900_000);
      expect(network.spec.nullClass !== undefined).to.equal(labelDrop > 0);
      const { sampler, options } = samplingIn(new Map(), name);
      expect(() => pathOf(sampler, processOf(asked({ recipe: name }).schedule), options)).to.not.throw();
    }
    expect(() => asked({ recipe: "digits", preset: "lucidrains" })).to.throw(ConfigError, "--recipe and --preset are the same");
    expect(asked({ preset: "faces" })).to.deep.equal(asked({ recipe: "faces" }));
    expect(asked({ recipe: "lucidrains-celeba", data: photos })).to.deep.include({ loss: "l1", batch: 32, accumulate: 2, steps: 700000 });
    expect(asked({ recipe: "faces", steps: 5, "label-drop": 0 })).to.deep.include({ steps: 5, data: "faces" });
  });

  it("say how their samples are drawn, under flags", () => {
    const drawn = (flags: Record<string, unknown>, recipe?: string): object => {
      const { sampler: { name }, options, guidance } = samplingIn(new Map(Object.entries(flags)), recipe);
      return { name, options, guidance };
    };
    expect(drawn({})).to.deep.equal({ name: samplers[0].name, options: {}, guidance: undefined });
    const { sampling } = recipes.find(({ name }) => name === "digits-guided")!;
    expect(drawn({}, "digits-guided")).to.deep.equal({ name: sampling!.sampler, options: sampling!.options, guidance: sampling!.guidance });
    expect(drawn({ steps: 7, guidance: 3 }, "digits-guided")).to.deep.include({ options: { ...sampling!.options, steps: 7 }, guidance: { scale: 3 } });
    expect(drawn({ sampler: "heun" }, "digits-guided")).to.deep.equal({ name: "heun", options: {}, guidance: sampling!.guidance });
    expect(() => drawn({ sampler: "euler", eta: 1 }, "digits")).to.throw(ConfigError, "--eta means nothing to the euler sampler");
  });

  it("train, resume and sample as any other run", async () => {
    const out = join(folder, "run");
    const succeeds = async (...argv: string[]): Promise<string> => {
      const { code, out: printed, err } = await fromnoise(...argv);
      expect(code, err).to.equal(0);
      return printed;
    };
    await succeeds(
      "train", "--preset", "lucidrains", "--data", photos, "--size", "8", "--width", "8", "--batch", "2", "--timesteps", "20",
      "--steps", "2", "--preview-images", "4", "--preview-every", "2", "--device", "wasm:threads=1", "--out", out,
    );
    await succeeds("train", "--out", out, "--resume", "--steps", "3");
    const { info: { model, position, training } } = await loadCheckpoint(out);
    expect([position!.step, training!.ema.warmup, model.network.kind]).to.deep.equal([3, "ema-pytorch", "lucidrains"]);
    expect(await succeeds("inspect", out, "--layers")).to.contain("downs.0.2.to_qkv");
    expect(await succeeds("sample", out, "--count", "1", "--steps", "2", "--out", join(folder, "samples"))).to.contain("wrote 1 image");
    const { code, err } = await fromnoise("train", "--out", out, "--resume", "--recipe", "lucidrains");
    expect([code, err.split("\n")[0]]).to.deep.equal([2, "ConfigError: --recipe cannot change when a run is resumed"]);
    const odd = await fromnoise("train", "--preset", "lucidrains", "--data", photos, "--size", "12", "--width", "8", "--out", join(folder, "odd"));
    expect(odd.err).to.contain(
      "model.image_size: 12 is not allowed\n  allowed  multiples of 8, as the 4 levels halve the image 3 times");
  });
});
