/** Gradient checks of every layer and of whole networks, for tests and the command `fromnoise gradcheck` to run over. */
import {
  Random, add, concat, full, gradcheckCase, multiply, reshape, sizeOf, slice,
  type GradcheckCase, type GradcheckOptions, type Tensor,
} from "@fromnoise/tensor";
import { Activation } from "../layers/activation.js";
import { AdaLayerNorm } from "../layers/ada-layer-norm.js";
import { Attention } from "../layers/attention.js";
import { ChannelNorm } from "../layers/channel-norm.js";
import { ClassEmbedding } from "../layers/class-embedding.js";
import { Conv2d } from "../layers/conv2d.js";
import { Downsample } from "../layers/downsample.js";
import { firDouble, firHalve } from "../layers/fir.js";
import { FourierFeatures } from "../layers/fourier-features.js";
import { GroupNorm } from "../layers/group-norm.js";
import { LayerScale } from "../layers/layer-scale.js";
import type { Layer } from "../layers/layer.js";
import { Linear } from "../layers/linear.js";
import { NormActivation } from "../layers/norm-activation.js";
import { NormSilu } from "../layers/norm-silu.js";
import type { Resample } from "../layers/resample.js";
import { ResBlock, type ResBlockOptions } from "../layers/res-block.js";
import { RmsNorm } from "../layers/rms-norm.js";
import { SelfAttention } from "../layers/self-attention.js";
import { StandardizedConv2d } from "../layers/standardized-conv2d.js";
import { TimeMlp } from "../layers/time-mlp.js";
import { AdaGroupNormSilu, AddTimeNorm, ScaleShiftTimeNorm, type TimeNorm } from "../layers/time-norm.js";
import { TimeProjection } from "../layers/time-projection.js";
import { Upsample } from "../layers/upsample.js";
import { Dit } from "../networks/dit/dit.js";
import { FinalLayer } from "../networks/dit/final-layer.js";
import { PatchEmbedding } from "../networks/dit/patch-embedding.js";
import { TransformerBlock } from "../networks/dit/transformer-block.js";
import type { LucidrainsOptions } from "../networks/lucidrains/config.js";
import { eras, type LucidrainsEra } from "../networks/lucidrains/eras.js";
import { LucidrainsUNet } from "../networks/lucidrains/lucidrains-unet.js";
import { PixelAttention, type PixelAttentionOptions } from "../networks/lucidrains/pixel-attention.js";
import { NearestUp, UnshuffleDown } from "../networks/lucidrains/resample.js";
import { ResnetBlock, type ResnetBlockOptions } from "../networks/lucidrains/resnet-block.js";
import { Mlp } from "../networks/mlp/mlp.js";
import type { Given, Network } from "../networks/network.js";
import { SelfConditioned } from "../networks/self-conditioned.js";
import { Sequential } from "../networks/sequential.js";
import type { UNetOptions } from "../networks/unet/config.js";
import { UNet } from "../networks/unet/unet.js";
import { Grads } from "../parameters/grads.js";
import type { Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";

/** A check and the mode it is made for: every element of a layer, random directions of a whole network. */
export interface LayerGradcheckCase extends GradcheckCase { readonly mode: NonNullable<GradcheckOptions["mode"]> }

type Tensors = Record<string, Tensor>;

/** The layer as a function: `forward` gives [y, cache], `backward` a gradient under d + the name of each input in `shapes`. */
interface LayerSetup<C> {
  readonly module: Module;
  /** Shapes of the inputs other than parameters. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  forward(inputs: Tensors): [y: Tensor, cache: C];
  backward(dy: Tensor, cache: C, grads: Grads): Tensors;
}

/** Values around which a parameter is checked: normalisation weights near 1, all others of the size 0.5. */
function around(p: Parameter, normal: Tensor): Tensor {
  return p.role === "norm-scale" ? add(multiply(normal, 0.3), 1) : multiply(normal, 0.5);
}

/** A full check of a layer by all its inputs and all its parameters. */
function layerCase<C>(op: string, name: string, setup: () => LayerSetup<C>): LayerGradcheckCase {
  const check = gradcheckCase<string>(op, name, ({ normal, device }) => {
    const { module, shapes, forward, backward } = setup();
    const inputs: Tensors = device.scope(() => ({
      ...Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [key, normal(...shape)])),
      ...Object.fromEntries(module.parameters.map((p) => [p.name, around(p, normal(...p.shape))])),
    }));
    const run = (given: Tensors): [Tensor, C] => {
      for (const p of module.parameters) p.tensor = given[p.name];
      return forward(given);
    };
    return {
      inputs,
      forward: (given) => run(given)[0],
      backward: (dy, given) => {
        const grads = new Grads(device);
        const gradients = backward(dy, run(given)[1], grads);
        return { ...gradients, ...Object.fromEntries([...grads].map(([p, g]) => [`d${p.name}`, g])) };
      },
    };
  });
  return { ...check, mode: "full" };
}

