import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { CheckpointError, ConfigError, openDevice } from "@fromnoise/tensor";
import { initialize, saveSafetensors, stateDict, UNet, unetConfig, type StateDict } from "@fromnoise/nn";
import { diffusersFormat } from "../../src/models/formats/diffusers.js";
import type { ModelFile, ModelInfo } from "../../src/models/model-format.js";
import { fileSource, folderTarget } from "../../src/models/node/file-source.js";
import { loadModel } from "../../src/models/node/load.js";
import { makeSchedule, SCHEDULE_NAMES } from "../../src/process/schedules.js";
import { thrown } from "../thrown.js";
import { temporaryFolder, tinyModel } from "../train/fixtures.js";

const folder = temporaryFolder();
const WEIGHTS = "unet/diffusion_pytorch_model.safetensors";
const SCHEDULER = "scheduler/scheduler_config.json";
let made = 0;

describe("a folder as diffusers writes it", () => {
  let tensors: StateDict;
  const config = unetConfig(tinyModel);
  const model: ModelInfo = {
    network: { kind: "unet", config: { ...config } }, process: { name: "linear", timesteps: 30, betaStart: 2e-4, betaEnd: 0.03, zeroTerminalSnr: false },
    prediction: "eps", variance: "fixed-small", clipX0: true,
  };
  before(async () => {
    const device = await openDevice("reference");
    tensors = await stateDict(initialize(new UNet(config), { device, seed: 1 }));
    await device.dispose();
  });

  /** A new folder, its scheduler's fields replaced by others where given. */
  async function write(changes: Partial<ModelInfo> = {}, fields?: Record<string, unknown>): Promise<string> {
    const path = join(folder, `model-${++made}`);
    await diffusersFormat.write({ ...model, tensors, ...changes }, folderTarget(path));
    if (fields !== undefined) writeFileSync(join(path, SCHEDULER), JSON.stringify(fields));
    return path;
  }

  const read = async (path: string): Promise<ModelFile> => diffusersFormat.read(fileSource(path));

  for (const name of SCHEDULE_NAMES) {
    it(`brings back network, tensors and scheduler with the schedule ${name}, betas in diffusers' terms`, async () => {
      const process = { ...model.process, name, timesteps: 40 };
      const path = await write({ process, prediction: "x0", variance: "fixed-large", clipX0: false });
      const back = await read(path);
      const plain = (dict: ModelFile["tensors"]): unknown[] => [...dict].map(
        ([key, { shape, data }]) => [key, shape, data],
      ).sort();
      expect(plain(back.tensors)).to.deep.equal(plain(tensors));
      expect({ ...back, tensors: 0 }).to.deep.equal({
        network: model.network, process, prediction: "x0", variance: "fixed-large", clipX0: false, tensors: 0,
        source: `${path}, as diffusers wrote it`,
      });
      const fields = JSON.parse(readFileSync(join(path, SCHEDULER), "utf8")) as Record<string, unknown>;
      const known: Record<string, string> = { linear: "linear", quad: "scaled_linear", cosine: "squaredcos_cap_v2" };
      if (name in known) expect(fields).to.include({ beta_schedule: known[name], trained_betas: null });
      else expect(fields["trained_betas"]).to.deep.equal(Array.from(makeSchedule(process).betas));
    });
  }

  it("has a variance learned in a range as diffusers has it, and none that is learned freely: there it is no logarithm", async () => {
    const path = await write({ variance: "learned-range" });
    expect(JSON.parse(readFileSync(join(path, SCHEDULER), "utf8"))).to.include({ variance_type: "learned_range" });
    expect((await read(path)).variance).to.equal("learned-range");
    const error = await thrown(ConfigError, write({ variance: "learned" }));
    expect(error.message).to.equal("diffusers' DDPMScheduler has no variance learned\n  allowed  fixed-small, fixed-large, learned-range");
  });

  it("reads the scheduler of google/ddpm-cifar10-32, whose config has no fields of later versions", async () => {
    const path = await write({}, {
      _class_name: "DDPMScheduler", _diffusers_version: "0.1.1", beta_end: 0.02, beta_schedule: "linear",
      beta_start: 0.0001, clip_sample: true,
      num_train_timesteps: 1000, trained_betas: null, variance_type: "fixed_large",
    });
    const { process, prediction, variance, clipX0 } = await read(path);
    expect({ process, prediction, variance, clipX0 }).to.deep.equal({
      process: { name: "linear", timesteps: 1000, betaStart: 1e-4, betaEnd: 0.02, zeroTerminalSnr: false }, prediction: "eps",
      variance: "fixed-large", clipX0: true,
    });
  });

  it("reads and writes betas rescaled to end without signal, under diffusers' field where it has the schedule's name", async () => {
    const read1 = await read(await write({}, { rescale_betas_zero_snr: true, prediction_type: "v_prediction", beta_schedule: "linear" }));
    expect([read1.process.zeroTerminalSnr, read1.prediction]).to.deep.equal([true, "v"]);
    for (const name of ["quad", "sigmoid"] as const) {
      const process = { ...model.process, name, zeroTerminalSnr: true };
      const path = await write({ process, prediction: "v" });
      expect((await read(path)).process).to.deep.equal(process);
      const fields = JSON.parse(readFileSync(join(path, SCHEDULER), "utf8")) as Record<string, unknown>;
      expect(fields["rescale_betas_zero_snr"]).to.equal(name === "quad");
      if (name === "sigmoid") expect(fields["trained_betas"]).to.deep.equal(Array.from(makeSchedule(process).betas));
    }
  });

  it("takes diffusers' defaults where there is no scheduler", async () => {
    const path = await write();
    rmSync(join(path, SCHEDULER));
    const { process, prediction, source } = await read(path);
    expect(source).to.equal(`${path}, as diffusers wrote it, without a scheduler: DDPMScheduler's defaults`);
    expect([process.name, process.timesteps, process.betaStart, process.betaEnd, prediction]).to.deep.equal(
      ["linear", 1000, 1e-4, 0.02, "eps"],
    );
  });

  it("is also its three files in one folder, or without model_index.json", async () => {
    const [path, flat] = [await write(), join(folder, "flat")];
    mkdirSync(flat);
    expect(await diffusersFormat.detect(fileSource(flat))).to.equal(false);
    rmSync(join(path, "model_index.json"));
    expect((await read(path)).tensors.size).to.equal(tensors.size);
    for (const name of ["unet/config.json", WEIGHTS, SCHEDULER]) renameSync(join(path, name), join(flat, name.split("/")[1]));
    expect(await diffusersFormat.detect(fileSource(path))).to.equal(false);
    const back = await read(flat);
    expect([back.process.timesteps, back.tensors.size]).to.deep.equal([30, tensors.size]);
  });

  it("is what DDPMPipeline.from_pretrained looks for: classes, versions, fields in the alphabet's order", async () => {
    const path = await write();
    const json = (name: string): Record<string, unknown> => JSON.parse(readFileSync(join(path, name), "utf8")) as Record<string, unknown>;
    expect(json("model_index.json")).to.deep.equal({
      _class_name: "DDPMPipeline", _diffusers_version: "0.35.1", scheduler: ["diffusers", "DDPMScheduler"], unet: ["diffusers", "UNet2DModel"],
    });
    // What UNet2DModel's constructor takes.
    const takes = [
      "sample_size", "in_channels", "out_channels", "center_input_sample", "time_embedding_type", "time_embedding_dim", "freq_shift",
      "flip_sin_to_cos", "down_block_types", "mid_block_type", "up_block_types", "block_out_channels", "layers_per_block", "mid_block_scale_factor",
      "downsample_padding", "downsample_type", "upsample_type", "dropout", "act_fn", "attention_head_dim", "norm_num_groups", "attn_norm_num_groups",
      "norm_eps", "resnet_time_scale_shift", "add_attention", "class_embed_type", "num_class_embeds", "num_train_timesteps",
    ];
    expect(Object.keys(json("unet/config.json")).filter((name) => !name.startsWith("_")).sort()).to.deep.equal(takes.sort());
    expect(json("unet/config.json")).to.include({ _class_name: "UNet2DModel", _diffusers_version: "0.35.1", sample_size: 8 });
    expect(json(SCHEDULER)).to.include({ _class_name: "DDPMScheduler", _diffusers_version: "0.35.1", num_train_timesteps: 30 });
    for (const name of ["model_index.json", "unet/config.json", SCHEDULER]) {
      expect(Object.keys(json(name)), name).to.deep.equal(Object.keys(json(name)).sort());
    }
  });

  it("of a pipeline with another network or further parts is refused by their names", async () => {
    const index = async (parts: Record<string, unknown>): Promise<string> => {
      const path = await write();
      writeFileSync(join(path, "model_index.json"), JSON.stringify({ _class_name: "APipeline", ...parts }));
      return path;
    };
    const message = async (parts: Record<string, unknown>): Promise<string> => {
      const path = await index(parts);
      return (await thrown(ConfigError, read(path))).message.replace(path, "");
    };
    const unet = ["diffusers", "UNet2DModel"];
    expect(await message({ unet: ["diffusers", "UNet2DConditionModel"] })).to.equal(
      '/model_index.json: unet: the network "UNet2DConditionModel" is not implemented\n  allowed  UNet2DModel\n'
        + "  reason   it reads a text, of which nothing is known here",
    );
    expect(await message({ unet, vqvae: ["diffusers", "VQModel"] })).to.equal(
      '/model_index.json: "APipeline" has a part vqvae, which is not implemented\n  got      VQModel\n  allowed  unet (UNet2DModel), scheduler',
    );
    expect((await read(await index({ unet, safety_checker: [null, null], requires: false }))).tensors.size).to.equal(tensors.size);
    expect((await thrown(CheckpointError, read(await index({ scheduler: ["diffusers", "DDPMScheduler"] })))).summary)
      .to.match(/model_index\.json: "APipeline" has no network$/);
    const path = await write();
    writeFileSync(join(path, "unet/config.json"), JSON.stringify({ _class_name: "UNet1DModel" }));
    expect((await thrown(ConfigError, read(path))).message).to.contain('unet/config.json: the network "UNet1DModel" is not implemented');
  });

  it("is not written of weights that are not finite", async () => {
    const broken = new Map(tensors);
    const { shape, data } = tensors.get("conv_out.bias")!;
    broken.set("conv_out.bias", { shape, data: data.map(() => NaN) });
    const path = join(folder, "broken");
    const error = await thrown(CheckpointError, diffusersFormat.write({ ...model, tensors: broken }, folderTarget(path)));
    expect(error.message).to.equal("conv_out.bias is not finite, so it is not written\n  element 0 of 1 is NaN");
    expect(existsSync(path)).to.equal(false);
    broken.set("conv_out.bias", { shape, data: data.map(() => 7e4) });
    const large = await thrown(CheckpointError, diffusersFormat.write({ ...model, tensors: broken }, folderTarget(path), { variant: "fp16" }));
    expect(large.message).to.equal("conv_out.bias is too large for half precision, so it is not written\n  element 0 of 1 is 70000");
    await diffusersFormat.write({ ...model, tensors: broken }, folderTarget(path));
  });

  it("may name attention as older versions did, and hold duplicates of downsamplers", async () => {
    const path = await write();
    const old: Record<string, string> = { to_q: "query", to_k: "key", to_v: "value", "to_out.0": "proj_attn" };
    const renamed = new Map([...tensors].map(([name, entry]) =>
      [Object.entries(old).reduce((text, [now, then]) => text.replace(`.${now}.`, `.${then}.`), name), entry]));
    renamed.set("down_blocks.0.downsamplers.0.op.weight", tensors.get("down_blocks.0.downsamplers.0.conv.weight")!);
    expect([...renamed.keys()].filter((name) => name.includes("proj_attn"))).to.have.length(2 * 4);
    await saveSafetensors(join(path, WEIGHTS), renamed as never, {});
    const { tensors: current } = await read(path);
    expect([...current.keys()].sort()).to.deep.equal([...tensors.keys()].sort());
    const device = await openDevice("reference");
    expect(await stateDict((await loadModel(path, device)).network)).to.deep.equal(tensors);
    await device.dispose();
  });

  it("is refused where weights, config or tensors are missing, key by key", async () => {
    const path = await write();
    const device = await openDevice("reference");
    await saveSafetensors(join(path, WEIGHTS), [...tensors].filter(([name]) => name !== "conv_in.bias") as never, {});
    const error = await thrown(CheckpointError, loadModel(path, device));
    expect(error.message).to.equal(
      `${path}, as diffusers wrote it: the state dict does not fit the model: 1 missing, 0 extra, 0 misshaped\n`
        + "  missing    conv_in.bias [4]",
    );
    rmSync(join(path, "unet/config.json"));
    const noConfig = await thrown(CheckpointError, read(path));
    expect(noConfig.message).to.equal(`cannot read ${join(path, "unet/config.json")}: no such file or folder`);
    rmSync(join(path, WEIGHTS));
    expect((await thrown(CheckpointError, read(path))).summary).to.match(/model_index\.json: "DDPMPipeline" has no network$/);
    await device.dispose();
  });

  it("does not say which weights it holds, and holds no other network", async () => {
    const path = await write();
    for (const weights of ["ema", "model"] as const) {
      expect((await thrown(CheckpointError, diffusersFormat.read(fileSource(path), { weights }))).summary)
        .to.equal(`${path} holds one set of weights, and does not say which`);
    }
    const other = write({ network: { kind: "mlp", config: { size: 2 } } });
    expect((await thrown(ConfigError, other)).summary).to.equal('diffusers has no network of kind "mlp"');
    const patched = write({ network: { kind: "unet", config: { _patch_size: 2 } } });
    expect((await thrown(ConfigError, patched)).summary).to.equal("diffusers has no U-Net of patches, and this one's have side 2");
  });

  it("with another activation is refused by the field", async () => {
    const path = await write();
    writeFileSync(join(path, "unet/config.json"), JSON.stringify({ ...tinyModel, act_fn: "tanh" }));
    expect((await thrown(ConfigError, read(path))).message).to.contain("act_fn");
  });
});
