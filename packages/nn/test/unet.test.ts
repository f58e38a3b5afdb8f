import { expect } from "chai";
import { finiteCheck, mse, observe, openDevice, pixelShuffle, pixelUnshuffle, Random, randomNormal, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { Adam, Grads, globalNorm, initialize, UNet, type UNetOptions } from "@fromnoise/nn";
import { messageOf, smallConfig, smallUNet, valuesOf } from "./small.js";

describe("UNet", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const images = (n: number, h = 8, w = 8, c = 2): Tensor => randomNormal([n, h, w, c], new Random(1), { device, dtype: "f64" });

  const everything: UNetOptions = {
    down_block_types: ["AttnDownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "AttnUpBlock2D"],
    attention_head_dim: 4, resnet_time_scale_shift: "scale_shift", downsample_type: "resnet", upsample_type: "resnet",
    num_class_embeds: 3,
  };

  it("apply gives what forward gives, bit for bit", async () => {
    for (const [config, labels] of [[{}, undefined], [everything, [2, 0]]] as const) {
      const unet = smallUNet(device, config);
      const [y] = unet.forward(images(2), [3, 900], { labels });
      expect(await valuesOf(unet.apply(images(2), [3, 900], { labels }))).to.deep.equal(await valuesOf(y));
    }
  });

  it("treats each image by itself: images, timesteps and labels of others do not matter", async () => {
    const unet = smallUNet(device, everything);
    const x = images(3);
    const whole = await valuesOf(unet.apply(x, [3, 900, 40], { labels: [2, 0, 1] }));
    const perImage = whole.length / 3;
    const second = tensor((await valuesOf(x)).slice(perImage, 2 * perImage), { device, dtype: "f64", shape: [1, 8, 8, 2] });
    const alone = await valuesOf(unet.apply(second, [900], { labels: [0] }));
    alone.forEach((value, i) => expect(value).to.be.closeTo(whole[perImage + i], 1e-12));
  });

  it("depends on the timestep and on the label", async () => {
    const unet = smallUNet(device, everything);
    const [a, b, c] = [[[5], [1]], [[6], [1]], [[5], [2]]].map(([t, labels]) => unet.apply(images(1), t, { labels }));
    expect(await valuesOf(a)).to.not.deep.equal(await valuesOf(b));
    expect(await valuesOf(a)).to.not.deep.equal(await valuesOf(c));
  });

  it("takes images of any sides that its levels can halve", () => {
    expect(smallUNet(device).apply(images(1, 4, 10), [0]).shape).to.deep.equal([1, 4, 10, 2]);
  });

  it("of patches is the network without them on unshuffled images, forward and backward, bit for bit", async () => {
    const patched = smallUNet(device, { _patch_size: 2, out_channels: 3 });
    const plain = smallUNet(device, { in_channels: 8, out_channels: 12 });
    expect(patched.spec).to.deep.include({ sample: [null, null, 2], outputs: 3 });
    expect(patched.parameters.map(({ name, shape }) => [name, shape])).to.deep.equal(plain.parameters.map(({ name, shape }) => [name, shape]));
    const x = images(2, 8, 16), dy = randomNormal([2, 8, 16, 3], new Random(2), { device, dtype: "f64" });
    const [y, cache] = patched.forward(x, [3, 900]);
    const [under, underCache] = plain.forward(pixelUnshuffle.forward(x, { scale: 2 }), [3, 900]);
    expect(await valuesOf(y)).to.deep.equal(await valuesOf(pixelShuffle.forward(under, { scale: 2 })));
    expect(await valuesOf(patched.apply(x, [3, 900]))).to.deep.equal(await valuesOf(y));
    const grads = new Grads(device), underGrads = new Grads(device);
    const dx = patched.backward(dy, cache, grads);
    const dunder = plain.backward(pixelUnshuffle.forward(dy, { scale: 2 }), underCache, underGrads);
    expect(await valuesOf(dx)).to.deep.equal(await valuesOf(pixelShuffle.forward(dunder, { scale: 2 })));
    for (const [i, p] of patched.parameters.entries()) {
      expect(await valuesOf(grads.get(p)!), p.name).to.deep.equal(await valuesOf(underGrads.get(plain.parameters[i])!));
    }
  });

  it("drops values in training only, by the given random numbers", async () => {
    const unet = smallUNet(device, { dropout: 0.5 });
    const run = async (random?: Random): Promise<number[]> => valuesOf(unet.forward(images(1), [5], undefined, random)[0]);
    const plain = await run();
    expect(await run(new Random(1))).to.deep.equal(await run(new Random(1)));
    expect(await run(new Random(1))).to.not.deep.equal(await run(new Random(2)));
    expect(await run(new Random(1))).to.not.deep.equal(plain);
    expect(await valuesOf(unet.apply(images(1), [5]))).to.deep.equal(plain);
  });

  it("says which sides, channels, timesteps and labels it needs", () => {
    const three = initialize(new UNet({
      ...smallConfig, block_out_channels: [8, 16, 16], down_block_types: ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D"],
      up_block_types: ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D"],
    }), { device, dtype: "f64", seed: 0 });
    expect(messageOf(() => three.forward(images(2, 30, 28), [1, 2]))).to.equal([
      "ShapeError: U-Net: the sides of x must be multiples of 4", "  x        [2, 30, 28, 2]   expected [N, H, W, 2]",
      "  nearest  32 x 28", "  3 levels halve the sides 2 times",
    ].join("\n"));
    expect(messageOf(() => smallUNet(device, { _patch_size: 3 }).forward(images(1, 8, 6), [1]))).to.equal([
      "ShapeError: U-Net: the sides of x must be multiples of 6", "  x        [1, 8, 6, 2]   expected [N, H, W, 2]",
      "  nearest  6 x 6", "  patches of side 3, and 2 levels halve the sides 1 times",
    ].join("\n"));
    const unet = smallUNet(device);
    expect(messageOf(() => unet.apply(images(1, 8, 8, 3), [1]))).to.equal(
      "ShapeError: U-Net: x is not a batch of images with 2 channels\n  x        [1, 8, 8, 3]   expected [N, H, W, 2]");
    expect(messageOf(() => unet.apply(images(2), [1]))).to.contain("ShapeError: U-Net: 1 timesteps for 2 samples");
    expect(messageOf(() => unet.apply(images(1), [1], { labels: [0] }))).to.contain(
      "ConfigError: U-Net: class labels for a network without classes");
    const classes = smallUNet(device, everything);
    expect(messageOf(() => classes.apply(images(1), [1]))).to.contain("ConfigError: U-Net: class labels are missing");
    expect(messageOf(() => classes.apply(images(2), [1, 2], { labels: [0] }))).to.contain(
      "ShapeError: U-Net: 1 class labels for 2 samples");
    expect(messageOf(() => classes.apply(images(1), [1], { labels: [3] }))).to.match(
      /index 3 at position 0 is out of range[\s\S]*at class_embedding$/);
  });

  it("names the layer whose output is not finite, on the way forward and back", () => {
    const unet = smallUNet(device);
    const poison = (name: string): void => {
      const p = unet.parameters.find((q) => q.name === name)!;
      p.tensor = tensor(new Float64Array(p.tensor.size).fill(NaN), { device, dtype: "f64", shape: p.shape });
    };
    const checked = (fn: () => unknown): string => messageOf(() => observe(device, finiteCheck(), fn));
    const [y, cache] = unet.forward(images(1), [5]);
    poison("mid_block.resnets.1.conv2.weight");
    expect(checked(() => unet.backward(y, cache, new Grads(device)))).to.match(
      /^NumericError: conv2dGradInput: [\s\S]*at mid_block\.resnets\.1\.conv2$/);
    poison("down_blocks.1.attentions.0.to_q.weight");
    expect(checked(() => unet.forward(images(1), [5]))).to.match(
      /^NumericError: (linear|matmul): [\s\S]*at down_blocks\.1\.attentions\.0\.to_q$/);
  });

  it("leaves nothing behind: counters after a step are those before it", async () => {
    const unet = smallUNet(device, everything);
    const adam = new Adam(unet);
    const [x, target] = [images(2), images(2)];
    const step = async (): Promise<void> => {
      const grads = new Grads(device);
      const norm = device.scope(() => {
        const [y, cache] = unet.forward(x, [3, 900], { labels: [2, 0] }, new Random(1));
        unet.backward(mse.backward(tensor(1, { device, dtype: "f64" }), y, target).da, cache, grads);
        return globalNorm(grads);
      });
      adam.step(grads, { gradScale: await norm.item() });
      norm.dispose();
      grads.clear();
    };
    await step();
    const { tensors, bytes } = device.memory();
    await step();
    await step();
    expect(device.memory()).to.include({ tensors, bytes });
  });

  it("gives every parameter a gradient", () => {
    const unet = smallUNet(device, everything);
    const grads = new Grads(device);
    const [y, cache] = unet.forward(images(2), [3, 900], { labels: [2, 0] });
    unet.backward(y, cache, grads);
    expect([...grads].map(([p]) => p.name).sort()).to.deep.equal(unet.parameters.map((p) => p.name).sort());
  });

  it("apply keeps no more alive than the skips and one step's own tensors", async () => {
    const unet = smallUNet(device, { layers_per_block: 3 });
    const [n, h, w] = [2, 16, 16];
    const x = images(n, h, w);
    const before = device.memory().bytes;
    const peakOf = (fn: () => Tensor): number => {
      device.resetPeak();
      fn().dispose();
      return device.memory().peakBytes - before;
    };
    const peak = peakOf(() => unet.apply(x, [3, 900]));
    expect(device.memory().bytes).to.equal(before);

    const pixels = 8 * n * h * w;                                          // bytes of one channel at the full resolution, f64
    // Level 0: conv_in and three stages, 8 channels. Level 1, a quarter of the pixels: the downsampling, 8, and three stages, 16.
    const skips = 4 * 8 * pixels + (8 + 3 * 16) * (pixels / 4);
    // The widest step, the first stage of up_blocks.1: its input (16), the concatenation and its normalisation (24 each), and the
    // results of conv1, + time, norm2, conv2, shortcut and sum (8 each).
    const step = (16 + 2 * 24 + 6 * 8) * pixels;
    expect(peak).to.be.below(1.05 * (skips + step));
    const training = peakOf(() => device.scope(() => unet.forward(x, [3, 900])[0]));
    expect(peak).to.be.below(0.4 * training);
  });
});
