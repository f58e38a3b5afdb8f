import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { mse, openDevice, sizeOf, tensor } from "@fromnoise/tensor";
import {
  describe as parametersOf, Grads, loadStateDict, toChannelsFirst, toChannelsLast, toFileLayout, UNet,
  type GoldenRow,
} from "@fromnoise/nn";
import { emptyNetwork } from "../../src/models/load-model.js";
import { temporaryFolder, tinyModel } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const golden = (pkg: string, name: string): string => fileURLToPath(
  new URL(`../../../${pkg}/test/golden/${name}`, import.meta.url),
);
const files: [path: string, kind: string][] = [
  [golden("tensor", "ops.json"), "ops"], [golden("nn", "unet_tiny_ho.json"), "unet"],
  [golden("nn", "unet_tiny_diffusers_default.json"), "unet"],
  [golden("nn", "unet_tiny_scale_shift.json"), "unet"], [golden("nn", "dit_tiny.json"), "dit"],
  ...["1.6.4", "1.7.1", "1.8.8", "1.9.0", "2.3.1"].map((version): [string, string] =>
    [golden("nn", `unet_tiny_lucidrains_${version}.json`), "unet"]),
  [golden("diffusion", "train_tiny_ho.json"), "train"],
];
const folder = temporaryFolder();

type Json = Record<string, unknown>;
const oneOp = (json: Json): Json => Object.values(json["ops"] as Json)[0] as Json;

interface Result {
  file: string; kind: string; device: string; dtype: string; tolerance: number; worst: number; pass: boolean; rows: GoldenRow[],
}

