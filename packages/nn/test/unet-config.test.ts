import { readFileSync } from "node:fs";
import { expect } from "chai";
import { describe as tensorsOf, parameterCount, UNet, unetConfig, type UNetOptions } from "@fromnoise/nn";
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

const published = (file: string): string[] =>
  readFileSync(new URL(`golden/${file}.txt`, import.meta.url), "utf8").trim().split("\n");

describe("published U-Net configs", () => {
  for (const [name, file, config, tensors, parameters] of [
    ["google/ddpm-cifar10-32", "diffusers_cifar10-32", cifar, 328, 35_746_307],
    ["google/ddpm-celebahq-256", "diffusers_celebahq-256", celeba, 450, 113_673_219],
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
      sample_size: null, in_channels: 3, out_channels: 3, time_embedding_dim: null, freq_shift: 0, flip_sin_to_cos: true,
      down_block_types: ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
      up_block_types: ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
      block_out_channels: [224, 448, 672, 896], layers_per_block: 2, mid_block_scale_factor: 1, downsample_padding: 1,
      downsample_type: "conv", upsample_type: "conv", dropout: 0, attention_head_dim: 8, norm_num_groups: 32,
      attn_norm_num_groups: null, norm_eps: 1e-5, resnet_time_scale_shift: "default", add_attention: true, num_class_embeds: null,
    });
  });

  it("fields of which one value is implemented are accepted with it", () => {
    const accepted = {
      center_input_sample: false, time_embedding_type: "positional", mid_block_type: "UNetMidBlock2D", act_fn: "silu",
      class_embed_type: null, num_train_timesteps: null,
    };
    expect(unetConfig({ ...smallConfig, ...accepted })).to.deep.equal(unetConfig(smallConfig));
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

describe("errors of U-Net configs", () => {
  const rejected = (more: object): string => messageOf(() => new UNet({ ...smallConfig, ...more }));

  it("name an unknown field", () => {
    expect(rejected({ block_channels: [8] })).to.match(
      /^ConfigError: U-Net config: the field block_channels is not known\n {2}value {4}\[8\]\n {2}allowed {2}sample_size, in/);
  });

  it("name the field, the value and what is allowed", () => {
    expect(rejected({ down_block_types: ["DownBlock2D", "SkipDownBlock2D"] })).to.equal([
      'ConfigError: U-Net config: down_block_types: ["DownBlock2D","SkipDownBlock2D"] is not allowed',
      "  allowed  lists of DownBlock2D, AttnDownBlock2D; other blocks are not implemented",
    ].join("\n"));
    const wrong: [more: object, shown: string, allowed: string][] = [
      [{ time_embedding_type: "fourier" }, 'time_embedding_type: "fourier"', "positional; nothing else is implemented"],
      [{ class_embed_type: "timestep" }, 'class_embed_type: "timestep"', "null; nothing else is implemented"],
      [{ act_fn: "gelu" }, 'act_fn: "gelu"', "silu, swish; nothing else is implemented"],
      [{ norm_num_groups: null }, "norm_num_groups: null", "whole numbers from 1"],
      [{ attention_head_dim: 0 }, "attention_head_dim: 0", "whole numbers from 1, or null"],
      [{ dropout: 1 }, "dropout: 1", "numbers from 0 to below 1"],
      [{ norm_eps: 0 }, "norm_eps: 0", "numbers > 0"],
      [{ downsample_padding: 2 }, "downsample_padding: 2", "0, 1"],
      [{ downsample_type: "pool" }, 'downsample_type: "pool"', "conv, resnet"],
      [{ add_attention: 1 }, "add_attention: 1", "true, false"],
      [{ sample_size: [8] }, "sample_size: [8]", "a side, [height, width], or null"],
      [{ sample_size: 0.5 }, "sample_size: 0.5", "a side, [height, width], or null"],
      [{ block_out_channels: [] }, "block_out_channels: []", "lists of whole numbers from 1"],
    ];
    for (const [more, shown, allowed] of wrong) {
      expect(rejected(more)).to.equal(`ConfigError: U-Net config: ${shown} is not allowed\n  allowed  ${allowed}`);
    }
    for (const sample_size of [null, 8, [8, 12]]) expect(rejected({ sample_size })).to.equal("");
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
