/** Checkpoints of other programs, and what those compute with them in f64 (golden/torch/make.py). */
import { readFileSync } from "node:fs";
import { CheckpointError, FromnoiseError, openDevice, tensor, type Device, type DType, type Shape, type Tensor } from "@fromnoise/tensor";
import { loadStateDict, lucidrainsConfig, networkOf, Opaque, toChannelsLast, TorchTensor, type Network, type TorchStateDict } from "@fromnoise/nn";
import { expect } from "chai";
import { denoiserOf, processOf, runSampler, samplers, type ModelFile } from "../../src/index.js";
import { emptyNetwork } from "../../src/models/load-model.js";
import { torchContents } from "../../src/models/formats/torch-contents.js";
import { diffusersFormat } from "../../src/models/formats/diffusers.js";
import { torchFormat } from "../../src/models/formats/torch.js";
import type { ReadOptions } from "../../src/models/model-format.js";
import { memorySource, type Source } from "../../src/models/source.js";
import type { Target } from "../../src/models/target.js";
import { thrown } from "../thrown.js";

const folder = new URL("../golden/torch/", import.meta.url);
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const sourceOf = (name: string, bytes = bytesOf(name)): Source => memorySource(name, { [name]: bytes });

interface Golden {
  readonly said: Readonly<Record<string, unknown>>;
  readonly shape: Shape;
  readonly t: readonly number[];
  readonly labels?: readonly number[];
  readonly guess?: number;
  readonly output: readonly number[];
  readonly samples: readonly { readonly sampler: string; readonly options: { readonly steps?: number | string; readonly spacing?: string }; readonly output: readonly number[] }[];
}
const golden = JSON.parse(readFileSync(new URL("models.json", folder), "utf8")) as Readonly<Record<string, Golden>>;

const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
const inputs = (shape: Shape): Float64Array => Float64Array.from({ length: sizeOf(shape) }, (_, j) => Math.sin(2 + 0.9 * j));
const noise = (shape: Shape, draw: number): Float64Array => Float64Array.from({ length: sizeOf(shape) }, (_, j) => 1.2 * Math.sin(3 + draw + 1.7 * j + 0.003 * j * j));

/** Values in NCHW as a tensor here. */
function channelsLast(values: Float64Array, [n, c, h, w]: Shape, device: Device, dtype: DType): Tensor {
  return tensor(toChannelsLast(values, [n, c, h, w]), { device, dtype, shape: [n, h, w, c] });
}

function networkOn(device: Device, { network, tensors }: ModelFile, dtype: DType): Network {
  const made = networkOf(network);
  loadStateDict(emptyNetwork(made, device, dtype), tensors);
  return made;
}

/** max |a - b| / max |b|, b in NCHW. */
async function difference(y: Tensor, expected: readonly number[]): Promise<number> {
  const [n, h, w, c] = y.shape;
  const values = await y.data();
  const b = toChannelsLast(Float64Array.from(expected), [n, c, h, w]);
  expect(values.length).to.equal(b.length);
  let worst = 0, largest = 0;
  b.forEach((v, i) => {
    worst = Math.max(worst, Math.abs(v - values[i]));
    largest = Math.max(largest, Math.abs(v));
  });
  return worst / largest;
}