function plainCase<C>(op: string, name: string, shape: readonly number[], make: () => Layer<C>): LayerGradcheckCase {
  return layerCase(op, name, () => {
    const module = make();
    return {
      module, shapes: { x: shape },
      forward: ({ x }) => module.forward(x), backward: (dy, cache, grads) => ({ dx: module.backward(dy, cache, grads) }),
    };
  });
}

function resampleCase(op: string, shape: readonly number[], resample: Resample): LayerGradcheckCase {
  return layerCase(op, "2 images, taller than wide", () => ({
    module: { name: "", parameters: [] }, shapes: { x: shape },
    forward: ({ x }) => [resample.forward(x), undefined], backward: (dy) => ({ dx: resample.backward(dy) }),
  }));
}

function timeNormCase(op: string, make: () => TimeNorm, width: number, name = "2 groups of 2 channels"): LayerGradcheckCase {
  return layerCase(op, name, () => {
    const module = make();
    return {
      module, shapes: { x: [2, 2, 3, 4], t: [2, width] },
      forward: ({ x, t }) => module.forward(x, t),
      backward: (dy, cache, grads) => ({ ...module.backward(dy, cache, grads) }),
    };
  });
}

/** Tokens under a condition, which comes in as `t` or as `c`. */
function tokenCase<K extends "t" | "c", C>(
  op: string, key: K, width: number, make: () => Module & {
    forward(x: Tensor, condition: Tensor): [y: Tensor, cache: C];
    backward(dy: Tensor, cache: C, grads: Grads): { dx: Tensor } & Record<`d${K}`, Tensor>;
  },
): LayerGradcheckCase {
  return layerCase(op, "3 tokens of 4 channels", () => {
    const module = make();
    return {
      module, shapes: { x: [2, 3, 4], [key]: [2, width] },
      forward: (inputs) => module.forward(inputs["x"], inputs[key]),
      backward: (dy, cache, grads) => ({ ...module.backward(dy, cache, grads) }),
    };
  });
}

function resBlockCase(name: string, options: Partial<ResBlockOptions>): LayerGradcheckCase {
  return layerCase("ResBlock", name, () => {
    const module = new ResBlock("", { inChannels: 4, outChannels: 4, timeChannels: 3, groups: 2, ...options });
    return {
      module, shapes: { x: [2, 4, 2, options.inChannels ?? 4], temb: [2, 3] },
      forward: ({ x, temb }) => module.forward(x, temb, new Random(5)), // the same dropout mask every time
      backward: (dy, cache, grads) => ({ ...module.backward(dy, cache, grads) }),
    };
  });
}

function resnetBlockCase(era: LucidrainsEra, name: string, channels: number, options: Partial<ResnetBlockOptions> = {}): LayerGradcheckCase {
  return layerCase("ResnetBlock", `era ${era}, ${name}`, () => {
    const module = new ResnetBlock("", channels, 4, { timeChannels: 3, groups: 2, dropout: 0, ...options }, eras[era]);
    return {
      module, shapes: { x: [2, 3, 2, channels], temb: [2, 3] },
      forward: ({ x, temb }) => module.forward(x, temb, new Random(5)),
      backward: (dy, cache, grads) => ({ ...module.backward(dy, cache, grads) }),
    };
  });
}

function pixelAttentionCase(era: LucidrainsEra, name: string, options: Partial<PixelAttentionOptions>): LayerGradcheckCase {
  return plainCase("PixelAttention", `era ${era}, ${name}`, [2, 2, 3, 3], () =>
    new PixelAttention("", 3, { full: false, heads: 2, headDim: 2, ...options }, eras[era]));
}

const attention = { groups: 2, headDim: null };