describe("fromnoise verify", () => {
  for (const [path, kind] of files) {
    it(`passes ${path.split("/").at(-1)} in f64 and prints its rows as JSON`, async () => {
      const { code, out, err } = await fromnoise("verify", path, "--json");
      expect(code, err).to.equal(0);
      const { rows, worst, ...head } = JSON.parse(out) as Result;
      expect(head).to.deep.equal({ file: path, kind, device: "reference", dtype: "f64", tolerance: 1e-9, pass: true });
      expect(worst).to.equal(Math.max(...rows.map(({ error }) => error)));
      expect(worst).to.be.greaterThan(0).and.at.most(1e-9);
      const { ops, params, steps, final_l2: last } = JSON.parse(readFileSync(path, "utf8")) as Record<string, object[]>;
      const perParameter = (): number => (rows.length - 2) / 3;
      const count = {
        ops: () => rows.filter(({ quantity }) => quantity === "output").length, unet: perParameter, dit: perParameter,
        train: () => rows.length,
      }[kind]!();
      const expected = {
        ops: () => Object.keys(ops).length, unet: () => params.length, dit: () => params.length,
        train: () => 2 * steps.length + Object.keys(last).length,
      }[kind]!();
      expect(count).to.equal(expected);
    });
  }

  it("takes another dtype with its own tolerance", async () => {
    const { code, out } = await fromnoise("verify", files[1][0], "--dtype", "f32", "--json");
    const { dtype, tolerance, worst } = JSON.parse(out) as Result;
    expect([code, dtype, tolerance]).to.deep.equal([0, "f32", 1e-4]);
    expect(worst).to.be.greaterThan(1e-8);
  });

  it("runs on another device", async () => {
    const { code, out } = await fromnoise("verify", files[1][0], "--device", "wasm:threads=1", "--json");
    const { dtype, device, pass } = JSON.parse(out) as Result;
    expect([code, dtype, device, pass]).to.deep.equal([0, "f32", "wasm:threads=1", true]);
  });

  it("prints a line for each op, marks what is past the tolerance, and exits with 1", async () => {
    const { code, out } = await fromnoise("verify", files[0][0], "--tolerance", "1e-20");
    expect(code).to.equal(1);
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).to.equal(`${files[0][0]}: ops, f64 on reference`);
    expect(lines.find((line) => /^ {2}linear /.test(line))).to.match(/output \d\.\de-\d+ ! {2}dx \d\.\de-\d+ ! {2}dw /);
    expect(lines.at(-1)).to.match(/^FAILED: worst error \d\.\d\de-\d+, tolerance 1e-20$/);
  });

  it("checks several files, and still exits with 2 where one of them cannot be checked", async () => {
    const { code, out, err } = await fromnoise("verify", files[0][0], join(folder, "none.json"), files[1][0], "--json");
    expect(code).to.equal(2);
    expect((JSON.parse(out) as Result[]).map(({ file }) => file)).to.deep.equal([files[0][0], files[1][0]]);
    expect(err).to.contain("none.json");
  });

  it("exits with 2 for a network it does not implement, and for a file that lacks a part", async () => {
    const json = JSON.parse(readFileSync(files[1][0], "utf8")) as Record<string, unknown>;
    const refusal = async (change: Record<string, unknown>): Promise<[number | null, string]> => {
      const path = join(folder, "changed.json");
      writeFileSync(path, JSON.stringify({ ...json, ...change }));
      const { code, err } = await fromnoise("verify", path);
      return [code, err.split("\n")[0].replace(path, "FILE")];
    };
    expect(await refusal({ config: { dim: 8, dim_mults: [1, 2], flash_attn: true } })).to.deep.equal(
      [2, "ConfigError: FILE: lucidrains config: the field flash_attn is not known"],
    );
    expect(await refusal({ kind: "sampler" })).to.deep.equal([2, 'ConfigError: FILE: the kind is "sampler"']);
    expect(await refusal({ output: undefined, loss: undefined })).to.deep.equal(
      [2, "ConfigError: FILE: a file of kind unet without output, loss"],
    );
  });

  const hostile: [what: string, file: number, change: (json: Json) => void, message: string][] = [
    ["no ops", 0, (json) => void (json["ops"] = {}), "golden file: ops: {} is not allowed\n  allowed  one op or more"],
    ["ops that are a list", 0, (json) => void (json["ops"] = []), "golden file: ops: [] is not allowed\n  allowed  an object"],
    ["an op that is none", 0, (json) => void (json["ops"] = { constructor: 5 }), "golden file: ops.constructor: 5 is not allowed\n  allowed  an object"],
    ["an op without its output", 0, (json) => void delete oneOp(json)["output"], "output: undefined is not allowed\n  allowed  an object"],
    ["a shape of text", 0, (json) => void ((oneOp(json)["output"] as Json)["shape"] = ["2", 4]), 'output.shape: ["2",4] is not allowed\n  allowed  up to 6 whole'],
    ["a shape without end", 0, (json) => void ((oneOp(json)["output"] as Json)["shape"] = [1e9, 1e9]), "output.shape: [1000000000,1000000000] is not allowed"],
    ["an output of another shape", 0, (json) => void ((oneOp(json)["output"] as Json)["shape"] = [5, 2, 4, 4]),
      "golden file: conv2d: the output has another shape\n  file     [5, 4, 4, 2]\n  op       [2, 5, 4, 4]"],
    ["padding without end", 0, (json) => void ((oneOp(json)["attrs"] as Json)["padding"] = 1e9), "golden file: conv2d: the output has another shape"],
    ["gradients that are no lists", 0, (json) => void (oneOp(json)["grads"] = { x: { length: 1e9 } }), "grads.x: {"],
    ["gradients of names that every object has", 0, (json) => void (oneOp(json)["grads"] = { toString: [1] }), "golden file: the inputs of conv2d do not fit"],
    ["a fill without a step", 1, (json) => void (json["fill"] = { phase: 1, chirp: 0 }), "golden file: fill.step: undefined is not allowed\n  allowed  a finite number"],
    ["an input of three axes", 1, (json) => void (json["input"] = { shape: [2, 2, 8], fill_index: 1, scale: 1 }), "input.shape: [2,2,8] is not allowed\n  allowed  4 whole numbers"],
    ["an input beyond memory", 1, (json) => void (json["input"] = { shape: [1e9, 2, 8, 8], fill_index: 1, scale: 1 }), "input.shape: [1000000000,2,8,8] is not allowed"],
    ["an output of another length", 1, (json) => void (json["output"] = [1, 2]), "golden file: output: [1,2] is not allowed\n  allowed  a flat list of 256 finite numbers"],
    ["a parameter whose name is a number", 1, (json) => void ((json["params"] as Json[])[3]!["name"] = 7), "golden file: params[3].name: 7 is not allowed\n  allowed  a non-empty string"],
    ["a parameter of another shape", 1, (json) => void ((json["params"] as Json[])[0]!["shape"] = [1]), "golden file: params[0].shape: [1] is not allowed\n  allowed  [8, 2, 3, 3], that of conv_in.weight"],
    ["a config that is a list", 1, (json) => void (json["config"] = []), "golden file: config: [] is not allowed\n  allowed  an object"],
    ["times that are no numbers", 1, (json) => void (json["t"] = ["3", 5]), 'golden file: t[0]: "3" is not allowed'],
    ["no steps of training", 10, (json) => void (json["steps"] = []), "golden file: steps: [] is not allowed\n  allowed  one step or more"],
    ["a batch without end", 10, (json) => void (json["batch"] = 1e9), "golden file: batch: 1000000000 is not allowed\n  allowed  whole numbers from 1 to 1024"],
    ["images beyond memory", 10, (json) => void ((json["config"] as Json)["sample_size"] = 65536), "golden file: a batch of 17179869184 values is too large"],
    ["one beta", 10, (json) => void ((json["optimizer"] as Json)["betas"] = [0.9]), "golden file: optimizer.betas: [0.9] is not allowed\n  allowed  two numbers"],
    ["a norm that is none", 10, (json) => void (json["final_l2"] = { __proto__: null, "conv_in.weight": null }), "golden file: final_l2.conv_in.weight: null is not allowed"],
    ["a schedule of text", 10, (json) => void (json["schedule"] = "linear"), 'golden file: schedule: "linear" is not allowed\n  allowed  an object'],
  ];
  for (const [what, file, change, message] of hostile) {
    it(`refuses ${what}`, async () => {
      const json = JSON.parse(readFileSync(files[file][0], "utf8")) as Json;
      change(json);
      const path = join(folder, "hostile.json");
      writeFileSync(path, JSON.stringify(json));
      const { code, err } = await fromnoise("verify", path);
      expect(err).to.contain(`ConfigError: ${path}: golden file: `).and.to.contain(message);
      expect(code).to.equal(2);
    });
  }

  it("takes tensors of 300,000 values, and refuses brackets alone in a line", async () => {
    const n = 300_000, values = Array.from({ length: n }, (_, i) => Math.sin(i));
    const relu = { op: "relu", inputs: { x: { shape: [n], data: values } }, output: { shape: [n], data: values.map((v) => Math.max(0, v)) },
      grad_output: values, grads: { x: values.map((v) => (v > 0 ? v : 0)) } };
    const path = join(folder, "large.json");
    writeFileSync(path, JSON.stringify({ format: "fromnoise-golden-1", kind: "ops", ops: { relu } }));
    const { code, err } = await fromnoise("verify", path);
    expect(code, err).to.equal(0);
    writeFileSync(path, "[".repeat(2e7));
    const refused = await fromnoise("verify", path);
    expect([refused.code, refused.err]).to.deep.equal([
      2, `ConfigError: ${path} is not JSON\n  reason   objects and lists are nested more than 100 deep at character 100`,
    ]);
  });

  it("fails where one number of a file is wrong in the seventh digit", async () => {
    const json = JSON.parse(readFileSync(files[1][0], "utf8")) as { loss: number };
    const path = join(folder, "wrong.json");
    writeFileSync(path, JSON.stringify({ ...json, loss: json.loss * (1 + 1e-7) }));
    const { code, out } = await fromnoise("verify", path, "--json");
    const { worst, rows } = JSON.parse(out) as Result;
    expect(code).to.equal(1);
    expect(worst).to.be.closeTo(1e-7, 1e-10);
    expect(rows.filter(({ error }) => error > 1e-9).map(({ name }) => name)).to.deep.equal(["loss"]);
  });

  it("takes other coefficients, another network and images of any shape", async () => {
    const path = join(folder, "own.json");
    writeFileSync(path, JSON.stringify(await ownGolden()));
    const { code, out, err } = await fromnoise("verify", path, "--json");
    expect(code, err).to.equal(0);
    expect((JSON.parse(out) as Result).worst).to.be.at.most(1e-12);
  });
});

