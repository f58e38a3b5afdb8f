import { expect } from "chai";
import { openDevice, type Device } from "@fromnoise/tensor";
import { Conv2d, Linear, UNet, disposeParameters, initialize, type InitScheme, type Parameter } from "@fromnoise/nn";
import { smallConfig, valuesOf } from "./small.js";

describe("initialize", () => {
  let device: Device;
  beforeEach(async () => void (device = await openDevice("reference")));
  afterEach(() => device.dispose());
  const unet = (scheme: InitScheme, seed = 0): UNet =>
    initialize(new UNet({ ...smallConfig, num_class_embeds: 50 }), { device, seed, scheme });
  const find = (module: UNet, name: string): Parameter => module.parameters.find((p) => p.name === name)!;

  /** Uniform in (-limit, limit): no value beyond, some near, and the variance limit^2 / 3 within 5 standard errors. */
  const expectUniform = async (p: Parameter, limit: number): Promise<void> => {
    const values = await valuesOf(p.tensor);
    const largest = Math.max(...values.map(Math.abs));
    expect(largest, p.name).to.be.within(limit * (1 - 12 / values.length), limit * (1 + 1e-6));
    const variance = values.reduce((sum, v) => sum + v * v, 0) / values.length;
    expect(variance, p.name).to.be.closeTo((limit * limit) / 3, 5 * limit * limit * Math.sqrt(4 / 45 / values.length));
  };

  it("as PyTorch draws weights and biases from U(-1, 1) / sqrt(fan_in)", async () => {
    const module = unet("pytorch");
    await expectUniform(find(module, "down_blocks.0.resnets.0.conv1.weight"), 1 / Math.sqrt(8 * 9));
    await expectUniform(find(module, "up_blocks.0.resnets.0.conv_shortcut.weight"), 1 / Math.sqrt(32));
    await expectUniform(find(module, "time_embedding.linear_2.weight"), 1 / Math.sqrt(32));
    await expectUniform(find(module, "time_embedding.linear_1.bias"), 1 / Math.sqrt(8));
    await expectUniform(find(module, "mid_block.resnets.1.conv2.weight"), 1 / Math.sqrt(16 * 9));
  });

  it("as the paper draws weights of variance 1 / fan_avg, 1e-10 of it where a branch ends, and zero biases", async () => {
    const module = unet("paper");
    await expectUniform(find(module, "down_blocks.1.resnets.0.conv1.weight"), Math.sqrt(3 / (9 * 12)));
    await expectUniform(find(module, "mid_block.attentions.0.to_q.weight"), Math.sqrt(3 / 16));
    for (const p of module.parameters) {
      const values = await valuesOf(p.tensor);
      if (p.role === "bias") expect(values, p.name).to.satisfy((list: number[]) => list.every((v) => v === 0));
      const ends = /(conv2|to_out\.0|conv_out)\.weight$/.test(p.name);
      if (p.role === "weight") expect(Math.max(...values.map(Math.abs)) < 1e-4, p.name).to.equal(ends);
    }
    await expectUniform(find(module, "mid_block.attentions.0.to_out.0.weight"), Math.sqrt(3e-10 / 16));
  });

  it("starts normalisation at 1 and 0 and embeddings as N(0, 1)", async () => {
    for (const scheme of ["pytorch", "paper"] as const) {
      const module = unet(scheme);
      expect(await valuesOf(find(module, "conv_norm_out.weight").tensor)).to.deep.equal(new Array(8).fill(1));
      expect(await valuesOf(find(module, "conv_norm_out.bias").tensor)).to.deep.equal(new Array(8).fill(0));
      const table = await valuesOf(find(module, "class_embedding.weight").tensor);
      const mean = table.reduce((sum, v) => sum + v, 0) / table.length;
      const variance = table.reduce((sum, v) => sum + v * v, 0) / table.length;
      expect(mean).to.be.closeTo(0, 5 / Math.sqrt(table.length));
      expect(variance).to.be.closeTo(1, 5 * Math.sqrt(2 / table.length));
    }
  });

  it("gives each parameter values of its own that depend on the seed and its name alone", async () => {
    const layers = [new Linear("a", 5, 5), new Conv2d("b", 2, 2), new Linear("c", 5, 5)];
    const values = async (order: readonly number[], seed: number): Promise<Map<string, number[]>> => {
      const parameters = order.flatMap((i) => layers[i].parameters);
      initialize({ name: "", parameters }, { device, seed, dtype: "f64" });
      return new Map(await Promise.all(parameters.map(async (p) => [p.name, await valuesOf(p.tensor)] as const)));
    };
    const first = await values([0, 1, 2], 7);
    const second = await values([2, 0, 1], 7);
    for (const [name, list] of first) expect(second.get(name), name).to.deep.equal(list);
    expect(first.get("a.weight")).to.not.deep.equal(first.get("c.weight"));
    expect((await values([0, 1, 2], 8)).get("a.weight")).to.not.deep.equal(first.get("a.weight"));
  });

  it("makes persistent tensors, frees those it replaces, and disposeParameters frees all", () => {
    const before = device.memory().tensors;
    const layer = new Linear("l", 2, 3);
    device.scope(() => initialize(layer, { device, seed: 0 }));
    expect(device.memory().tensors - before).to.equal(2);
    initialize(layer, { device, seed: 1 });
    expect(device.memory().tensors - before).to.equal(2);
    disposeParameters(layer);
    expect(device.memory().tensors).to.equal(before);
    expect(layer.weight.initialized).to.be.false;
  });
});