/** Full checks of every layer. */
export const layerGradcheckCases: readonly LayerGradcheckCase[] = [
  plainCase("Linear", "4 to 4", [3, 4], () => new Linear("", 4, 4)),
  plainCase("Linear", "without bias, 5 to 2, rows [2, 3]", [2, 3, 5], () => new Linear("", 5, 2, { bias: false })),
  plainCase("Conv2d", "3x3, 2 to 3", [2, 4, 3, 2], () => new Conv2d("", 2, 3)),
  plainCase("Conv2d", "1x1, 3 to 2", [1, 3, 2, 3], () => new Conv2d("", 3, 2, { kernel: 1 })),
  plainCase("Conv2d", "1x1 without bias", [1, 3, 2, 3], () => new Conv2d("", 3, 2, { kernel: 1, bias: false })),
  plainCase("StandardizedConv2d", "eps added", [2, 3, 2, 2], () => new StandardizedConv2d("", 2, 3, { eps: 0.05 })),
  plainCase("StandardizedConv2d", "variances all above eps", [2, 3, 2, 2], () => new StandardizedConv2d("", 2, 3, { floor: "clamp" })),
  plainCase("StandardizedConv2d", "variances all below eps", [2, 3, 2, 2], () =>
    new StandardizedConv2d("", 2, 3, { floor: "clamp", eps: 2 })),
  plainCase("RmsNorm", "3 channels", [2, 2, 1, 3], () => new RmsNorm("", 3)),
  plainCase("ChannelNorm", "3 channels", [2, 2, 1, 3], () => new ChannelNorm("", 3, { eps: 0.1 })),
  plainCase("GroupNorm", "2 groups of 3 channels", [2, 3, 2, 6], () => new GroupNorm("", 6, { groups: 2 })),
  plainCase("NormSilu", "2 groups of 3 channels", [2, 3, 2, 6], () => new NormSilu("", 6, { groups: 2 })),
  plainCase("NormActivation", "relu, 2 groups of 3 channels", [2, 3, 2, 6], () => new NormActivation("", 6, { groups: 2 }, "relu")),
  resampleCase("firHalve", [2, 6, 4, 2], firHalve),
  resampleCase("firDouble", [2, 3, 2, 2], firDouble),
  timeNormCase("AddTimeNorm", () => new AddTimeNorm("", 4, { groups: 2 }), 4),
  timeNormCase("ScaleShiftTimeNorm", () => new ScaleShiftTimeNorm("", 4, { groups: 2 }), 8),
  timeNormCase("AdaGroupNormSilu", () => new AdaGroupNormSilu("", 4, { groups: 2 }), 8),
  timeNormCase("ScaleShiftTimeNorm", () => new ScaleShiftTimeNorm("", 4, new RmsNorm("", 4)), 8, "by length"),
  plainCase("TimeProjection", "3 to 3", [2, 3], () => new TimeProjection("", 3, 3)),
  resBlockCase("time added", {}),
  resBlockCase("2 to 4 channels, scale-shift", { inChannels: 2, timeScaleShift: "scale_shift" }),
  resBlockCase("halves the sides", { resample: "down" }),
  resBlockCase("doubles the sides, 2 to 4 channels", { resample: "up", inChannels: 2 }),
  resBlockCase("dropout, output scale factor 2", { dropout: 0.3, outputScaleFactor: 2 }),
  resBlockCase("halves by the filter, mish, convolved skip, groups of its own", {
    resample: "fir-down", activation: "mish", shortcut: true, groups: 4, groupsOut: 2,
  }),
  resBlockCase("doubles by the filter, gelu, scale-shift", { resample: "fir-up", activation: "gelu", timeScaleShift: "scale_shift" }),
  plainCase("Attention", "one head", [2, 2, 3, 4], () => new Attention("", 4, attention)),
  plainCase("Attention", "heads of 2, output scale factor 2", [2, 2, 3, 4], () =>
    new Attention("", 4, { ...attention, headDim: 2, outputScaleFactor: 2 })),
  plainCase("Attention", "without normalisation", [1, 2, 2, 4], () => new Attention("", 4, { ...attention, groups: null })),
  resnetBlockCase("1.6", "2 to 4 channels", 2),
  resnetBlockCase("1.8", "4 channels", 4),
  resnetBlockCase("2.0", "2 to 4 channels, dropout", 2, { dropout: 0.3 }),
  pixelAttentionCase("1.6", "linear, divided by the pixels", {}),
  pixelAttentionCase("1.6", "full", { full: true }),
  pixelAttentionCase("1.8", "linear", {}),
  pixelAttentionCase("2.0", "memories, linear", {}),
  pixelAttentionCase("2.0", "memories, full", { full: true }),
  plainCase("UnshuffleDown", "2 to 3 channels", [1, 4, 2, 2], () => new UnshuffleDown("", 2, 3)),
  plainCase("NearestUp", "2 to 3 channels", [2, 2, 1, 2], () => new NearestUp("", 2, 3)),
  plainCase("SelfAttention", "heads of 2", [2, 3, 4], () => new SelfAttention("", 4, 2)),
  plainCase("PatchEmbedding", "2x2 patches of 2 channels", [2, 4, 2, 2], () => new PatchEmbedding("", 2, 2, 2, 3)),
  tokenCase("AdaLayerNorm", "t", 8, () => new AdaLayerNorm("", 4)),
  tokenCase("TransformerBlock", "c", 4, () => new TransformerBlock("", 4, 2, 6)),
  tokenCase("FinalLayer", "c", 4, () => new FinalLayer("", 4, 5)),
  plainCase("Downsample", "padding on all sides", [2, 4, 2, 2], () => new Downsample("", 2)),
  plainCase("Downsample", "padding right and bottom", [1, 2, 4, 2], () => new Downsample("", 2, { padding: 0 })),
  plainCase("Upsample", "2 channels", [2, 2, 1, 2], () => new Upsample("", 2)),
  plainCase("Activation", "silu", [2, 3], () => new Activation("", "silu")),
  plainCase("Activation", "gelu", [2, 3], () => new Activation("", "gelu")),
  plainCase("Activation", "relu", [2, 3], () => new Activation("", "relu")),
  plainCase("Activation", "mish", [2, 3], () => new Activation("", "mish")),
  plainCase("LayerScale", "3 channels", [2, 2, 1, 3], () => new LayerScale("", 3)),
  plainCase("Sequential", "linear, GELU, linear", [3, 2], () => new Sequential<unknown>("", [
    new Linear("0", 2, 4), new Activation("1", "gelu"), new Linear("2", 4, 3),
  ])),
  plainCase("TimeMlp", "3 to 4", [2, 3], () => new TimeMlp("", 3, 4)),
  layerCase("FourierFeatures", "3 frequencies", () => {
    const module = new FourierFeatures("", 3);
    return {
      module, shapes: {},
      forward: () => module.forward([0, 0.25, -1.5]),
      backward: (dy, cache, grads) => (module.backward(dy, cache, grads), {}),
    };
  }),
  layerCase("ClassEmbedding", "a class twice, a class never", () => {
    const module = new ClassEmbedding("", 4, 3);
    return {
      module, shapes: {},
      forward: () => module.forward([2, 0, 2]),
      backward: (dy, cache, grads) => (module.backward(dy, cache, grads), {}),
    };
  }),
];

