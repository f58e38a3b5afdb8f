import { expect } from "chai";
import { CheckpointError, ConfigError, gradcheck, openDevice, Random, ShapeError, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { disposeParameters, Grads, initialize, saveSafetensors } from "@fromnoise/nn";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  arrayDataset, builtinFeatures, changeTask, classTask, encodeFeatures, FeatureNetwork, headsLoss, openBuiltin, openFeatures, parseFeatures,
  saveFeatures, splitDataset, taskFor, testFeatures, trainFeatures, type Features,
} from "../../src/node.js";
import { hueRotated, shifted } from "../../src/evaluate/features/augment.js";
import { enlarged, fitImages, fittingOf } from "../../src/evaluate/features/fit-images.js";

const tiny = { size: 5, channels: 3, widths: [4, 8], features: 6, heads: { flip: 2, hue: 3 } } as const;

describe("feature networks", () => {
  let device: Device;
  before(async () => { device = await openDevice("reference"); });
  after(() => device.dispose());

  it("have the gradient that differences have, of the input and all parameters, through the loss of several heads", async () => {
    const network = new FeatureNetwork(tiny);
    const answers = { flip: [0, 1, 1], hue: [2, 0, 1] };
    const random = new Random(3);
    const normal = (shape: readonly number[], scale = 0.5): Tensor =>
      tensor(random.normal(shape.reduce((a, b) => a * b, 1)).map((z) => scale * z), { device, dtype: "f64", shape: [...shape] });
    const inputs: Record<string, Tensor> = { x: normal([3, 5, 5, 3], 1) };
    for (const p of network.parameters) inputs[p.name] = normal(p.shape);
    const run = (given: Record<string, Tensor>): ReturnType<FeatureNetwork["forward"]> => {
      for (const p of network.parameters) p.tensor = given[p.name];
      return network.forward(given["x"]);
    };
    const report = await gradcheck({
      forward: (given: Record<string, Tensor>) => headsLoss.forward(run(given)[0], answers, tiny.heads),
      backward: (dy: Tensor, given: Record<string, Tensor>) => {
        const [y, cache] = run(given), grads = new Grads(device);
        const dx = network.backward(headsLoss.backward(dy, y, answers, tiny.heads), cache, grads);
        return { dx, ...Object.fromEntries([...grads].map(([p, g]) => [`d${p.name}`, g])) };
      },
    }, inputs);
    expect(report.pass, JSON.stringify(report)).to.equal(true);
  });

  it("read the same features as the forward pass, each image by itself", async () => {
    const network = initialize(new FeatureNetwork(tiny), { device, seed: 1, dtype: "f64" });
    const values = new Random(2).normal(4 * 75);
    const read = async (from: number, to: number): Promise<number[]> => {
      const x = tensor(values.slice(from * 75, to * 75), { device, dtype: "f64", shape: [to - from, 5, 5, 3] });
      const { features, answers } = network.read(x);
      expect(Array.from(await answers.data())).to.deep.equal(Array.from(await network.forward(x)[0].data()));
      return Array.from(await features.data());
    };
    expect(await read(0, 4)).to.deep.equal([...await read(0, 1), ...await read(1, 4)]);
    disposeParameters(network);
  });

  it("refuse configs and images that mean nothing", () => {
    expect(() => new FeatureNetwork({ ...tiny, heads: {} })).to.throw(ConfigError, "heads");
    expect(() => new FeatureNetwork({ ...tiny, heads: { "a b": 2 } })).to.throw(ConfigError, "heads");
    expect(() => new FeatureNetwork({ ...tiny, widths: [] })).to.throw(ConfigError, "widths");
    expect(() => new FeatureNetwork({ ...tiny, depth: 3 })).to.throw(ConfigError, "depth");
    const network = initialize(new FeatureNetwork(tiny), { device, seed: 1 });
    expect(() => network.forward(tensor(new Float32Array(48), { device, shape: [1, 4, 4, 3] }))).to.throw(ShapeError, "[N, 5, 5, 3]");
    expect(() => headsLoss.forward(tensor(new Float32Array(5), { device, shape: [1, 5] }), { flip: [0] }, tiny.heads)).to.throw(ShapeError, "hue");
    disposeParameters(network);
  });

  it("learn classes that can be told apart", async () => {
    const random = new Random(4), labels = Int32Array.from({ length: 120 }, (_, i) => i % 2);
    const values = Float32Array.from(random.uniform(120 * 64), (u, k) => 2 * ((Math.floor(k / 64) % 2 === 0 ? k % 64 < 32 : k % 64 >= 32) ? u : u * u * u) - 1);
    const data = splitDataset(arrayDataset({ shape: [8, 8, 1], values, labels }), 4);
    const losses: number[] = [];
    const made = { data: data.training, device, steps: 60, batch: 16, seed: 5, network: { widths: [8, 8], features: 8 }, task: { ...classTask(2), train: classTask(2).test } };
    const network = await trainFeatures({ ...made, onStep: (_, loss) => losses.push(loss) });
    expect(losses[0]).to.be.above(0.5);
    const { class: { right, loss } } = await testFeatures(network, data.heldOut!);
    expect(right).to.be.above(0.9);
    expect(loss).to.be.below(0.4);
    const again = await trainFeatures(made);
    expect(await again.parameters[0].tensor.data()).to.deep.equal(await network.parameters[0].tensor.data());
    for (const each of [network, again]) disposeParameters(each);
  });
});

