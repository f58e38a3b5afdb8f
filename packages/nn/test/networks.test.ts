/** Networks of one's own beside the built-in ones: kinds, the MLP, rows of layers, what a person sees. */
import { inspect } from "node:util";
import { expect } from "chai";
import { concat, mse, openDevice, Random, randomNormal, tensor, zerosLike, type Device, type Tensor } from "@fromnoise/tensor";
import {
  Activation, Adam, Dit, Ema, Grads, Linear, Mlp, SelfConditioned, Sequential, UNet, describe as tensorsOf, initialize, layerCosts,
  loadStateDict, networkOf, stateDict, summary, type Given, type LinearCache, type Network, type NetworkSpec,
} from "@fromnoise/nn";
import { messageOf, smallConfig, smallUNet, valuesOf } from "./small.js";

/** The smallest network of one's own: y = x w + b, whatever the time. */
class Plane implements Network<LinearCache> {
  readonly name = "";
  readonly spec: NetworkSpec;
  private readonly linear: Linear;
  readonly parameters;

  constructor(readonly size: number) {
    this.spec = { kind: "plane", config: { size }, sample: [size], outputs: size };
    this.linear = new Linear("plane", size, size);
    this.parameters = this.linear.parameters;
  }

  create(): Plane {
    return new Plane(this.size);
  }

  forward(x: Tensor): [y: Tensor, cache: LinearCache] {
    return this.linear.forward(x);
  }

  backward(dy: Tensor, cache: LinearCache, grads: Grads): Tensor {
    return this.linear.backward(dy, cache, grads);
  }

  apply(x: Tensor): Tensor {
    return this.linear.forward(x)[0];
  }
}

