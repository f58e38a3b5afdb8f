import { expect } from "chai";
import { openDevice, Random, randomNormal, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import {
  Attention, Conv2d, Downsample, FourierFeatures, GroupNorm, Linear, NormSilu, ResBlock, Upsample, apply, initialize,
  timestepEmbedding, type Module, type Parameter,
} from "@fromnoise/nn";
import { messageOf, readGolden, valuesOf } from "./small.js";

describe("layers", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const made = <M extends Module>(module: M): M => initialize(module, { device, dtype: "f64", seed: 1 });
  const normal = (...shape: number[]): Tensor => randomNormal(shape, new Random(2), { device, dtype: "f64" });
  const set = (p: Parameter, values: ArrayLike<number>): void => {
    p.tensor = tensor(Float64Array.from(values), { device, dtype: "f64", shape: p.shape });
  };

  it("timestepEmbedding has the four conventions of PyTorch's numbers", () => {
    const golden = readGolden<Record<string, { t: number[]; data: number[] }>>("timestep_embedding");
    expect(Object.keys(golden)).to.have.length(4);
    for (const [name, { t, data }] of Object.entries(golden)) {
      const [, flip, shift] = /dim8_flip(\d)_shift(\d)/.exec(name)!;
      const embedding = timestepEmbedding(t, 8, { flipSinToCos: flip === "1", freqShift: Number(shift) });
      data.forEach((value, i) => expect(embedding[i], `${name} ${i}`).to.be.closeTo(value, 1e-11));
    }
  });

  it("timestepEmbedding ends an odd width in a zero and refuses a width without a frequency", () => {
    expect(Array.from(timestepEmbedding([0], 5))).to.deep.equal([1, 1, 0, 0, 0]);
    expect(messageOf(() => timestepEmbedding([1], 2, { freqShift: 1 }))).to.equal(
      "ConfigError: timestep embedding: 2 channels are too few\n  allowed  more than 3");
  });

  it("timestepEmbedding refuses times whose sines would not be exact, and passes NaN on", () => {
    expect(messageOf(() => timestepEmbedding([7, 2147483649], 4))).to.equal(
      "ConfigError: timestep embedding: a time of 2147483649 is too large\n  allowed  -1048576 .. 1048576");
    expect(timestepEmbedding([NaN], 4).every(Number.isNaN)).to.equal(true);
    expect(Array.from(timestepEmbedding([-(2 ** 20)], 4)).every(Number.isFinite)).to.equal(true);
  });

  it("FourierFeatures are t, sin(2 pi t w) and cos(2 pi t w)", async () => {
    const layer = new FourierFeatures("f", 2);
    set(layer.weights, [0.25, 2]);
    const [y] = layer.forward([1, -0.5]);
    const expected = [1, 1, 0, 0, 1, -0.5, -Math.SQRT1_2, 0, Math.SQRT1_2, 1];
    (await valuesOf(y)).forEach((value, i) => expect(value).to.be.closeTo(expected[i], 1e-15));
    expect(layer.width).to.equal(5);
  });

  it("Downsample with padding 0 pads right and bottom, with padding 1 all sides", async () => {
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], { device, dtype: "f64", shape: [1, 4, 4, 1] });
    const sums = async (padding: 0 | 1): Promise<number[]> => {
      const layer = new Downsample("d", 1, { padding });
      set(layer.parameters[0], new Array<number>(9).fill(1));
      set(layer.parameters[1], [0]);
      return valuesOf(layer.forward(x)[0]);
    };
    expect(await sums(0)).to.deep.equal([54, 45, 72, 54]);
    expect(await sums(1)).to.deep.equal([14, 30, 57, 99]);
  });

  it("Upsample repeats pixels before its convolution", async () => {
    const layer = new Upsample("u", 1);
    set(layer.parameters[0], [0, 0, 0, 0, 1, 0, 0, 0, 0]);
    set(layer.parameters[1], [0.5]);
    const [y] = layer.forward(tensor([1, 2], { device, dtype: "f64", shape: [1, 1, 2, 1] }));
    expect(y.shape).to.deep.equal([1, 2, 4, 1]);
    expect(await valuesOf(y)).to.deep.equal([1.5, 1.5, 2.5, 2.5, 1.5, 1.5, 2.5, 2.5]);
  });

  it("Attention has channels / headDim heads, one without headDim", () => {
    const heads = (headDim: number | null): number => new Attention("a", 12, { headDim, groups: 3 }).heads;
    expect([null, 12, 4, 1].map(heads)).to.deep.equal([1, 1, 3, 12]);
    expect(messageOf(() => heads(8))).to.equal([
      "ConfigError: a: 12 channels cannot be split into heads of 8",
      "  allowed  a divisor of the channels, or null for one head of all channels",
    ].join("\n"));
  });

  it("ResBlock and Attention divide by their output scale factor", async () => {
    const x = normal(1, 2, 2, 4);
    const temb = normal(1, 3);
    const block = (outputScaleFactor: number): ResBlock =>
      made(new ResBlock("r", { inChannels: 4, outChannels: 4, timeChannels: 3, groups: 2, outputScaleFactor }));
    const attention = (outputScaleFactor: number): Attention => made(new Attention("a", 4, { groups: 2, outputScaleFactor }));
    const [r1, r2] = [await valuesOf(apply(block(1), x, temb)), await valuesOf(apply(block(2), x, temb))];
    const [a1, a2] = [await valuesOf(apply(attention(1), x)), await valuesOf(apply(attention(2), x))];
    r1.forEach((value, i) => expect(r2[i]).to.equal(value / 2));
    a1.forEach((value, i) => expect(a2[i]).to.equal(value / 2));
  });

  it("NormSilu is GroupNorm, then SiLU", async () => {
    const x = normal(2, 3, 2, 4);
    const [norm, both] = [made(new GroupNorm("n", 4, { groups: 2 })), made(new NormSilu("n", 4, { groups: 2 }))];
    for (const layer of [norm, both]) {
      set(layer.weight, [1, 2, -1, 0.5]);
      set(layer.bias, [0, 1, 0.5, -1]);
    }
    const z = await valuesOf(apply(norm, x));
    (await valuesOf(apply(both, x))).forEach((value, i) => expect(value).to.be.closeTo(z[i] / (1 + Math.exp(-z[i])), 1e-12));
  });

  it("apply frees the cache and everything else but the result", () => {
    const layer = made(new Linear("l", 3, 2));
    const x = normal(4, 3);
    const before = device.memory().tensors;
    const y = apply(layer, x);
    expect(device.memory().tensors - before).to.equal(1);
    expect([y.disposed, x.disposed]).to.deep.equal([false, false]);
  });

  it("errors name the layer", () => {
    const layer = made(new Linear("mid_block.attentions.0.to_q", 3, 2));
    expect(messageOf(() => layer.forward(normal(4, 5)))).to.match(
      /^ShapeError: linear[\s\S]*\n {2}at mid_block\.attentions\.0\.to_q$/);
    const conv = made(new Conv2d("conv_in", 3, 2));
    expect(messageOf(() => conv.forward(normal(1, 2, 2, 4)))).to.match(/^ShapeError: conv2d[\s\S]*\n {2}at conv_in$/);
  });

  it("groups that do not divide the channels are refused when the layer is made", () => {
    expect(messageOf(() => new GroupNorm("norm", 6, { groups: 4 }))).to.equal(
      "ConfigError: norm: 6 channels cannot be split into 4 groups\n  allowed  1, 2, 3, 6 groups");
  });

  it("a parameter takes only tensors of its shape", () => {
    const { weight } = new Linear("l", 3, 2);
    expect(messageOf(() => void (weight.tensor = normal(2, 3)))).to.equal(
      "ShapeError: parameter l.weight: the tensor does not fit\n  tensor   [2, 3]   expected [3, 2]");
  });
});