/**
 * A directional check of a whole network by x and by theta, one vector of all its parameters: a direction moves every parameter
 * at once, and two forwards measure the slope. Those named `fixed`, which get no gradient, are 0.3.
 */
function networkCase(
  op: string, name: string, make: () => Network, shape: readonly number[], given: Given | ((x: Tensor) => Given) = {}, fixed?: string,
): LayerGradcheckCase {
  const check = gradcheckCase<string>(op, name, ({ normal, device }) => {
    const network = make();
    const trained = network.parameters.filter((p) => p.name !== fixed);
    const inputs: Tensors = device.scope(() => ({
      x: normal(...shape),
      theta: concat.forward(trained.map((p) => reshape(around(p, normal(...p.shape)), [-1])), 0),
    }));
    const run = ({ x, theta }: Tensors): [y: Tensor, cache: unknown] => {
      let start = 0;
      for (const p of network.parameters) if (p.name === fixed) p.tensor = full(p.shape, 0.3, x);
      for (const p of trained) p.tensor = reshape(slice(theta, [start], [start += sizeOf(p.shape)]), p.shape);
      return network.forward(x, [3, 900], typeof given === "function" ? given(x) : given, new Random(5));
    };
    return {
      inputs,
      forward: (tensors) => run(tensors)[0],
      backward: (dy, tensors) => {
        const grads = new Grads(device);
        const dx = network.backward(dy, run(tensors)[1], grads);
        return { dx, dtheta: concat.forward(trained.map((p) => reshape(grads.get(p)!, [-1])), 0) };
      },
    };
  });
  return { ...check, mode: "directional" };
}

function unetCase(name: string, config: UNetOptions, labels?: readonly number[]): LayerGradcheckCase {
  return networkCase("UNet", name, () => new UNet(config), [2, 4, 8, 2], { labels });
}

/** Two levels of 4 and 8 channels. */
function lucidrainsCase(era: LucidrainsEra, name: string, options: Partial<LucidrainsOptions> = {}): LayerGradcheckCase {
  return networkCase("LucidrainsUNet", `era ${era}${name}`, () => new LucidrainsUNet({
    era, dim: 4, dim_mults: [1, 2], channels: 2, ...(era === "2.0" ? {} : { resnet_block_groups: 2 }), ...options,
  }), [2, 4, 8, 2], (x) => (options["self_condition"] === true ? { x0: full(x.shape, 0.7, x) } : {}));
}

