/** `fromnoise verify` of a trained model, whose numbers a test makes by itself: layouts, DDIM and ancestral steps on the host. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError, openDevice, tensor, type Device } from "@fromnoise/tensor";
import { SelfConditioned, UNet, initialize, networkOf, stateDict, type Network, type StateEntry } from "@fromnoise/nn";
import { writeCheckpoint } from "../../src/models/formats/checkpoint.js";
import { loadModel } from "../../src/models/node/load.js";
import { makeSchedule } from "../../src/process/schedules.js";
import { modelGolden } from "../../src/verify/golden-model.js";
import { temporaryFolder, tinyModel } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const T = 40;
const shape = [2, 1, 8, 8];                                                  // one channel: the same numbers in both layouts
const size = 128;
const wave = (k: number): number[] => Array.from({ length: size }, (_, j) => 1.3 * Math.sin(0.7 * (k + 1) + 1.3 * j + 0.01 * j * j));
const array = (data: readonly number[], sides = shape): { shape: number[]; data: number[] } => ({ shape: [...sides], data: [...data] });

interface Row { name: string; quantity: string; error: number }
type File = Record<string, unknown> & { cases: Record<string, unknown>[]; samples: (Record<string, unknown> & { z: unknown[] })[] };

describe("fromnoise verify of a model", () => {
  let device: Device;
  let network: Network;
  let good: File;

  /** What the network says of x at t, host to host. */
  const say = async (x: readonly number[], t: number): Promise<number[]> =>
    Array.from(await network.apply(tensor([...x], { device, dtype: "f64", shape: [2, 8, 8, 1] }), [t, t]).data());

  before(async () => {
    device = await openDevice("reference");
    const made = initialize(new UNet(tinyModel), { device, dtype: "f32", seed: 1 });
    const weights: ReadonlyMap<string, StateEntry> = await stateDict(made);
    mkdirSync(join(folder, "models"));
    await writeCheckpoint(join(folder, "models", "tiny.safetensors"), {
      model: {
        network: { kind: "unet", config: made.spec.config }, process: { name: "cosine", timesteps: T }, prediction: "v",
        variance: "fixed-small", clipX0: true,
      },
    }, { "model.": weights });
    network = (await loadModel(join(folder, "models", "tiny.safetensors"), device, { dtype: "f64" })).network;
    expect(network.parameters[0].tensor.dtype, "f32 weights in a network of f64").to.equal("f64");

    const { alphaBar, betas } = makeSchedule({ name: "cosine", timesteps: T });
    const guess = async (x: readonly number[], t: number): Promise<{ x0: number[]; eps: number[] }> => {
      const [a, s] = [Math.sqrt(alphaBar[t]), Math.sqrt(1 - alphaBar[t])];
      const v = await say(x, t);
      const x0 = x.map((value, i) => Math.min(1, Math.max(-1, a * value - s * v[i])));
      return { x0, eps: x.map((value, i) => (value - a * x0[i]) / s) };
    };
    /** DDIM over t = 39, 19 with eta, z in both steps but the last: Song, Meng and Ermon 2021, equation 12. */
    const [xT, z] = [wave(3), wave(4)];
    const eta = 0.6;
    const [from, to] = [alphaBar[39], alphaBar[19]];
    const first = await guess(xT, 39);
    const sigma = eta * Math.sqrt((1 - from / to) * (1 - to) / (1 - from));
    const between = xT.map((_, i) => Math.sqrt(to) * first.x0[i] + Math.sqrt(1 - to - sigma ** 2) * first.eps[i] + sigma * z[i]);
    const ddim = (await guess(between, 19)).x0;
    /** The paper's last two steps are taken by a schedule of two steps in all: betas by the ratio of alphaBar. */
    const beta = 1 - from / to;
    const one = await guess(xT, 39);
    const mean = xT.map((x, i) => (Math.sqrt(to) * beta * one.x0[i] + Math.sqrt(1 - beta) * (1 - to) * x) / (1 - from));
    const below = mean.map((m, i) => m + Math.sqrt(beta * (1 - to) / (1 - from)) * z[i]);
    const ancestral = (await guess(below, 19)).x0;
    expect(betas).to.have.length(T);
    good = {
      format: "fromnoise-golden-1", kind: "model", source: "models/tiny.safetensors",
      cases: [{ x: array(wave(0)), t: [7, 7], output: array(await say(wave(0), 7)) }],
      samples: [
        { sampler: { name: "ddim", steps: 2, eta, spacing: "trailing" }, xT: array(xT), z: [array(z)], output: array(ddim) },
        { sampler: { name: "ancestral", steps: 2 }, xT: array(xT), z: [array(z)], output: array(ancestral) },
      ],
    };
  });
  after(() => device.dispose());

  const verify = async (file: object, ...flags: string[]): Promise<{ code: number | null; out: string; err: string }> => {
    const path = join(folder, "golden.json");
    writeFileSync(path, JSON.stringify(file));
    const { code, out, err } = await fromnoise("verify", path, ...flags);
    return { code, out: out.replaceAll(path, "FILE"), err: err.replaceAll(path, "FILE") };
  };
  const changed = (change: (file: File) => void): File => {
    const file = structuredClone(good);
    change(file);
    return file;
  };

  it("passes where network and samplers give the numbers of the file, to 1e-9 with weights of f32", async () => {
    const { code, out, err } = await verify(good, "--json");
    expect(code, err).to.equal(0);
    const { kind, dtype, rows, worst } = JSON.parse(out) as { kind: string; dtype: string; rows: Row[]; worst: number };
    expect([kind, dtype]).to.deep.equal(["model", "f64"]);
    expect(rows.map(({ name, quantity }) => `${name} ${quantity}`)).to.deep.equal(
      ["cases[0] output", "samples[0] ddim sample", "samples[1] ancestral sample"]);
    expect(worst).to.be.below(1e-9);
    const printed = await verify(good, "--device", "wasm:threads=1");
    expect(printed.code, printed.out).to.equal(0);
    expect(printed.out).to.match(/^FILE: model, f32 on wasm:threads=1\n {2}cases\[0\] +output \d/);
  });

  it("fails where one number is wrong, in an output, in what is drawn, in the weights that are taken", async () => {
    const wrong: ((file: File) => void)[] = [
      (file) => void ((file.cases[0]["output"] as { data: number[] }).data[5] += 1e-6),
      (file) => void ((file.samples[0].z[0] as { data: number[] }).data[3] += 1e-6),
      (file) => void (file.cases[0]["t"] = [7, 8]),
      (file) => void (file.samples[1]["sampler"] = { name: "ancestral", steps: 2, variance: "fixed-large" }),
    ];
    for (const change of wrong) expect((await verify(changed(change))).code).to.equal(1);
    const missing = await verify({ ...good, weights: "ema" });
    expect([missing.code, missing.err.split("\n")[0]]).to.deep.equal(
      [1, `CheckpointError: FILE: ${join(folder, "models", "tiny.safetensors")} holds no tensors ema.*`]);
    expect((await verify({ ...good, weights: "model" })).code).to.equal(0);
    const told = await verify({ ...good, network: { num_heads: 1 } });
    expect([told.code, told.err.split("\n")[0]]).to.deep.equal([2, `ConfigError: FILE: --network is not for ${join(folder, "models", "tiny.safetensors")}`]);
  });

  it("takes as many z as the sampler draws, or one for the last step more", async () => {
    const few = await verify(changed((file) => void (file.samples[0].z = [])));
    expect(few.err).to.equal("ConfigError: FILE: samples[0]: ddim draws more often than there are z\n  z        0 arrays");
    expect((await verify(changed((file) => void file.samples[1].z.push(array(wave(1)))))).code).to.equal(0);
    const many = await verify(changed((file) => void file.samples[1].z.push(array(wave(1)), array(wave(2)))));
    expect([many.code, many.err]).to.deep.equal([2, "ConfigError: FILE: samples[1]: ancestral draws 1 times\n  z        3 arrays"]);
  });

  it("tells networks labels and guesses of x0, and images by channels", async () => {
    const inner = { ...tinyModel, in_channels: 4, out_channels: 2, num_class_embeds: 3 };
    const made = initialize(new SelfConditioned(new UNet(inner)), { device, seed: 2 });
    const { kind, config } = made.spec;
    await writeCheckpoint(join(folder, "told.safetensors"), {
      model: { network: { kind, config }, process: { name: "linear", timesteps: 10 }, prediction: "eps", variance: "fixed-small", clipX0: true },
    }, { "ema.": await stateDict(made) });
    const told = (await loadModel(join(folder, "told.safetensors"), device, { dtype: "f64" })).network;
    expect(networkOf({ kind, config }).spec.selfCondition).to.equal(true);
    const sides = [1, 2, 4, 8];
    const nchw = wave(6).slice(0, 64), guess = wave(7).slice(0, 64);
    /** [1, 2, 4, 8] -> [1, 4, 8, 2] and back. */
    const last = (values: readonly number[]): number[] => Array.from({ length: 64 }, (_, i) => values[(i % 2) * 32 + Math.floor(i / 2)]);
    const first = (values: readonly number[]): number[] => Array.from({ length: 64 }, (_, i) => values[(i % 32) * 2 + Math.floor(i / 32)]);
    const upload = (values: readonly number[]): ReturnType<typeof tensor> => tensor(last(values), { device, dtype: "f64", shape: [1, 4, 8, 2] });
    const y = Array.from(await told.apply(upload(nchw), [3.5], { labels: [2], x0: upload(guess) }).data());
    const file = {
      format: "fromnoise-golden-1", kind: "model", source: "told.safetensors",
      cases: [{ x: array(nchw, sides), t: [3.5], labels: [2], x0: array(guess, sides), output: array(first(y), sides) }],
    };
    expect((await verify(file)).code).to.equal(0);
    expect((await verify({ ...file, cases: [{ ...file.cases[0], labels: [1] }] })).code).to.equal(1);
    expect((await verify({ ...file, cases: [{ ...file.cases[0], x0: undefined }] })).code).to.equal(1);
    expect((await verify({ ...file, cases: [{ ...file.cases[0], labels: undefined }] })).err).to.contain("class labels are missing");
    const turned = await verify({ ...file, cases: [{ ...file.cases[0], output: array(first(y), [1, 2, 8, 4]) }] });
    expect(turned.err).to.equal(
      "ConfigError: FILE: cases[0].output: the model gives another shape\n  file     [1, 2, 8, 4]\n  model    [1, 2, 4, 8]");
  });

  const bad: [what: string, change: (file: File) => void, message: string][] = [
    ["no source", (file) => void delete file["source"], "a file of kind model without source"],
    ["another source", (file) => void (file["source"] = 3), "source: 3 is not allowed"],
    ["nothing to compare", (file) => void ((file.cases = []), (file.samples = [])), "the file compares nothing"],
    ["an unknown field", (file) => void (file["sample"] = []), "there is no field sample\n  allowed  format, kind, source"],
    ["other weights", (file) => void (file["weights"] = "best"), 'weights: "best" is not allowed\n  allowed  ema, model'],
    ["cases that are no list", (file) => void ((file as Record<string, unknown>)["cases"] = {}), "cases: {} is not allowed\n  allowed  a list"],
    ["a case without x", (file) => void delete file.cases[0]["x"], "cases[0].x: undefined is not allowed\n  allowed  an object"],
    ["too few numbers", (file) => void (file.cases[0]["x"] = { shape: [1, 2], data: [1] }), "cases[0].x.data: [1] is not allowed\n  allowed  a flat list of 2 finite numbers"],
    ["a shape that is none", (file) => void (file.cases[0]["x"] = { shape: [0], data: [] }), "cases[0].x.shape: [0] is not allowed"],
    ["a huge shape", (file) => void (file.cases[0]["x"] = { shape: [2 ** 50, 2 ** 50], data: [] }), "cases[0].x.shape: [1125899906842624,1125899906842624] is not allowed\n  allowed  up to 6 whole numbers from 1 with a product of at most 67108864"],
    ["what is not a number", (file) => void (file.cases[0]["x"] = { shape: [2], data: [1, null] }), "cases[0].x.data[1]: null is not allowed\n  allowed  a finite number"],
    ["times for other images", (file) => void (file.cases[0]["t"] = [1]), "cases[0].t: [1] is not allowed\n  allowed  a flat list of 2 finite numbers"],
    ["labels that are none", (file) => void (file.cases[0]["labels"] = [0, -1]), "cases[0].labels[1]: -1 is not allowed\n  allowed  a whole number from 0"],
    ["no sampler of this name", (file) => void (file.samples[0]["sampler"] = { name: "plms" }), 'samples[0].sampler.name: "plms" is not allowed\n  allowed  ddim, ancestral'],
    ["an option it does not have", (file) => void (file.samples[0]["sampler"] = { name: "ddim", stepz: 2 }), "ddim: there is no field stepz"],
    ["z of another shape", (file) => void (file.samples[0].z = [array([1], [1])]), "samples[0].z[0].shape: [1] is not allowed\n  allowed  [2, 1, 8, 8], that of xT"],
    ["an x of another size", (file) => void (file.cases[0]["x"] = array(wave(1), [2, 2, 8, 4])), "U-Net: x is not a batch of images with 1 channels"],
  ];
  for (const [what, change, message] of bad) {
    it(`refuses ${what}`, async () => {
      const { code, err } = await verify(changed(change));
      expect(err).to.contain(message);
      expect(code).to.equal(err.startsWith("ConfigError") ? 2 : 1);
    });
  }

  it("refuses numbers that JSON cannot hold, and a model that is not there", async () => {
    const nan = changed((file) => void ((file.cases[0]["x"] as { data: number[] }).data[0] = NaN));
    expect(() => modelGolden(nan)).to.throw(ConfigError, "cases[0].x.data[0]: null is not allowed");
    expect((await verify({ ...good, source: "models/none" })).err).to.match(/^CheckpointError: FILE: .*none does not exist/);
  });
});
