/** What programs without types meet in layers: an error that names the layer and says what to pass. */
import { expect } from "chai";
import { Random, openDevice, randomNormal, type Device, type Tensor } from "@fromnoise/tensor";
import {
  Adam, AdaGroupNormSilu, AdaLayerNorm, Attention, ClassEmbedding, Conv2d, Downsample, FinalLayer, FourierFeatures, Grads, GroupNorm, Linear, NormSilu,
  PatchEmbedding, ResBlock, ScaleShiftTimeNorm, SelfAttention, TimeMlp, TimeProjection, TransformerBlock, Upsample, apply,
  globalNorm, initialize, type Module,
} from "@fromnoise/nn";
import { messageOf, smallUNet } from "./small.js";

/** Any layer, as a program without types sees it. */
interface Layer extends Module {
  forward(...args: unknown[]): readonly [Tensor, unknown];
  backward(...args: unknown[]): unknown;
}

const MAKE = "not a tensor\n  make one with tensor(values, { device })";

describe("arguments that are missing", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());
  const made = <M extends Module>(module: M): M => initialize(module, { device, dtype: "f64", seed: 1 });
  const normal = (...shape: number[]): Tensor => randomNormal(shape, new Random(2), { device, dtype: "f64" });
  const image = (): Tensor => normal(1, 4, 4, 2);

  const layers: [what: string, layer: () => Module, args: () => unknown[]][] = [
    ["Linear", () => new Linear("a", 2, 3), () => [normal(1, 2)]],
    ["Conv2d", () => new Conv2d("a", 2, 2), () => [image()]],
    ["GroupNorm", () => new GroupNorm("a", 2, { groups: 1 }), () => [image()]],
    ["NormSilu", () => new NormSilu("a", 2, { groups: 1 }), () => [image()]],
    ["Downsample", () => new Downsample("a", 2), () => [image()]],
    ["Upsample", () => new Upsample("a", 2), () => [image()]],
    ["Attention", () => new Attention("a", 2, { groups: 1 }), () => [image()]],
    ["TimeMlp", () => new TimeMlp("a", 2, 3), () => [normal(1, 2)]],
    ["TimeProjection", () => new TimeProjection("a", 2, 3), () => [normal(1, 2)]],
    ["ScaleShiftTimeNorm", () => new ScaleShiftTimeNorm("a", 2, { groups: 1 }), () => [image(), normal(1, 4)]],
    ["AdaGroupNormSilu", () => new AdaGroupNormSilu("a", 2, { groups: 1 }), () => [image(), normal(1, 4)]],
    ["ResBlock", () => new ResBlock("a", { inChannels: 2, outChannels: 4, timeChannels: 3, groups: 1 }),
      () => [image(), normal(1, 3)]],
    ["SelfAttention", () => new SelfAttention("a", 4, 2), () => [normal(1, 3, 4)]],
    ["PatchEmbedding", () => new PatchEmbedding("a", 2, 2, 2, 3), () => [image()]],
    ["AdaLayerNorm", () => new AdaLayerNorm("a", 4), () => [normal(1, 3, 4), normal(1, 8)]],
    ["TransformerBlock", () => new TransformerBlock("a", 4, 2, 8), () => [normal(1, 3, 4), normal(1, 4)]],
    ["FinalLayer", () => new FinalLayer("a", 4, 2), () => [normal(1, 3, 4), normal(1, 4)]],
    ["ClassEmbedding", () => new ClassEmbedding("a", 3, 2), () => [[1]]],
    ["FourierFeatures", () => new FourierFeatures("a", 2), () => [[0.5]]],
  ];
  for (const [what, make, args] of layers) {
    it(`${what} names itself and what its backward lacks`, () => {
      const layer = made(make()) as Layer;
      const [y, cache] = layer.forward(...args());
      expect(messageOf(() => layer.backward(y, cache))).to.equal(
        "ConfigError: a: backward has no gradients to add to\n  pass     a Grads: new Grads(device)");
      expect(messageOf(() => layer.backward(y, undefined, new Grads(device)))).to.equal(
        "ConfigError: a: backward has no cache\n  pass     the second result of forward: const [y, cache] = layer.forward(x)");
    });
  }

  it("is said of a gradient and of a whole network", () => {
    expect(messageOf(() => made(new Linear("a", 2, 3)).backward([1] as never, {} as never, new Grads(device)))).to.equal(
      `ConfigError: a: backward: dy is an array of 1, ${MAKE}`);
    const unet = smallUNet(device);
    const [y, cache] = unet.forward(normal(1, 8, 8, unet.config.in_channels), [5]);
    expect(messageOf(() => unet.backward(y, cache, undefined as never))).to.equal(
      "ConfigError: the network: backward has no gradients to add to\n  pass     a Grads: new Grads(device)");
    expect(messageOf(() => unet.forward([1] as never, [5]))).to.equal(`ConfigError: U-Net: x is an array of 1, ${MAKE}`);
    expect(messageOf(() => unet.apply(undefined as never, [5]))).to.equal(`ConfigError: U-Net: x is undefined, ${MAKE}`);
  });

  it("goes through the operation's own check in a forward, with the layer's name", () => {
    expect(messageOf(() => made(new Linear("a", 2, 3)).forward([1, 2] as never))).to.equal(
      "ConfigError: linear: x is an array of 2, not a tensor\n  make one with tensor(values, { device })\n  at a");
    expect(messageOf(() => made(new Attention("a", 2, { groups: 1 })).forward(3 as never))).to.equal(
      `ConfigError: a: x is the number 3, ${MAKE}`);
    expect(messageOf(() => made(new ScaleShiftTimeNorm("a", 2, { groups: 1 })).forward(image(), [1] as never))).to.equal(
      `ConfigError: a: t is an array of 1, ${MAKE}`);
    expect(messageOf(() => apply(made(new Linear("a", 2, 3)), 3 as never))).to.equal(
      `ConfigError: apply: x is the number 3, ${MAKE}`);
  });

  it("is said by what reads gradients", () => {
    const text = "there are no gradients\n  pass     a Grads: new Grads(device)";
    const adam = new Adam(made(new Linear("a", 2, 3)));
    expect(messageOf(() => adam.step(undefined as never))).to.equal(`ConfigError: Adam.step: ${text}`);
    expect(messageOf(() => globalNorm([] as never))).to.equal(`ConfigError: globalNorm: ${text}`);
  });

  it("is said of devices and of values", () => {
    const linear = new Linear("a", 2, 3);
    expect(messageOf(() => new Grads("wasm" as never))).to.equal(
      'ConfigError: Grads: device is the string "wasm", not a device\n  pass     await openDevice("wasm")');
    expect(messageOf(() => initialize(linear, { seed: 1 } as never))).to.equal(
      'ConfigError: initialize: options has no device\n  pass     { device }, from await openDevice("reference")');
    expect(messageOf(() => void (linear.weight.tensor = [1] as never))).to.equal(
      `ConfigError: parameter a.weight: tensor is an array of 1, ${MAKE}`);
    expect(messageOf(() => new Grads(device).add(linear.weight, 1 as never))).to.equal(
      `ConfigError: Grads.add: g is the number 1, ${MAKE}`);
  });
});