const small = { in_channels: 2, out_channels: 2, layers_per_block: 1, block_out_channels: [4, 8], norm_num_groups: 2 };

/** Directional checks of whole networks. */
export const networkGradcheckCases: readonly LayerGradcheckCase[] = [
  unetCase("the paper's conventions", {
    ...small, down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
    attention_head_dim: null, downsample_padding: 0, flip_sin_to_cos: false, freq_shift: 1,
  }),
  unetCase("scale-shift, ResBlock resampling, heads of 4, classes, dropout", {
    ...small, down_block_types: ["AttnDownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "AttnUpBlock2D"],
    attention_head_dim: 4, resnet_time_scale_shift: "scale_shift", downsample_type: "resnet", upsample_type: "resnet",
    num_class_embeds: 3, dropout: 0.2, mid_block_scale_factor: 1.5,
  }, [2, 0]),
  networkCase("UNet", "an image beside the features, times told by their logarithm", () => new UNet({
    ...small, in_channels: 3, out_channels: 3, block_out_channels: [4, 32], norm_num_groups: null, attention_head_dim: null,
    time_embedding_type: "fourier", down_block_types: ["SkipDownBlock2D", "AttnSkipDownBlock2D"], up_block_types: ["SkipUpBlock2D", "SkipUpBlock2D"],
  }), [2, 4, 6, 3], {}, "time_proj.weight"),
  unetCase("Resnet blocks, mish, a table of times, a number beside them, centred input", {
    ...small, down_block_types: ["ResnetDownsampleBlock2D", "DownBlock2D"], up_block_types: ["UpBlock2D", "ResnetUpsampleBlock2D"],
    act_fn: "mish", time_embedding_type: "learned", num_train_timesteps: 901, class_embed_type: "timestep", center_input_sample: true,
  }, [2, 0]),
  networkCase("UNet", "patches of 2 x 2 pixels, more channels out than in", () => new UNet({
    ...small, out_channels: 3, _patch_size: 2, down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
  }), [2, 8, 4, 2]),
  networkCase("UNet", "an image on the way up alone", () => new UNet({
    ...small, in_channels: 2, out_channels: 3, block_out_channels: [4, 8],
    down_block_types: ["DownBlock2D", "ResnetDownsampleBlock2D"], up_block_types: ["SkipUpBlock2D", "SkipUpBlock2D"],
  }), [2, 4, 4, 2]),
  networkCase("UNet", "no middle, a vector beside the time", () => new UNet({
    ...small, mid_block_type: null, class_embed_type: "identity", act_fn: "gelu", freq_shift: 0.5,
    down_block_types: ["DownBlock2D", "DownBlock2D"], up_block_types: ["UpBlock2D", "UpBlock2D"],
  }), [2, 4, 4, 2], (x) => ({ embedding: full([2, 16], 0.7, x) })),
  networkCase("Dit", "two blocks, two heads, images taller than wide, a class and none", () => new Dit({
    sample_size: [6, 4], channels: 2, width: 8, depth: 2, heads: 2, mlpRatio: 2, classes: 3, nullClass: true, outputs: 3,
  }), [2, 6, 4, 2], { labels: [1, 3] }),
  lucidrainsCase("1.6", ""),
  lucidrainsCase("1.7.0", ", its own guess, twice the outputs", { self_condition: true, learned_variance: true }),
  lucidrainsCase("1.7.1", ""),
  lucidrainsCase("1.7.2", ", learned frequencies", { learned_sinusoidal_cond: true, learned_sinusoidal_dim: 4 }),
  lucidrainsCase("1.7.4", ""),
  lucidrainsCase("1.8", ", full attention above, heads by level", { full_attn: [true, false], attn_heads: [2, 1], attn_dim_head: [2, 3] }),
  lucidrainsCase("1.9", ", three levels", { dim_mults: [1, 1, 2], attn_heads: 2, attn_dim_head: 4 }),
  lucidrainsCase("2.0", ", dropout, another first width", { dropout: 0.2, init_dim: 6, attn_heads: 2, attn_dim_head: 4 }),
  networkCase(
    "SelfConditioned", "an MLP, a guess of x0",
    () => new SelfConditioned(new Mlp({ size: 4, hidden: [8, 6], time: 4, outputs: 2 })), [2, 2],
    (x) => ({ x0: full(x.shape, 0.7, x) }),
  ),
  networkCase(
    "Mlp", "two hidden layers, classes",
    () => new Mlp({ size: 2, hidden: [8, 6], time: 4, classes: 3 }), [2, 2], { labels: [2, 0] },
  ),
];
