import { readFileSync } from "node:fs";
import { expect } from "chai";
import { openDevice, Random, randomNormal, type Device, type Tensor } from "@fromnoise/tensor";
import { describe as tensorsOf, Grads, initialize, layerCosts, parameterCount, UNet, unetConfig, type UNetOptions } from "@fromnoise/nn";
import { messageOf, smallConfig } from "./small.js";

/** What the published config.json of the google/ddpm-* networks have in common. */
const google: UNetOptions = {
  _class_name: "UNet2DModel", _diffusers_version: "0.0.4", act_fn: "silu", attention_head_dim: null, center_input_sample: false,
  downsample_padding: 0, flip_sin_to_cos: false, freq_shift: 1, in_channels: 3, layers_per_block: 2, mid_block_scale_factor: 1,
  norm_eps: 1e-6, norm_num_groups: 32, out_channels: 3, time_embedding_type: "positional",
};
const cifar: UNetOptions = {
  ...google, sample_size: 32, block_out_channels: [128, 256, 256, 256],
  down_block_types: ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
  up_block_types: ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
};
const celeba: UNetOptions = {
  ...google, sample_size: 256, block_out_channels: [128, 128, 256, 256, 512, 512],
  down_block_types: ["DownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"],
  up_block_types: ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"],
};

/** Networks of other blocks, in the shape of NCSN++ and of OpenAI's consistency models; diffusers' UNet2DModel itself listed their tensors. */
const repeated = (...blocks: [count: number, block: string][]): string[] => blocks.flatMap(([count, block]) => new Array<string>(count).fill(block));
const ncsnpp: UNetOptions = {
  act_fn: "silu", attention_head_dim: null, block_out_channels: [128, 128, 256, 256, 256, 256, 256], mid_block_scale_factor: 1.41421356237,
  norm_eps: 1e-6, norm_num_groups: null, sample_size: 256, time_embedding_type: "fourier",
  down_block_types: repeated([4, "SkipDownBlock2D"], [1, "AttnSkipDownBlock2D"], [2, "SkipDownBlock2D"]),
  up_block_types: repeated([2, "SkipUpBlock2D"], [1, "AttnSkipUpBlock2D"], [4, "SkipUpBlock2D"]),
};
const consistency: UNetOptions = {
  attention_head_dim: 64, attn_norm_num_groups: 32, block_out_channels: [192, 384, 576, 768], layers_per_block: 3, num_class_embeds: 1000,
  resnet_time_scale_shift: "scale_shift", sample_size: 64, downsample_type: "resnet", upsample_type: "resnet",
  down_block_types: repeated([1, "ResnetDownsampleBlock2D"], [3, "AttnDownBlock2D"]),
  up_block_types: repeated([3, "AttnUpBlock2D"], [1, "ResnetUpsampleBlock2D"]),
};

const published = (file: string): string[] =>
  readFileSync(new URL(`golden/${file}.txt`, import.meta.url), "utf8").trim().split("\n");

