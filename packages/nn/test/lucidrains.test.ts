import { inspect } from "node:util";
import { expect } from "chai";
import { concat, openDevice, Random, randomNormal, zerosLike, type Device, type Tensor } from "@fromnoise/tensor";
import {
  Adam, Grads, LucidrainsUNet, describe as tensorsOf, eraNames, eraOfNames, initialize, layerCosts, loadStateDict, lucidrainsConfig,
  lucidrainsEra, networkOf, parameterCount, stateDict, summary, type LucidrainsEra, type LucidrainsOptions, type NetworkSpec,
} from "@fromnoise/nn";
import { messageOf, valuesOf } from "./small.js";

/** Two levels of 8 and 16 channels. */
const small = (era: LucidrainsEra, more: Partial<LucidrainsOptions> = {}): LucidrainsOptions =>
  ({ era, dim: 8, dim_mults: [1, 2], channels: 2, ...more });

describe("lucidrains' U-Net", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const normal = (...shape: number[]): Tensor => randomNormal(shape, new Random(2), { device, dtype: "f64" });
  const made = (options: LucidrainsOptions): LucidrainsUNet => initialize(new LucidrainsUNet(options), { device, dtype: "f64", seed: 1 });

  it("starts as the program does: gains 1, shifts 0, memories from N(0, 1), weights of every layer by its inputs", async () => {
    const unet = made(small("1.9"));
    const values = new Map(await Promise.all(unet.parameters.map(async ({ name, tensor }) => [name, await valuesOf(tensor)] as const)));
    for (const [name, all] of values) {
      const [least, most] = [Math.min(...all), Math.max(...all)];
      if (/norm\.weight$|\.g$/.test(name)) expect([least, most], name).to.deep.equal([1, 1]);
      else if (name.endsWith("norm.bias")) expect([least, most], name).to.deep.equal([0, 0]);
      else if (name.endsWith("mem_kv")) expect(most, name).to.be.within(2, 5);
    }
    const limit = 1 / Math.sqrt(2 * 7 * 7);
    expect(Math.max(...values.get("init_conv.weight")!.map(Math.abs))).to.be.within(0.95 * limit, limit);
  });

  it("reads the time, every image for itself; apply gives what forward gives, and leaves nothing behind", async () => {
    for (const era of eraNames) {
      const unet = made(small(era));
      const x = normal(2, 4, 8, 2);
      const before = device.memory().tensors;
      const first = await valuesOf(unet.apply(x, [3, 900]));
      const other = await valuesOf(unet.apply(x, [4, 900]));
      expect(device.memory().tensors - before, "the two y").to.equal(2);
      expect(other.slice(0, 64)).not.to.deep.equal(first.slice(0, 64));
      expect(other.slice(64)).to.deep.equal(first.slice(64));
      const grads = new Grads(device);
      const y = device.scope(() => {
        const [out, cache] = unet.forward(x, [3, 900]);
        expect(unet.backward(out, cache, grads).shape).to.deep.equal(x.shape);
        return out;
      });
      expect(await valuesOf(y)).to.deep.equal(first);
      expect(grads.size, era).to.equal(unet.parameters.length);
      grads.clear();
      expect(device.memory().tensors - before).to.equal(3);
    }
  });

  it("keeps no more alive without caches than the skips and a step's own tensors", () => {
    const most = (levels: number, run: (unet: LucidrainsUNet, x: Tensor) => void): number => {
      const unet = made(small("1.6", { dim_mults: new Array<number>(levels).fill(1) }));
      const x = normal(1, 32, 32, 2);
      device.resetPeak();
      const before = device.memory().peakBytes;
      device.scope(() => run(unet, x));
      return device.memory().peakBytes - before;
    };
    const apply = (unet: LucidrainsUNet, x: Tensor): void => void unet.apply(x, [1]);
    expect(most(3, apply), "what a lower level makes is gone when the upper one needs most").to.equal(most(2, apply));
    expect(most(2, apply)).to.be.below(0.7 * most(2, (unet, x) => void unet.forward(x, [1])));
  });

  it("is told its own guess in front of x, or zeros", async () => {
    const unet = made(small("2.0", { self_condition: true }));
    expect(unet.spec).to.deep.include({ kind: "lucidrains", sample: [null, null, 2], outputs: 2, selfCondition: true });
    const plain = made(small("2.0", { channels: 4, out_dim: 2 }));
    loadStateDict(plain, await stateDict(unet));
    const [x, x0] = [normal(1, 4, 4, 2), randomNormal([1, 4, 4, 2], new Random(5), { device, dtype: "f64" })];
    for (const [given, input] of [[{ x0 }, concat([x0, x], 3)], [{}, concat([zerosLike(x), x], 3)]] as const) {
      expect(await valuesOf(unet.apply(x, [7], given))).to.deep.equal(await valuesOf(plain.apply(input, [7])));
    }
    expect(messageOf(() => unet.apply(x, [7], { x0: normal(1, 4, 4, 1) }))).to.equal(
      "ShapeError: lucidrains' U-Net: the guess of x0 has another shape than x\n  x        [1, 4, 4, 2]\n  x0       [1, 4, 4, 1]");
  });

  it("has features of the time under frequencies that are learned, or stay as drawn", async () => {
    for (const [options, trained] of [[{ learned_sinusoidal_cond: true }, true], [{ random_fourier_features: true }, false]] as const) {
      const unet = made(small("1.8", { ...options, learned_sinusoidal_dim: 6 }));
      expect(tensorsOf(unet).slice(2, 4)).to.deep.equal([
        { name: "time_mlp.0.weights", shape: [3] }, { name: "time_mlp.1.weight", shape: [32, 7] },
      ]);
      const weights = unet.parameters[2];
      const before = await valuesOf(weights.tensor);
      const grads = new Grads(device);
      device.scope(() => {
        const [y, cache] = unet.forward(normal(1, 4, 4, 2), [0.3]);
        unet.backward(y, cache, grads);
      });
      expect(grads.get(weights) !== undefined).to.equal(trained);
      new Adam(unet).step(grads);
      expect((await valuesOf(weights.tensor)).join() !== before.join()).to.equal(trained);
      grads.clear();
    }
  });

  it("drops values of its blocks' first halves in training alone", async () => {
    const unet = made(small("2.0", { dropout: 0.5 }));
    const x = normal(1, 4, 4, 2);
    const y = await valuesOf(unet.apply(x, [3]));
    expect(await valuesOf(unet.forward(x, [3])[0])).to.deep.equal(y);
    const dropped = await valuesOf(unet.forward(x, [3], {}, new Random(1))[0]);
    expect(dropped).not.to.deep.equal(y);
    expect(await valuesOf(unet.forward(x, [3], {}, new Random(1))[0])).to.deep.equal(dropped);
  });

  it("gives on wasm what it gives on the reference, forward and backward, at widths that fill its vectors", async () => {
    const wasm = await openDevice("wasm", { threads: 1 });
    const run = async (on: Device, era: LucidrainsEra): Promise<Tensor[]> => {
      const unet = initialize(new LucidrainsUNet({ era, dim: 32, dim_mults: [1, 2] }), { device: on, seed: 1 });
      const grads = new Grads(on);
      const x = randomNormal([1, 16, 16, 3], new Random(2), { device: on });
      const [y, dx] = on.scope(() => {
        const [out, cache] = unet.forward(x, [300]);
        return [out, unet.backward(out, cache, grads)];
      });
      return [y, dx, ...unet.parameters.map((p) => grads.get(p)!)];
    };
    for (const era of ["1.6", "1.8", "2.0"] as const) {
      const [ours, right] = [await run(wasm, era), await run(device, era)];
      for (const [i, tensor] of ours.entries()) {
        const [a, b] = [await valuesOf(tensor), await valuesOf(right[i])];
        const largest = Math.max(...b.map(Math.abs), 1e-6);
        expect(Math.max(...a.map((value, j) => Math.abs(value - b[j]))) / largest, `${era}, tensor ${i}`).to.be.below(2e-3);
      }
    }
    await wasm.dispose();
  }).timeout(120000);

  it("is built again from kind and config as JSON, whose fields are those of its era", () => {
    for (const era of eraNames) {
      const unet = new LucidrainsUNet(small(era, { image_size: [8, 4] }));
      const { kind, config } = JSON.parse(JSON.stringify(unet.spec)) as NetworkSpec;
      const again = networkOf({ kind, config });
      expect(again).to.be.instanceOf(LucidrainsUNet);
      for (const other of [again, unet.create()]) {
        expect(other.spec).to.deep.equal(unet.spec);
        expect(tensorsOf(other)).to.deep.equal(tensorsOf(unet));
      }
      expect(unet.spec.sample).to.deep.equal([8, 4, 2]);
    }
    expect(lucidrainsConfig({ era: "1.6", dim: 64 })).to.deep.equal({
      era: "1.6", dim: 64, init_dim: null, out_dim: null, dim_mults: [1, 2, 4, 8], channels: 3, self_condition: false,
      learned_variance: false, learned_sinusoidal_cond: false, random_fourier_features: false, learned_sinusoidal_dim: 16,
      resnet_block_groups: 8, image_size: null,
    });
    expect(lucidrainsConfig({ era: "2.0", dim: 64 })).to.include({ dropout: 0, sinusoidal_pos_emb_theta: 10000, full_attn: null });
    expect(new LucidrainsUNet(small("1.8", { learned_variance: true })).spec.outputs).to.equal(4);
  });

  it("tells its era by version or names", () => {
    const versions = {
      "0.32.0": "1.6", "1.0.0": "1.6", "1.6.4": "1.6", "1.7.0": "1.7.0", "1.7.1": "1.7.1", "1.7.3": "1.7.2", "1.7.7": "1.7.4",
      "1.8.0": "1.8", "1.8.14a": "1.8", "1.9.0": "1.9", "1.11.1": "1.9", "1.16.6": "1.9", "2.0.0": "2.0", "v2.2.6": "2.0",
    };
    for (const [version, era] of Object.entries(versions)) expect(lucidrainsEra(version), version).to.equal(era);
    for (const version of ["0.31.9", "0.9", "", "two"]) {
      expect(messageOf(() => lucidrainsEra(version))).to.contain(`version ${JSON.stringify(version)} is not known`);
    }
    for (const era of eraNames) {
      const named = eraOfNames(tensorsOf(new LucidrainsUNet(small(era))).map(({ name }) => name));
      expect(named, era).to.equal(era.startsWith("1.7") ? "1.6" : era);
    }
  });

  it("prints, is summed up, and says what it costs", () => {
    const unet = new LucidrainsUNet({ era: "1.8", dim: 64 });
    expect(inspect(unet)).to.match(
      /^lucidrains, 35,710,339 parameters, x \[N, any, any, 3\] -> \[N, any, any, 3\]\n {2}init_conv +9,472\n {2}time_mlp.1 +16,640\n/);
    const lines = summary(unet, { sample: [32, 32, 3] }).split("\n");
    expect(lines.find((line) => line.startsWith("downs.0.3.1"))).to.match(/\[1, 16, 16, 64\] +16,448 +4,194,304$/);
    const macs = layerCosts(unet, { sample: [32, 32, 3] }).reduce((sum, cost) => sum + cost.macs, 0);
    expect(macs / 1e6, "1803 of convolutions and linear layers, and the attention").to.be.within(1803, 1830);
    expect(parameterCount(new LucidrainsUNet({ era: "1.9", dim: 64 }))).to.equal(35_710_339 + 9 * 2 * 4 * 32 * 4);
  });

  it("says what it needs", () => {
    const problem = (options: Readonly<Record<string, unknown>>): string =>
      messageOf(() => new LucidrainsUNet({ era: "1.8", dim: 8, ...options }));
    expect(problem({ era: undefined })).to.equal(
      "ConfigError: lucidrains config: era: undefined is not allowed\n  allowed  1.6, 1.7.0, 1.7.1, 1.7.2, 1.7.4, 1.8, 1.9, 2.0");
    expect(problem({ era: "1.6", dropout: 0.1 })).to.equal(
      "ConfigError: lucidrains config: the network of era 1.6 has no dropout\n  allowed  2.0");
    expect(problem({ era: "1.6", full_attn: [true] })).to.contain("era 1.6 has no full_attn\n  allowed  1.8, 1.9, 2.0");
    expect(problem({ era: "2.0", resnet_block_groups: 8 })).to.contain("era 2.0 has no resnet_block_groups");
    expect(problem({ flash_attn: true })).to.contain("the field flash_attn is not known");
    expect(problem({ dim: 7 })).to.contain("dim: 7 is not allowed\n  allowed  even numbers from 4");
    expect(problem({ full_attn: [true, false] })).to.equal(
      "ConfigError: lucidrains config: full_attn [true,false] is not for 4 levels\n  allowed  as many values as dim_mults has");
    expect(problem({ init_dim: 16 })).to.contain("init_dim 16 with dim 8: the last block of era 1.8 reads 2 dim channels");
    expect(problem({ dim: 12 })).to.contain("downs.0.0.block1.norm: 12 channels cannot be split into 8 groups");
    const unet = made(small("1.8"));
    expect(messageOf(() => unet.apply(normal(1, 4, 4, 3), [1]))).to.equal(
      "ShapeError: lucidrains' U-Net: x is not a batch of images with 2 channels\n  x        [1, 4, 4, 3]   expected [N, H, W, 2]");
    expect(messageOf(() => unet.apply(normal(1, 5, 4, 2), [1]))).to.contain("the sides of x must be multiples of 2");
    expect(messageOf(() => unet.apply(normal(1, 4, 4, 2), [1], { labels: [0] }))).to.contain("class labels for a network without classes");
    expect(messageOf(() => unet.apply(normal(1, 4, 4, 2), [1], { x0: normal(1, 4, 4, 2) }))).to.contain("not self-conditioned");
  });
});