describe("changes of images", () => {
  it("shift by whole pixels, repeating edges", () => {
    const image = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    expect(Array.from(shifted(image, [3, 3, 1], 1, 0))).to.deep.equal([1, 1, 2, 4, 4, 5, 7, 7, 8]);
    expect(Array.from(shifted(image, [3, 3, 1], 0, -2))).to.deep.equal([7, 8, 9, 7, 8, 9, 7, 8, 9]);
  });

  it("turn hues: grays stay, a third of a turn moves each colour to the next", () => {
    const image = [0.5, -0.25, 0.125, 0.3, 0.3, 0.3];
    const turned = Array.from(hueRotated(image, (2 * Math.PI) / 3));
    [0.125, 0.5, -0.25, 0.3, 0.3, 0.3].forEach((value, i) => expect(turned[i]).to.be.closeTo(value, 1e-6));
    expect(Array.from(hueRotated(image, 0))).to.deep.equal(Array.from(Float32Array.from(image)));
  });

  it("are drawn with their answers, and ask no hue of gray images", () => {
    const image = new Float32Array(new Random(1).uniform(48));
    const { answers } = changeTask(3).train(image, [4, 4, 3], undefined, new Random(2));
    expect(Object.keys(answers)).to.deep.equal(["flip", "dx", "dy", "hue"]);
    expect(changeTask(1).heads).to.deep.equal({ flip: 2, dx: 5, dy: 5 });
    expect(taskFor(openBuiltin("digits")).heads).to.deep.equal({ class: 10 });
    const same = changeTask(3).train(image, [4, 4, 3], undefined, new Random(2));
    expect(same.image).to.deep.equal(changeTask(3).train(image, [4, 4, 3], undefined, new Random(2)).image);
  });
});

describe("images at a network's size", () => {
  const config = new FeatureNetwork({ ...tiny, size: 4, channels: 1, bordered: 6 }).config;

  it("are left as they are, averaged, enlarged, or freed of their border", () => {
    const ramp = (side: number): Float64Array => Float64Array.from({ length: side * side }, (_, i) => (i % side) / side - 0.5);
    const fit = (side: number): number[] => Array.from(fitImages({ shape: [1, side, side, 1], data: ramp(side) }, config).data.slice(0, 4));
    expect(fit(4)).to.deep.equal([-0.5, -0.25, 0, 0.25]);
    expect(fit(6)).to.deep.equal([1, 2, 3, 4].map((i) => Math.fround(i / 6 - 0.5)));
    expect(fit(8)).to.deep.equal([-0.4375, -0.1875, 0.0625, 0.3125]);
    expect(fit(2)).to.deep.equal([-0.5, -0.375, -0.125, 0]);
    expect([4, 6, 8].map((side) => fittingOf([side, side, 1], config))).to.deep.equal([undefined, "cut from 6x6 to 4x4", "resampled from 8x8 to 4x4"]);
    expect(fittingOf([4, 4, 3], config)).to.equal("RGB taken as gray");
  });

  it("are the middle of what is not square, and clipped", () => {
    const { data } = fitImages({ shape: [1, 4, 8, 1], data: Float64Array.from({ length: 32 }, (_, i) => (i % 8) - 4) }, config);
    expect(Array.from(data.slice(0, 4))).to.deep.equal([-1, -1, 0, 1]);
    expect(() => fitImages({ shape: [1, 2], data: new Float64Array(2) }, config)).to.throw(ConfigError, "no images");
  });

  it("keep their mean and constants when enlarged", () => {
    const flat = enlarged({ width: 3, height: 3, channels: 1, data: new Float32Array(9).fill(0.25) }, 7);
    expect(Array.from(flat.data)).to.deep.equal(new Array(49).fill(0.25));
  });
});