describe("published U-Net configs", () => {
  for (const [name, file, config, tensors, parameters] of [
    ["google/ddpm-cifar10-32", "diffusers_cifar10-32", cifar, 328, 35_746_307],
    ["google/ddpm-celebahq-256", "diffusers_celebahq-256", celeba, 450, 113_673_219],
    ["a network like NCSN++", "diffusers_ncsnpp-256", ncsnpp, 645, 65_574_549],
    ["a network like a consistency model", "diffusers_cd-imagenet64", consistency, 629, 295_899_267],
  ] as const) {
    it(`${name} builds its ${tensors} tensors with ${parameters} parameters, in name, shape and order`, () => {
      const unet = new UNet(config);
      expect(unet.parameters).to.have.length(tensors);
      expect(parameterCount(unet)).to.equal(parameters);
      expect(tensorsOf(new UNet(config)).map((p) => `${p.name}\t[${p.shape.join(", ")}]`)).to.deep.equal(published(file));
    });
  }

  it("without attention_head_dim the paper's conventions mean one head, all others heads of 8", () => {
    const { attention_head_dim: _one, ...silent } = cifar as Record<string, unknown>;
    expect(unetConfig(silent).attention_head_dim).to.equal(null);
    expect(unetConfig({ ...silent, attention_head_dim: 8 }).attention_head_dim).to.equal(8);
    expect(unetConfig({ ...silent, downsample_padding: 1 }).attention_head_dim).to.equal(8);
    expect(unetConfig({}).attention_head_dim).to.equal(8);
  });

  it("missing fields have diffusers' defaults", () => {
    expect(unetConfig({})).to.deep.equal({
      sample_size: null, in_channels: 3, out_channels: 3, center_input_sample: false, time_embedding_type: "positional", time_embedding_dim: null, freq_shift: 0, flip_sin_to_cos: true,
      down_block_types: ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
      up_block_types: ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
      block_out_channels: [224, 448, 672, 896], layers_per_block: 2, mid_block_type: "UNetMidBlock2D", mid_block_scale_factor: 1, downsample_padding: 1,
      downsample_type: "conv", upsample_type: "conv", dropout: 0, act_fn: "silu", attention_head_dim: 8, norm_num_groups: 32,
      attn_norm_num_groups: null, norm_eps: 1e-5, resnet_time_scale_shift: "default", add_attention: true, class_embed_type: null,
      num_class_embeds: null, num_train_timesteps: null,
    });
  });

  it("names that diffusers had before, or has twice, are those of today", () => {
    const old = { ...smallConfig, act_fn: "swish", down_block_types: ["UNetResDownBlock2D", "UNetResAttnDownBlock2D"] };
    expect(unetConfig(old)).to.deep.equal(unetConfig(smallConfig));
  });

  it("without a group count of its own the middle attention of a scale-shift network is not normalised", () => {
    const names = (more: UNetOptions): string[] => tensorsOf(new UNet({ ...smallConfig, ...more })).map(({ name }) => name);
    const norm = "mid_block.attentions.0.group_norm.weight";
    expect(names({})).to.include(norm);
    expect(names({ resnet_time_scale_shift: "scale_shift" })).to.not.include(norm);
    expect(names({ resnet_time_scale_shift: "scale_shift", attn_norm_num_groups: 8 })).to.include(norm);
    expect(names({ add_attention: false }).filter((name) => name.startsWith("mid_block.attentions"))).to.deep.equal([]);
  });

  it("plain blocks convolve whatever downsample_type and upsample_type say, as in diffusers", () => {
    const names = tensorsOf(new UNet({ ...smallConfig, downsample_type: "resnet", upsample_type: "resnet" })).map(({ name }) => name);
    expect(names).to.include("down_blocks.0.downsamplers.0.conv.weight");
    expect(names).to.include("up_blocks.0.upsamplers.0.conv2.weight");
  });
});

