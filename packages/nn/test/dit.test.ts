import { inspect } from "node:util";
import { expect } from "chai";
import { openDevice, Random, randomNormal, type Device, type Tensor } from "@fromnoise/tensor";
import { Dit, Grads, describe as tensorsOf, initialize, layerCosts, summary, type DitOptions } from "@fromnoise/nn";
import { gridPositions } from "../src/networks/dit/positions.js";
import { fromPatches, toPatches } from "../src/networks/dit/patches.js";
import { messageOf, valuesOf } from "./small.js";

const config = { sample_size: [4, 8], channels: 1, width: 8, depth: 2, heads: 2, classes: 3, nullClass: true } satisfies DitOptions;

describe("the DiT", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const normal = (...shape: number[]): Tensor => randomNormal(shape, new Random(2), { device, dtype: "f64" });
  const made = (options: DitOptions): Dit => initialize(new Dit(options), { device, dtype: "f64", seed: 1 });
  /** With values where the paper has zeros, so that something comes out. */
  const filled = (options: DitOptions): Dit => {
    const dit = made(options);
    const random = new Random(3);
    for (const p of dit.parameters) p.tensor = device.keep(randomNormal(p.shape, random, { device, dtype: "f64" }));
    return dit;
  };

  it("has the names and shapes of the authors' state dict", () => {
    const names = tensorsOf(new Dit(config)).map(({ name, shape }) => `${name} ${shape.join(",")}`);
    const block = (i: number): string[] => [
      "attn.qkv.weight 24,8", "attn.qkv.bias 24", "attn.proj.weight 8,8", "attn.proj.bias 8", "mlp.fc1.weight 32,8", "mlp.fc1.bias 32",
      "mlp.fc2.weight 8,32", "mlp.fc2.bias 8", "adaLN_modulation.1.weight 48,8", "adaLN_modulation.1.bias 48",
    ].map((name) => `blocks.${i}.${name}`);
    expect(names).to.deep.equal([
      "x_embedder.proj.weight 8,1,2,2", "x_embedder.proj.bias 8", "t_embedder.mlp.0.weight 8,256", "t_embedder.mlp.0.bias 8",
      "t_embedder.mlp.2.weight 8,8", "t_embedder.mlp.2.bias 8", "y_embedder.embedding_table.weight 4,8", ...block(0), ...block(1),
      "final_layer.linear.weight 4,8", "final_layer.linear.bias 4", "final_layer.adaLN_modulation.1.weight 16,8",
      "final_layer.adaLN_modulation.1.bias 16",
    ]);
  });

  it("starts as 0, its blocks as nothing, under every scheme; its linear layers by the scheme", async () => {
    for (const scheme of ["pytorch", "paper"] as const) {
      const dit = initialize(new Dit(config), { device, dtype: "f64", seed: 1, scheme });
      const y = dit.apply(normal(2, 4, 8, 1), [3, 900], { labels: [0, 3] });
      expect(new Set((await valuesOf(y)).map(Math.abs))).to.deep.equal(new Set([0]));
      for (const p of dit.parameters) {
        const largest = Math.max(...(await valuesOf(p.tensor)).map(Math.abs));
        const zero = /adaLN_modulation|final_layer/.test(p.name) || (scheme === "paper" && p.name.endsWith(".bias"));
        expect(largest === 0, `${scheme}: ${p.name}`).to.equal(zero);
        const { fanIn, fanOut } = p;
        const limit = Math.sqrt(6 / (fanIn + fanOut));                                      // Xavier's
        if (scheme === "paper" && p.role === "weight" && !zero) expect(largest).to.be.within(0.8 * limit, limit);
      }
    }
  });

  it("reads time and class, every image for itself; apply gives what forward gives", async () => {
    const dit = filled(config);
    const x = normal(2, 4, 8, 1);
    const at = async (t: number[], labels: number[]): Promise<number[]> => valuesOf(dit.apply(x, t, { labels }));
    const first = await at([3, 900], [0, 3]);
    expect(await valuesOf(dit.forward(x, [3, 900], { labels: [0, 3] })[0])).to.deep.equal(first);
    for (const other of [await at([4, 900], [0, 3]), await at([3, 900], [1, 3])]) {
      expect(other.slice(0, 32)).not.to.deep.equal(first.slice(0, 32));
      expect(other.slice(32)).to.deep.equal(first.slice(32));
    }
  });

  it("leaves nothing behind: neither apply nor a step", () => {
    const dit = made(config);
    const x = normal(1, 4, 8, 1);
    const before = device.memory().tensors;
    dit.apply(x, [1], { labels: [0] }).dispose();
    expect(device.memory().tensors).to.equal(before);
    const grads = new Grads(device);
    device.scope(() => {
      const [y, cache] = dit.forward(x, [1], { labels: [0] });
      dit.backward(y, cache, grads);
    });
    expect(grads.size).to.equal(dit.parameters.length);
    grads.clear();
    expect(device.memory().tensors).to.equal(before);
  });

  it("keeps no more alive without caches than a block needs", () => {
    const most = (depth: number): number => {
      const dit = made({ ...config, depth });
      const x = normal(1, 4, 8, 1);
      device.resetPeak();
      const before = device.memory().peakBytes;
      dit.apply(x, [1], { labels: [0] }).dispose();
      return device.memory().peakBytes - before;
    };
    expect(most(6)).to.equal(most(2));
  });

  it("cuts images into patches, row by row, and puts them together again", async () => {
    const x = normal(2, 4, 6, 3);
    const patches = toPatches(x, 2);
    expect(patches.shape).to.deep.equal([2, 6, 12]);
    expect(await valuesOf(fromPatches(patches, 2, 2))).to.deep.equal(await valuesOf(x));
    const [values, cut] = [await valuesOf(x), await valuesOf(patches)];
    const pixel = (row: number, column: number, c: number): number => values[(row * 6 + column) * 3 + c];
    expect(cut.slice(4 * 12, 5 * 12)).to.deep.equal(                                        // the patch in row 1, column 1
      [[2, 2], [2, 3], [3, 2], [3, 3]].flatMap(([row, column]) => [0, 1, 2].map((c) => pixel(row, column, c))));
  });

  it("knows the places of patches by sines and cosines, the column first", () => {
    const places = gridPositions(2, 3, 8);
    const angle = (k: number): number[] => [Math.sin(k), Math.sin(k / 100), Math.cos(k), Math.cos(k / 100)];
    expect(places).to.have.length(48);
    expect(Array.from(places.slice(40)).map((v) => v.toFixed(12))).to.deep.equal([...angle(2), ...angle(1)].map((v) => v.toFixed(12)));
  });

  it("prints, is summed up, and says what it costs", () => {
    const dit = new Dit({ sample_size: 28, channels: 1 });
    expect(inspect(dit)).to.match(/^dit, 328,260 parameters, x \[N, 28, 28, 1\] -> \[N, 28, 28, 1\]\n {2}x_embedder +320\n/);
    expect(summary(dit).split("\n").find((line) => line.startsWith("blocks.0.attn.qkv"))).to.match(/\[1, 196, 192\] +12,480 +2,408,448$/);
    const attention = layerCosts(dit, { sample: [28, 28, 1] }).find(({ layer }) => layer === "blocks.0.attn")!;
    expect(attention.macs, "q k' and the sum of values").to.equal(2 * 196 * 196 * 64);
  });

  it("says what it needs", () => {
    const problem = (options: Readonly<Record<string, unknown>>): string =>
      messageOf(() => new Dit({ sample_size: 8, channels: 1, ...options }));
    expect(problem({ channels: undefined })).to.contain("DiT config: channels: undefined is not allowed");
    expect(problem({ patch: 3 })).to.equal(
      "ConfigError: DiT config: patch 3 does not divide sample_size 8\n  allowed  a side of patches that divides those of the images");
    expect(problem({ heads: 3 })).to.contain("heads 3 do not divide width 64");
    expect(problem({ width: 6, heads: 2 })).to.contain("width 6 cannot hold the places of the patches");
    expect(problem({ nullClass: true })).to.contain("nullClass is for networks with classes");
    const dit = made(config);
    expect(messageOf(() => dit.apply(normal(1, 8, 8, 1), [1], { labels: [0] }))).to.equal(
      "ShapeError: DiT: x is not a batch of the images that the network is for\n  x        [1, 8, 8, 1]   expected [N, 4, 8, 1]");
    expect(messageOf(() => dit.apply(normal(1, 4, 8, 1), [1]))).to.contain("class labels are missing");
    expect(messageOf(() => dit.apply(normal(1, 4, 8, 1), [1], { labels: [4] }))).to.match(/^ShapeError: gather: index 4/);
  });
});