describe("checkpoints of other programs", () => {
  for (const [name, { said, shape, t, labels, guess, output, samples }] of Object.entries(golden)) {
    describe(name, () => {
      let device: Device;
      let file: ModelFile;
      before(async () => {
        device = await openDevice("reference");
        file = await torchFormat.read(sourceOf(name), { network: said });
      });
      after(() => device.dispose());

      for (const [dtype, bound] of [["f64", 1e-9], ["f32", 2e-6]] as const) {
        it(`gives the program's output to ${bound} in ${dtype}`, async () => {
          const network = networkOn(device, file, dtype);
          const x = channelsLast(inputs(shape), shape, device, dtype);
          const x0 = guess === undefined ? undefined : channelsLast(noise(shape, guess), shape, device, dtype);
          expect(await difference(network.apply(x, t, { labels, x0 }), output)).to.be.below(bound);
        });
      }

      for (const { sampler: kind, options, output: expected } of samples) {
        for (const [dtype, bound] of [["f64", 1e-9], ["f32", 1e-5]] as const) it(`draws the program's samples to ${bound} in ${dtype}: ${kind} ${JSON.stringify(options)}`, async () => {
          const { prediction, variance, clipX0 } = file;
          const model = { network: networkOn(device, file, dtype), process: processOf(file.process), prediction, variance, clipX0 };
          const [n, c, h, w] = shape;
          const sampler = samplers.find((candidate) => candidate.name === kind)!;
          const counted = typeof options.steps === "string" && /^\d+$/.test(options.steps) ? { steps: Number(options.steps), spacing: "linspace" } : options;
          const run = runSampler(sampler, {
            denoise: denoiserOf(model, { labels }), process: model.process, shape: [n, h, w, c], device, dtype, variance, options: counted,
            noise: (draw) => channelsLast(noise(shape, draw), shape, device, dtype),
          });
          let step = await run.next();
          while (step.done !== true) step = await run.next();
          expect(await difference(step.value, expected)).to.be.below(bound);
        });
      }
    });
  }

  it("says what it read of them, and what it took for granted", async () => {
    const lines = await Promise.all(Object.entries(golden).map(async ([name, { said }]) => (await torchFormat.read(sourceOf(name), { network: said })).source));
    const openai = "improved-diffusion or guided-diffusion", lucidrains = "denoising-diffusion-pytorch";
    expect(lines).to.deep.equal([
      `ema_0.9999_000100.pt, ${openai}, assumed use_new_attention_order false, rescale_timesteps true, predict_xstart false, sigma_small false`,
      `model000100.pt, ${openai}, assumed noise_schedule linear, sigma_small false`,
      `model000200.pt, ${openai}, assumed use_new_attention_order false, noise_schedule linear, predict_xstart false, sigma_small false`,
      "ho.pt, the paper's network, assumed beta_schedule linear, beta_start 0.0001, beta_end 0.02",
      `model-1.pt, ${lucidrains}, step 1000, averaged weights, assumed resnet_block_groups 8`,
      `model-2.pt, ${lucidrains}, step 1000, averaged weights, assumed resnet_block_groups 8, attn_heads 4`,
      `model-3.pt, ${lucidrains}, step 1000, averaged weights`,
    ]);
  });

  it("reads of lucidrains' files era, config, schedule, objective and loss weights, and either set of weights", async () => {
    const told = async (name: string, options: ReadOptions = {}) => torchFormat.read(sourceOf(name), options);
    const one = await told("model-1.pt");
    expect(one.network).to.deep.equal({ kind: "lucidrains", config: { ...lucidrainsConfig({ era: "1.6", dim: 8, dim_mults: [1, 2], channels: 3 }) } });
    expect([one.process.name, one.process.timesteps, one.prediction, one.trained]).to.deep.equal(["cosine", 50, "eps", {}]);
    const two = await told("model-2.pt");
    expect(two.network.config).to.include({ era: "1.8", dim: 8, channels: 1, self_condition: true });
    expect([two.process.name, two.process.timesteps, two.prediction, two.trained]).to.deep.equal(["sigmoid", 30, "v", { weighting: "min-snr", minSnrGamma: 5 }]);
    const three = await told("model-3.pt");
    expect(three.network.config).to.include({ era: "2.0", attn_heads: 2, attn_dim_head: 16 });
    expect([three.process.name, three.process.timesteps, three.prediction, three.trained]).to.deep.equal(["scaled-linear", 100, "x0", { weighting: "snr" }]);
    const raw = await told("model-3.pt", { weights: "model" });
    expect(raw.tensors.get("final_conv.bias")!.data.map((v) => -v)).to.deep.equal(three.tensors.get("final_conv.bias")!.data);
    expect(three.held).to.deep.equal(["ema", "model"]);
    const alone = await told("unet.pt", { network: { beta_schedule: "linear", timesteps: 100, objective: "pred_x0" } });
    expect([alone.network, alone.process, alone.prediction]).to.deep.equal([three.network, three.process, "x0"]);
    expect([...alone.tensors]).to.deep.equal([...three.tensors]);
    expect((await told("unet.pt")).source).to.equal("unet.pt, denoising-diffusion-pytorch, assumed beta_schedule sigmoid, timesteps 1000, objective pred_v");
  });

  it("tells the network its steps times 1000 / T where improved-diffusion does", async () => {
    const { process, network } = await torchFormat.read(sourceOf("ema_0.9999_000100.pt"), { network: golden["ema_0.9999_000100.pt"].said });
    expect(process).to.include({ name: "cosine", timesteps: 40, timeScale: 25 });
    expect(processOf(process).range.map(({ index, time }) => [index, time])).to.deep.equal([[39, 975], [0, 0]]);
    expect(network.config).to.include({ _num_heads: 2, attention_head_dim: null, num_class_embeds: 5, resnet_time_scale_shift: "scale_shift" });
  });

  it("reads a state dict of diffusers' names, old ones too, with the network that --network says", async () => {
    const ho = await torchFormat.read(sourceOf("ho.pt"), { network: golden["ho.pt"].said });
    const { config } = ho.network;
    const plain = await torchFormat.read(sourceOf("plain.pt"), { network: config });
    expect([plain.network, plain.held]).to.deep.equal([ho.network, ["model"]]);
    expect(plain.source).to.equal("plain.pt, a network of this library, raw weights, assumed schedule as a new run has it, prediction as a new run has it, sampling as a new run has it");
    expect([...plain.tensors.keys()].sort()).to.deep.equal([...ho.tensors.keys()].sort());
    for (const [name, { shape, data }] of ho.tensors) expect(plain.tensors.get(name), name).to.deep.include({ shape, data });
    const ofRun = { model: config, schedule: { name: "cosine", timesteps: 30 }, prediction: "v", sampling: { clipX0: false } };
    const run = await torchFormat.read(sourceOf("plain.pt"), { network: ofRun });
    expect(run.process).to.include({ name: "cosine", timesteps: 30 });
    expect([run.prediction, run.clipX0, run.variance]).to.deep.equal(["v", false, "fixed-small"]);
    expect((await thrown(FromnoiseError, torchFormat.read(sourceOf("plain.pt")))).message).to.match(/its names do not tell which network it is/);
  });

  it("finds weights alone, under the names that programs have for them, and in lists as ermongroup/ddim saves them", () => {
    const [raw, averaged] = ["0", "1"].map((key) => new Map([["w", new TorchTensor({ key, dtype: "float32", elements: 1 }, "float32", [1], [1], 0)]]));
    const prefixed = (prefix: string, dict: TorchStateDict): TorchStateDict => new Map([...dict].map(([name, entry]) => [prefix + name, entry]));
    const found = (value: unknown): unknown => {
      const { sets, named, facts } = torchContents(value, "x.pt");
      return { ema: sets.get("ema"), model: sets.get("model"), named, facts: Object.fromEntries(facts) };
    };
    expect(found(raw)).to.deep.equal({ ema: undefined, model: raw, named: false, facts: {} });
    expect(found(prefixed("module.", raw))).to.deep.equal({ ema: undefined, model: raw, named: false, facts: {} });
    expect(found(new Map<string, unknown>([["state_dict", raw], ["epoch", 3], ["optimizer", new Map()]]))).to.deep.equal({ ema: undefined, model: raw, named: true, facts: { epoch: 3 } });
    expect(found(new Map([["model", raw], ["ema", prefixed("ema_model.", averaged)]]))).to.deep.equal({ ema: averaged, model: raw, named: true, facts: {} });
    expect(found([raw, new Map(), 1, 20, averaged])).to.deep.equal({ ema: averaged, model: raw, named: true, facts: {} });
    for (const value of [null, 3, [], new Map(), new Map([["model", 3]]), new Opaque("__main__.Unet", [])]) expect(() => found(value)).to.throw(CheckpointError, "holds no state dict");
  });

  it("is written for diffusers only where that can say it", async () => {
    const file = await torchFormat.read(sourceOf("ema_0.9999_000100.pt"), { network: golden["ema_0.9999_000100.pt"].said });
    const nowhere: Target = { name: "nowhere", write: async () => { throw new Error("nothing is to be written"); } };
    expect((await thrown(FromnoiseError, diffusersFormat.write(file, nowhere))).message).to.match(/no U-Net of 2 heads in attentions of several widths/);
    const { _num_heads: _, ...config } = file.network.config;
    const uniform = { ...file, network: { kind: "unet", config } };
    expect((await thrown(FromnoiseError, diffusersFormat.write(uniform, nowhere))).message).to.match(/steps that the network is told times 25/);
  });

  it("shows a file without reading its numbers, and refuses what it cannot be", async () => {
    const { network, facts, step, weights } = await torchFormat.describe(sourceOf("model-3.pt"));
    expect(network.kind).to.equal("lucidrains");
    expect(facts).to.include({ file: "model-3.pt", format: "torch.save, denoising-diffusion-pytorch", version: "2.0.0" });
    expect([step, weights]).to.deep.equal([1000, ["ema", "model"]]);
    const refusals: readonly [name: string, options: ReadOptions, message: RegExp][] = [
      ["ho.pt", { weights: "ema" }, /holds one set of weights/],
      ["ho.pt", { network: { num_heads: 3 } }, /num_heads is no field of the paper's network/],
      ["ho.pt", { network: { beta_schedule: "jsd" } }, /beta_schedule: "jsd" is not allowed/],
      ["ho.pt", { network: { resolution: "8" } }, /resolution: "8" is not allowed/],
      ["model000200.pt", { network: { num_heads: 5 } }, /cannot be split into such heads/],
      ["model000200.pt", { network: { noise_schedule: "sigmoid" } }, /noise_schedule: "sigmoid" is not allowed/],
      ["unet.pt", { network: { objective: "eps" } }, /objective: "eps" is not allowed/],
      ["unet.pt", { network: { era: "3" } }, /era: "3" is not allowed/],
    ];
    for (const [name, options, message] of refusals) {
      expect((await thrown(FromnoiseError, torchFormat.read(sourceOf(name), options))).message, `${name} ${JSON.stringify(options)}`).to.match(message);
    }
  });
});