describe("networks that are told something else", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());
  const x = (...shape: number[]): Tensor => randomNormal(shape, new Random(1), { device, dtype: "f64" });
  const made = (more: UNetOptions): UNet => initialize(new UNet({ ...smallConfig, ...more }), { device, dtype: "f64", seed: 1 });

  it("a number beside the time: any number, told as the time is", async () => {
    const unet = made({ class_embed_type: "timestep" });
    expect(unet.spec.classes).to.equal(Infinity);
    const run = async (labels?: number[]): Promise<number[]> => Array.from(await unet.apply(x(1, 4, 4, 2), [3], { labels }).data());
    expect(await run([0.5])).to.not.deep.equal(await run([1000]));
    expect(messageOf(() => unet.apply(x(1, 4, 4, 2), [3]))).to.contain("class labels are missing");
  });

  it("a vector: of the width of the time's, and no other", () => {
    const unet = made({ class_embed_type: "identity" });
    expect(unet.spec.embedding).to.equal(32);
    expect(messageOf(() => unet.apply(x(1, 4, 4, 2), [3]))).to.equal(
      "ConfigError: U-Net: the embedding is missing\n  given    { embedding } [1, 32]");
    expect(messageOf(() => unet.apply(x(1, 4, 4, 2), [3], { embedding: x(1, 31) }))).to.equal(
      "ShapeError: U-Net: the embedding does not fit\n  given    [1, 31]   expected [1, 32]");
    expect(messageOf(() => made({}).apply(x(1, 4, 4, 2), [3], { embedding: x(1, 32) }))).to.contain("an embedding for a network that reads none");
  });

  it("a level of noise, by its logarithm: not 0, and frequencies stay as they were drawn", async () => {
    const unet = made({ time_embedding_type: "fourier", block_out_channels: [64, 64] });
    const { tensor } = unet.parameters.find(({ name }) => name === "time_proj.weight")!;
    const drawn = Array.from(await tensor.data());
    expect(Math.sqrt(drawn.reduce((sum, w) => sum + w * w, 0) / drawn.length)).to.be.within(12, 20);       // N(0, 16^2), 64 of them
    expect(messageOf(() => unet.apply(x(1, 4, 4, 2), [0]))).to.contain("time_proj: the time 0 has no logarithm\n  allowed  numbers > 0");
    const grads = new Grads(device);
    const [y, cache] = unet.forward(x(1, 4, 4, 2), [2]);
    unet.backward(y, cache, grads);
    expect(grads.get(unet.parameters.find(({ name }) => name === "time_proj.weight")!)).to.equal(undefined);
    expect(grads.size).to.equal(unet.parameters.length - 1);
  });

  it("a step of a table, which has rows for so many", () => {
    const unet = made({ time_embedding_type: "learned", num_train_timesteps: 10 });
    expect(messageOf(() => unet.apply(x(1, 4, 4, 2), [9]))).to.equal("");
    expect(messageOf(() => unet.apply(x(1, 4, 4, 2), [10]))).to.contain("10");
  });

  it("leave nothing behind, and apply gives what forward gives, with an image beside the features", async () => {
    const unet = made({
      in_channels: 3, out_channels: 3, block_out_channels: [32, 32], center_input_sample: true,
      down_block_types: ["SkipDownBlock2D", "AttnSkipDownBlock2D"], up_block_types: ["AttnSkipUpBlock2D", "SkipUpBlock2D"],
    });
    const input = x(2, 4, 6, 3);
    const before = device.memory().tensors;
    const y = unet.apply(input, [3, 5]);
    expect(device.memory().tensors).to.equal(before + 1);
    const forward = device.scope(() => unet.forward(input, [3, 5])[0]);
    expect(Array.from(await y.data())).to.deep.equal(Array.from(await forward.data()));
    y.dispose();
    forward.dispose();
    expect(device.memory().tensors).to.equal(before);
  });

  it("without a middle its parameters are gone, and apply gives what forward gives", async () => {
    const unet = made({ mid_block_type: null });
    expect(unet.parameters.some(({ name }) => name.startsWith("mid_block"))).to.equal(false);
    const input = x(1, 4, 4, 2);
    const [y] = unet.forward(input, [3]);
    expect(Array.from(await unet.apply(input, [3]).data())).to.deep.equal(Array.from(await y.data()));
  });

  it("have costs, whatever they need", () => {
    for (const more of [{ class_embed_type: "timestep" }, { class_embed_type: "identity" }, { time_embedding_type: "fourier" }]) {
      expect(layerCosts(new UNet({ ...smallConfig, ...more }), { sample: [4, 4, 2] }).length).to.be.above(10);
    }
  });
});