describe("networks", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const made = <N extends Network>(network: N): N => initialize(network, { device, dtype: "f64", seed: 1 });
  const normal = (...shape: number[]): Tensor => randomNormal(shape, new Random(2), { device, dtype: "f64" });

  it("say what they take: kind, config, sample, outputs, classes", () => {
    expect(new UNet({ ...smallConfig, sample_size: [8, 16], out_channels: 4 }).spec).to.deep.include(
      { kind: "unet", sample: [8, 16, 2], outputs: 4 });
    expect(new UNet({ ...smallConfig, sample_size: 8, num_class_embeds: 3 }).spec).to.deep.include(
      { sample: [8, 8, 2], classes: 3 });
    expect(new UNet(smallConfig).spec).to.deep.include({ sample: [null, null, 2] }).and.not.have.property("classes");
    expect(new Mlp({ size: 2, hidden: [8] }).spec).to.deep.equal({
      kind: "mlp", sample: [2], outputs: 2,
      config: { size: 2, hidden: [8], time: 32, classes: null, nullClass: false, activation: "silu", outputs: null },
    });
  });

  it("may have one more label, for no class", async () => {
    const unet = { ...smallConfig, num_class_embeds: 4 };
    const networks = [
      new UNet({ ...unet, _null_class: true }), new Mlp({ size: 2, hidden: [8], classes: 3, nullClass: true }),
      new Dit({ sample_size: 8, channels: 2, width: 8, classes: 3, nullClass: true }),
    ];
    for (const network of networks) {
      expect(network.spec).to.deep.include({ classes: 3, nullClass: 3 });
      expect(network.create().spec).to.deep.equal(network.spec);
      expect(tensorsOf(network).find(({ name }) => name.includes("class") || name.includes("y_embedder"))!.shape[0]).to.equal(4);
      expect(inspect(network)).to.match(/, 3 classes and none\n/);
      const shape = network.spec.sample.map((side) => side ?? 8);
      made<Network>(network).apply(normal(2, ...shape), [1, 2], { labels: [2, 3] });
    }
    for (const other of [unet, { ...unet, _null_class: false }]) {
      expect(new UNet(other).spec).to.deep.include({ classes: 4 }).and.not.have.property("nullClass");
      expect(new UNet(other).spec.config).to.not.have.property("_null_class");
    }
    expect(messageOf(() => new UNet({ ...smallConfig, _null_class: true }))).to.equal(
      "ConfigError: U-Net config: _null_class with num_class_embeds null\n  allowed  num_class_embeds from 2, one row of them for no class");
    expect(messageOf(() => new UNet({ ...unet, _null_class: 3 }))).to.contain("_null_class: 3 is not allowed");
    expect(messageOf(() => new Mlp({ size: 2, hidden: [4], nullClass: true }))).to.contain("nullClass is for networks with classes");
  });

  it("are built again from kind and config as JSON, one's own by a map of kinds", () => {
    const kinds = { plane: ({ size }: { size?: unknown }) => new Plane(size as number) };
    const networks = [
      new UNet({ ...smallConfig, num_class_embeds: 3 }), new Dit({ sample_size: [4, 8], channels: 3, classes: 2, nullClass: true }),
      new Mlp({ size: 3, hidden: [8, 4], classes: 2, outputs: 6 }), new Plane(2),
    ];
    for (const network of networks) {
      const { kind, config } = JSON.parse(JSON.stringify(network.spec)) as NetworkSpec;
      const again = networkOf({ kind, config }, kinds);
      expect(again.constructor).to.equal(network.constructor);
      for (const other of [again, network.create()]) {
        expect(other.spec).to.deep.equal(network.spec);
        expect(tensorsOf(other)).to.deep.equal(tensorsOf(network));
        expect(other.parameters.some((p) => p.initialized), "has no values").to.be.false;
      }
    }
    expect(messageOf(() => networkOf({ kind: "transformer", config: {} }, kinds))).to.equal([
      'ConfigError: network kind "transformer" is not known', "  allowed  unet, dit, lucidrains, mlp, self-conditioned, plane",
      "  hint     pass your own: { \"transformer\": (config) => new YourNetwork(config) }",
    ].join("\n"));
    expect(messageOf(() => networkOf({ kind: "toString", config: {} }))).to.contain('"toString" is not known');
  });

  it("of one's own are trained, averaged, saved and loaded as ours", async () => {
    const network = made(new Plane(2));
    const [adam, ema] = [new Adam(network, { lr: 0.1 }), new Ema(network)];
    const x = normal(16, 2), target = normal(16, 2);
    const step = async (): Promise<number> => {
      const grads = new Grads(device);
      const loss = device.scope(() => {
        const [y, cache] = network.forward(x);
        network.backward(mse.backward(tensor(1, { device, dtype: "f64" }), y, target).da, cache, grads);
        return mse.forward(y, target);
      });
      adam.step(grads);
      ema.update();
      return loss.item();
    };
    const first = await step();
    for (let i = 0; i < 30; i++) await step();
    expect(await step()).to.be.below(first);
    const loaded = made(networkOf(network.spec, { plane: () => new Plane(2) }));
    loadStateDict(loaded, await stateDict(ema.network));
    expect(await valuesOf(loaded.apply(x, []))).to.deep.equal(await valuesOf(ema.network.apply(x)));
  });

  describe("a self-conditioned network", () => {
    const inner = (): Mlp => new Mlp({ size: 4, hidden: [8], outputs: 2, classes: 2 });

    it("tells its inner network the guess of x0, or zeros, in front of x", async () => {
      const network = made(new SelfConditioned(inner()));
      expect(network.spec).to.deep.equal({
        kind: "self-conditioned", config: { network: { kind: "mlp", config: inner().spec.config } }, sample: [2], outputs: 2, classes: 2,
        selfCondition: true,
      });
      const given: Given = { labels: [1, 0, 1] };
      const x = normal(3, 2), x0 = randomNormal([3, 2], new Random(5), { device, dtype: "f64" }), t = [1, 2, 3];
      for (const [told, input] of [[{ x0 }, concat([x0, x], 1)], [{}, concat([zerosLike(x), x], 1)]] as const) {
        const wanted = await valuesOf(network.inner.apply(input, t, given));
        expect(await valuesOf(network.apply(x, t, { ...given, ...told }))).to.deep.equal(wanted);
        expect(await valuesOf(network.forward(x, t, { ...given, ...told })[0])).to.deep.equal(wanted);
      }
      expect(inspect(network)).to.match(/^self-conditioned, 330 parameters, x \[N, 2\] -> \[N, 2\], 2 classes\n/);
      expect(summary(network).split("\n")[1]).to.match(/^input +\[1, 8\] +40 +32$/);
    });

    it("leaves nothing behind, and is built again around a network of one's own", () => {
      const kinds = { plane: ({ size }: { size?: unknown }) => new Plane(size as number) };
      const plane = networkOf(new SelfConditioned(new Plane(4)).spec, kinds);
      expect([plane.spec.sample, plane.create().spec]).to.deep.equal([[2], plane.spec]);
      const network = made(new SelfConditioned(inner()));
      const x = normal(3, 2);
      const before = device.memory().tensors;
      const grads = new Grads(device);
      device.scope(() => {
        const [y, cache] = network.forward(x, [1, 2, 3], { labels: [0, 1, 0], x0: x });
        expect(network.backward(y, cache, grads).shape).to.deep.equal([3, 2]);
      });
      network.apply(x, [1, 2, 3], { labels: [0, 1, 0], x0: x }).dispose();
      grads.clear();
      expect(device.memory().tensors).to.equal(before);
    });

    it("says what it needs", () => {
      expect(messageOf(() => new SelfConditioned(new Plane(3)))).to.equal([
        "ConfigError: self-conditioned: plane cannot be told a guess of x0 beside x", "  samples  [3]",
        "  allowed  networks whose last axis has room for x0 and x",
      ].join("\n"));
      expect(messageOf(() => new SelfConditioned(new SelfConditioned(new Plane(4))))).to.contain("cannot be told a guess");
      const network = made(new SelfConditioned(inner()));
      expect(messageOf(() => network.apply(normal(1, 2), [1], { labels: [0], x0: normal(1, 3) }))).to.equal(
        "ShapeError: self-conditioned: the guess of x0 has another shape than x\n  x        [1, 2]\n  x0       [1, 3]");
      expect(messageOf(() => network.apply(normal(1, 2), [1]))).to.contain("class labels are missing");
      expect(messageOf(() => networkOf({ kind: "self-conditioned", config: { network: 3 } }))).to.contain("network: 3 is not allowed");
    });
  });

  describe("the MLP", () => {
    const given: Given = { labels: [1, 0, 1] };

    it("adds point, time and class in front of its hidden layers", async () => {
      const mlp = made(new Mlp({ size: 2, hidden: [8, 6], time: 4, classes: 2, activation: "gelu", outputs: 4 }));
      expect(mlp.parameters.map(({ name, shape }) => [name, ...shape])).to.deep.equal([
        ["input.weight", 2, 8], ["input.bias", 8], ["time.weight", 4, 8], ["classes.weight", 2, 8],
        ["body.1.weight", 8, 6], ["body.1.bias", 6], ["body.3.weight", 6, 4], ["body.3.bias", 4],
      ]);
      const x = normal(3, 2);
      const [y] = mlp.forward(x, [3, 900, 3.5], given);
      expect(y.shape).to.deep.equal([3, 4]);
      expect(await valuesOf(mlp.apply(x, [3, 900, 3.5], given))).to.deep.equal(await valuesOf(y));
      expect(await valuesOf(mlp.apply(x, [4, 900, 3.5], given))).to.not.deep.equal(await valuesOf(y));
      expect(await valuesOf(mlp.apply(x, [3, 900, 3.5], { labels: [0, 0, 1] }))).to.not.deep.equal(await valuesOf(y));
    });

    it("leaves nothing behind: neither apply nor a step", () => {
      const mlp = made(new Mlp({ size: 2, hidden: [8, 6], classes: 2 }));
      const x = normal(3, 2);
      const before = device.memory().tensors;
      mlp.apply(x, [1, 2, 3], given).dispose();
      expect(device.memory().tensors).to.equal(before);
      const grads = new Grads(device);
      device.scope(() => {
        const [y, cache] = mlp.forward(x, [1, 2, 3], given);
        mlp.backward(y, cache, grads);
      });
      expect(grads.size).to.equal(mlp.parameters.length);
      grads.clear();
      expect(device.memory().tensors).to.equal(before);
    });

    it("says what it needs and what it does not read", () => {
      expect(messageOf(() => new Mlp({ size: 2 }))).to.equal(
        "ConfigError: MLP config: hidden: undefined is not allowed\n  allowed  lists of whole numbers from 1 to 65536, at most 1024 of them");
      expect(messageOf(() => new Mlp({ size: 2, hidden: [4], activation: "tanh" }))).to.equal(
        'ConfigError: MLP config: activation: "tanh" is not allowed\n  allowed  silu, gelu, relu, mish');
      expect(messageOf(() => new Mlp({ size: 2, hiden: [4] }))).to.contain("ConfigError: MLP config: the field hiden is not known");
      const mlp = made(new Mlp({ size: 2, hidden: [4] }));
      expect(messageOf(() => mlp.apply(normal(3, 3), [1, 2, 3]))).to.equal(
        "ShapeError: MLP: x is not a batch of points of 2 numbers\n  x        [3, 3]   expected [N, 2]");
      expect(messageOf(() => mlp.apply(normal(3, 2), [1]))).to.contain("ShapeError: MLP: 1 timesteps for 3 samples");
      expect(messageOf(() => mlp.apply(normal(3, 2), [1, 2, 3], given))).to.contain("class labels for a network without classes");
      expect(messageOf(() => mlp.apply(normal(1, 2), [1], { x0: normal(1, 2) }))).to.contain("not self-conditioned");
      expect(messageOf(() => mlp.apply(normal(1, 2), [1], { embedding: normal(1, 2) }))).to.contain(
        "an embedding for a network that reads none");
    });
  });

  it("a row of layers gives what its layers give one after the other, with a cache for each", async () => {
    const [first, second] = [new Linear("0", 2, 4), new Linear("2", 4, 3)];
    const row = initialize(new Sequential<unknown>("", [first, new Activation("1"), second]), { device, dtype: "f64", seed: 1 });
    const x = normal(3, 2);
    const [y, caches] = row.forward(x);
    expect(caches).to.have.length(3);
    const [h] = first.forward(x);
    const [z] = second.forward(new Activation("1").forward(h)[0]);
    expect(await valuesOf(y)).to.deep.equal(await valuesOf(z));
    expect(tensorsOf(row).map(({ name }) => name)).to.deep.equal(["0.weight", "0.bias", "2.weight", "2.bias"]);
  });

  it("print as a person wants them", () => {
    const unet = smallUNet(device, { sample_size: 8 });
    expect(inspect(unet)).to.equal([
      "unet, 45,114 parameters, x [N, 8, 8, 2] -> [N, 8, 8, 2]",
      "  conv_in            152", "  time_embedding   1,344", "  down_blocks.0    2,048", "  down_blocks.1    5,328",
      "  up_blocks.0     19,456", "  up_blocks.1      5,040", "  mid_block       11,584", "  conv_norm_out       16",
      "  conv_out           146",
    ].join("\n"));
    expect(inspect(new Mlp({ size: 2, hidden: [8, 6], classes: 3, time: 4 }))).to.equal([
      "mlp, 148 parameters, x [N, 2] -> [N, 2], 3 classes",
      "  input    24", "  time     32", "  classes  24", "  body.1   54", "  body.3   14",
    ].join("\n"));
    expect(inspect(unet.parameters[0])).to.equal("Parameter conv_in.weight [3, 3, 2, 8] f64 on reference");
    expect(inspect(new Linear("l", 2, 3).weight)).to.equal("Parameter l.weight [2, 3] without values");
    const grads = new Grads(device);
    grads.add(unet.parameters[1], normal(8));
    expect(inspect(grads)).to.equal("Grads of 1 parameters on reference\n  conv_in.bias [8]");
    expect(inspect({ x: normal(2, 3) })).to.equal("{ x: Tensor f64 [2, 3] on reference }");
    expect(inspect(new Sequential("s", [new Linear("s.0", 2, 2)]))).to.equal("Sequential, 6 parameters\n  0  6");
  });

  it("are summed up in a table by layer, without computing anything", () => {
    const mlp = summary(new Mlp({ size: 2, hidden: [8, 6], classes: 3, time: 4 }));
    expect(mlp.replace(/ {2,}/g, " | ").split("\n")).to.deep.equal([
      "layer | output | parameters | multiply-adds", "input | [1, 8] | 24 | 16", "time | [1, 8] | 32 | 32",
      "classes | [1, 8] | 24 | 0", "body.1 | [1, 6] | 54 | 48", "body.3 | [1, 2] | 14 | 12", "total | 148 | 108",
    ]);
    const unet = new UNet(smallConfig);
    expect(messageOf(() => summary(unet))).to.equal([
      "ConfigError: summary: the network unet takes samples of any size", "  sample   [any, any, 2]",
      "  pass     summary(network, { sample: [32, 32, 2] })",
    ].join("\n"));
    const lines = summary(unet, { sample: [8, 8, 2] }).split("\n").map((line) => line.split(/ {2,}/));
    expect(lines.find(([name]) => name === "conv_in")).to.deep.equal(["conv_in", "[1, 8, 8, 8]", "152", "9,216"]);
    expect(lines.find(([name]) => name === "down_blocks.1.attentions.0"), "attention computes without weights").to.have.length(4);
    expect(lines.at(-1)!.slice(0, 2)).to.deep.equal(["total", "45,114"]);
    expect(unet.parameters.some((p) => p.initialized), "the network itself stays as it is").to.be.false;
    expect(summary(new Plane(2)).split("\n")[1]).to.match(/^plane +\[1, 2\] +6 +4$/);
  });

  it("say what their layers cost for a batch: kernels, multiply-adds, bytes of what they write", () => {
    const costs = layerCosts(new Mlp({ size: 2, hidden: [8, 6], classes: 3, time: 4 }), { sample: [2], batch: 5 });
    const of = (name: string): unknown => costs.find(({ layer }) => layer === name);
    expect(of("body.1")).to.deep.equal(
      { layer: "body.1", output: [5, 6], parameters: 54, kernels: 1, macs: 5 * 8 * 6, bytes: 4 * 5 * 6 });
    expect(of("body.0"), "silu").to.deep.equal(
      { layer: "body.0", output: [5, 8], parameters: 0, kernels: 1, macs: 0, bytes: 4 * 5 * 8 });
    expect(costs.map(({ layer }) => layer).filter((layer) => layer.startsWith("body"))).to.deep.equal(
      ["body.0", "body.1", "body.2", "body.3"]);
    const total = costs.reduce((sum, { macs, parameters }) => [sum[0]! + macs, sum[1]! + parameters], [0, 0]);
    expect(total).to.deep.equal([5 * (2 * 8 + 4 * 8 + 8 * 6 + 6 * 2), 148]);
    expect(layerCosts(new Plane(2), { sample: [2] })).to.deep.equal(layerCosts(new Plane(2), { sample: [2], batch: 1 }));
  });
});