describe("files of features", () => {
  let device: Device, folder: string;
  before(async () => {
    device = await openDevice("reference");
    folder = mkdtempSync(join(tmpdir(), "fromnoise-features-"));
  });
  after(async () => {
    await device.dispose();
    rmSync(folder, { recursive: true, force: true });
  });
  const made = (): Features => ({
    network: initialize(new FeatureNetwork(tiny), { device, seed: 1 }), name: "tiny", training: { steps: 3 }, heldOut: { flip: { right: 0.5, loss: 1 } },
  });

  it("give back what was written, in half precision", async () => {
    const path = join(folder, "tiny.safetensors"), features = made();
    await saveFeatures(path, features);
    const read = await openFeatures(path, device);
    const { network: _, ...info } = features, { network, ...found } = read;
    expect(found).to.deep.equal(info);
    expect(network.config).to.deep.equal(features.network.config);
    const [a, b] = await Promise.all([network, features.network].map(({ parameters: [p] }) => p.tensor.data()));
    a.forEach((value, i) => expect(value).to.be.closeTo(b[i], 2 ** -11 * Math.abs(b[i]) + 1e-7));
    expect(Buffer.concat([...await encodeFeatures(read)])).to.deep.equal(readFileSync(path));
  });

  it("are refused where they are damaged or something else", async () => {
    const bytes = Buffer.concat([...await encodeFeatures(made())]);
    expect(() => parseFeatures(bytes.subarray(0, bytes.length - 1), device)).to.throw(CheckpointError);
    const other = join(folder, "other.safetensors");
    await saveSafetensors(other, [["a", { shape: [1], data: new Float32Array(1) }]]);
    const refused = async (name: string, kind: new (...args: never[]) => Error, text: string): Promise<void> => {
      const error = await openFeatures(name, device).then(() => undefined, (e: unknown) => e as Error);
      expect(error).to.be.instanceOf(kind);
      expect(error!.message).to.include(text);
    };
    await refused(other, CheckpointError, "no feature network");
    await refused("nothing", ConfigError, "digits, faces, pixel-faces");
    await refused(folder, CheckpointError, "folder");
    writeFileSync(other, "x");
    await refused(other, CheckpointError, other);
  });

  it("come with the package for its three sheets, small, and know what was held out", async () => {
    const wasm = await openDevice("wasm", { threads: 1 });
    const least: Record<string, Record<string, number>> = {
      digits: { class: 0.985 }, faces: { flip: 0.9, dx: 0.9, dy: 0.9, hue: 0.9 }, "pixel-faces": { flip: 0.6, dx: 0.9, dy: 0.9, hue: 0.9 },
    };
    for (const name of builtinFeatures) {
      const path = new URL(`../../../../data/features/${name}.safetensors`, import.meta.url);
      expect(statSync(path).size).to.be.below(300_000);
      const { network, heldOut, training: { holdOut, seed } } = await openFeatures(name, wasm);
      for (const [head, right] of Object.entries(least[name])) expect(heldOut[head].right, `${name} ${head}`).to.be.at.least(right);
      const part = splitDataset(openBuiltin(name as "digits"), Number(holdOut)).heldOut!;
      const few = { ...part, count: 60, sample: (i: number) => part.sample(6 * i), ...(part.label === undefined ? {} : { label: (i: number) => part.label!(6 * i) }) };
      const scores = await testFeatures(network, few, { seed: Number(seed) });
      for (const head of Object.keys(network.config.heads)) expect(scores[head].right, `${name} ${head}`).to.be.at.least(least[name][head] - 0.1);
      disposeParameters(network);
    }
    await wasm.dispose();
  });
});