describe("errors of U-Net configs", () => {
  const rejected = (more: object): string => messageOf(() => new UNet({ ...smallConfig, ...more }));

  it("name an unknown field", () => {
    expect(rejected({ block_channels: [8] })).to.match(
      /^ConfigError: U-Net config: the field block_channels is not known\n {2}value {4}\[8\]\n {2}allowed {2}sample_size, in/);
  });

  it("name the field, the value and what is allowed", () => {
    expect(rejected({ down_block_types: ["DownBlock2D", "KDownBlock2D"] })).to.equal([
      'ConfigError: U-Net config: down_block_types: ["DownBlock2D","KDownBlock2D"] is not allowed',
      "  allowed  lists of DownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D, SkipDownBlock2D, AttnSkipDownBlock2D, at most 32 of them; other blocks are not implemented",
    ].join("\n"));
    const wrong: [more: object, shown: string, allowed: string][] = [
      [{ time_embedding_type: "gaussian" }, 'time_embedding_type: "gaussian"', "positional, learned, fourier"],
      [{ class_embed_type: "projection" }, 'class_embed_type: "projection"', "timestep, identity, or null"],
      [{ mid_block_type: "UNetMidBlock2DCrossAttn" }, 'mid_block_type: "UNetMidBlock2DCrossAttn"', "UNetMidBlock2D, or null"],
      [{ act_fn: "tanh" }, 'act_fn: "tanh"', "silu, swish, mish, gelu, relu"],
      [{ norm_num_groups: null }, "norm_num_groups: null", "whole numbers from 1 to 65536; null with Skip blocks at all levels"],
      [{ norm_num_groups: 0 }, "norm_num_groups: 0", "whole numbers from 1 to 65536, or null"],
      [{ time_embedding_type: "learned" }, "num_train_timesteps: null", 'whole numbers from 1 to 1000000 with time_embedding_type "learned"'],
      [{ down_block_types: ["SkipDownBlock2D", "SkipDownBlock2D"] }, "in_channels: 2", "3 with SkipDownBlock2D"],
      [{ up_block_types: ["SkipUpBlock2D", "SkipUpBlock2D"] }, "out_channels: 2", "3 with SkipUpBlock2D"],
      [{ freq_shift: "1" }, 'freq_shift: "1"', "numbers"],
      [{ attention_head_dim: 0 }, "attention_head_dim: 0", "whole numbers from 1 to 65536, or null"],
      [{ dropout: 1 }, "dropout: 1", "numbers from 0 to below 1"],
      [{ norm_eps: 0 }, "norm_eps: 0", "numbers > 0"],
      [{ downsample_padding: 2 }, "downsample_padding: 2", "0, 1"],
      [{ downsample_type: "pool" }, 'downsample_type: "pool"', "conv, resnet"],
      [{ add_attention: 1 }, "add_attention: 1", "true, false"],
      [{ sample_size: [8] }, "sample_size: [8]", "a side, [height, width], or null"],
      [{ sample_size: 0.5 }, "sample_size: 0.5", "a side, [height, width], or null"],
      [{ block_out_channels: [] }, "block_out_channels: []", "lists of whole numbers from 1 to 65536, at most 32 of them"],
      [{ block_out_channels: [2147483649, 8] }, "block_out_channels: [2147483649,8]", "lists of whole numbers from 1 to 65536, at most 32 of them"],
      [{ _patch_size: 0 }, "_patch_size: 0", "whole numbers from 1 to 64"],
      [{ layers_per_block: 1e7 }, "layers_per_block: 10000000", "whole numbers from 1 to 256"],
    ];
    for (const [more, shown, allowed] of wrong) {
      expect(rejected(more)).to.equal(`ConfigError: U-Net config: ${shown} is not allowed\n  allowed  ${allowed}`);
    }
    for (const sample_size of [null, 8, [8, 12]]) expect(rejected({ sample_size })).to.equal("");
  });

  it("say where Skip blocks may stand", () => {
    expect(rejected({ in_channels: 3, down_block_types: ["DownBlock2D", "SkipDownBlock2D"] })).to.equal([
      "ConfigError: U-Net config: down_block_types: only some of the blocks hand the image along",
      "  got      DownBlock2D, SkipDownBlock2D", "  allowed  Skip blocks at all levels, or at none",
    ].join("\n"));
    expect(rejected({ in_channels: 3, block_out_channels: [8, 48], down_block_types: ["SkipDownBlock2D", "AttnSkipDownBlock2D"] }))
      .to.contain("block_out_channels[1] is 48, too few for attention in Skip blocks\n  allowed  multiples of 32");
    expect(rejected({ in_channels: 3, out_channels: 3, _patch_size: 2, down_block_types: ["SkipDownBlock2D", "SkipDownBlock2D"], up_block_types: ["SkipUpBlock2D", "SkipUpBlock2D"] }))
      .to.equal("ConfigError: U-Net config: _patch_size 2 with Skip blocks\n  allowed  1 with blocks that hand the image along");
  });

  it("compare lists by length", () => {
    expect(rejected({ block_out_channels: [8, 16, 16] })).to.equal([
      "ConfigError: U-Net config: down_block_types has 2 entries, block_out_channels 3",
      '  down_block_types ["DownBlock2D","AttnDownBlock2D"]', "  block_out_channels [8,16,16]",
    ].join("\n"));
  });

  it("say which channels groups and heads divide", () => {
    expect(rejected({ norm_num_groups: 32, block_out_channels: [20, 64] })).to.equal([
      "ConfigError: U-Net config: block_out_channels[0] is 20, which norm_num_groups 32 does not divide",
      "  allowed  channels that are multiples of 32, or norm_num_groups among 1, 2, 4, 5, 10, 20",
    ].join("\n"));
    expect(rejected({ attention_head_dim: 5 })).to.contain(
      "block_out_channels[1] is 16, which attention_head_dim 5 does not divide");
    expect(rejected({ attention_head_dim: 16 }), "a level without attention").to.equal("");
    expect(rejected({ attn_norm_num_groups: 3 })).to.contain(
      "block_out_channels[1] is 16, which attn_norm_num_groups 3 does not divide");
  });

  it("refuse a width without a frequency", () => {
    expect(rejected({ block_out_channels: [3, 6], norm_num_groups: 3 })).to.equal(
      "ConfigError: U-Net config: block_out_channels[0] is 3, too few for freq_shift 1\n  allowed  from 4");
  });
});