/** A golden file as someone else would write one, by the words of docs/golden-format.md: 4x6 images, scale-shift, heads of 2. */
async function ownGolden(): Promise<object> {
  const coefficients = { phase: 0.31, step: 0.9, chirp: 0.002 };
  const fill = (n: number, k: number, scale: number, base: number): Float64Array =>
    Float64Array.from({ length: n }, (_, j) => base + scale * Math.sin(
      coefficients.phase * (k + 1) + coefficients.step * j + coefficients.chirp * j * j,
    ));
  const config = { ...tinyModel, attention_head_dim: 2, resnet_time_scale_shift: "scale_shift", flip_sin_to_cos: false };
  const device = await openDevice("reference");
  const unet = emptyNetwork(new UNet(config), device, "f64");
  const shapes = parametersOf(unet);
  loadStateDict(unet, new Map(shapes.map(({ name, shape }, k) =>
    [name, { shape, data: fill(sizeOf(shape), k, 0.1, name.includes("norm") && name.endsWith(".weight") ? 1 : 0) }])));
  const torchShape = [3, 1, 4, 6];
  const upload = (values: Float64Array): ReturnType<typeof tensor> => tensor(
    toChannelsLast(values, torchShape), { device, dtype: "f64", shape: [3, 4, 6, 1] },
  );
  const t = [0, 7, 512];
  const target = upload(fill(72, 77, 1, 0));
  const [y, cache] = unet.forward(upload(fill(72, 5, 0.8, 0)), t);
  const grads = new Grads(device);
  unet.backward(mse.backward(tensor(1, { device, dtype: "f64" }), y, target).da, cache, grads);
  const params = await Promise.all(unet.parameters.map(async (p, k) => {
    const g = Array.from(toFileLayout(p, await grads.get(p)!.data()));
    const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
    return { ...shapes[k], grad_sum: sum(g), grad_l2: Math.sqrt(sum(g.map((v) => v * v))), grad_first: g.slice(0, 4) };
  }));
  const output = Array.from(toChannelsFirst(await y.data(), y.shape));
  const loss = await mse.forward(y, target).item();
  return {
    format: "fromnoise-golden-1", kind: "unet", fill: coefficients, config,
    input: { shape: torchShape, fill_index: 5, scale: 0.8 }, t, output, loss, params,
  };
}
