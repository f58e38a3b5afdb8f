/** What `fromnoise inspect` shows of every kind of file beside costs, which models.test.ts holds. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { openDevice } from "@fromnoise/tensor";
import { UNet, initialize, saveSafetensors, stateDict, type HostTensor } from "@fromnoise/nn";
import { largestDifference, keyDifferences } from "../../src/command/tensor-difference.js";
import { cutTree, tensorTree } from "../../src/command/tensor-tree.js";
import { valueStatistics } from "../../src/command/tensor-values.js";
import { shownText } from "../../src/command/text-table.js";
import { writeCheckpoint } from "../../src/models/formats/checkpoint.js";
import { temporaryFolder, tinyModel } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const place = (name: string): string => join(folder, name);
const run = async (...argv: string[]): Promise<{ code: number | null; out: string; err: string }> => fromnoise("inspect", ...argv);
const shows = async (...argv: string[]): Promise<string> => {
  const { code, out, err } = await run(...argv);
  expect(code, err).to.equal(0);
  return out;
};
const vector = (...data: number[]): HostTensor => ({ shape: [data.length], data: Float32Array.from(data) });

describe("fromnoise inspect", () => {
  before(async () => {
    const device = await openDevice("reference");
    const info = {
      model: {
        network: { kind: "unet", config: new UNet(tinyModel).spec.config }, process: { name: "cosine", timesteps: 1000 },
        prediction: "v", variance: "fixed-large", clipX0: false,
      },
    } as const;
    const weights = async (seed: number): Promise<Map<string, HostTensor>> =>
      await stateDict(initialize(new UNet(tinyModel), { device, seed })) as Map<string, HostTensor>;
    const first = await weights(1);
    await writeCheckpoint(place("first.safetensors"), info, { "ema.": first, "model.": await weights(2) });
    const other = new Map(first);
    other.set("conv_in.bias", { ...first.get("conv_in.bias")!, data: first.get("conv_in.bias")!.data.map((v, i) => (i === 1 ? v + 0.5 : v)) });
    await writeCheckpoint(place("other.safetensors"), info, { "ema.": other });
    const bare = new Map(first);
    bare.delete("conv_out.bias");
    bare.set("conv_in.bias", vector(1, 2));
    bare.set("more", vector(1));
    await saveSafetensors(place("bare.safetensors"), bare, { "made by": "a \u001b[31mtest" });
    writeFileSync(place("tiny.json"), JSON.stringify(tinyModel));
    await device.dispose();
  });

  it("sums up a model: network, process, prediction, sets of weights, cost of a pass", async () => {
    const out = await shows(place("first.safetensors"));
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).to.equal("model");
    expect(lines.slice(1).map((line) => line.trim().split(/ {2,}/)[0])).to.deep.equal(
      ["file", "format", "network", "parameters", "schedule", "predicts", "samples", "weights", "one pass"]);
    expect(out).to.contain("  network     unet, x [N, 8, 8, 1] -> [N, 8, 8, 1]\n")
      .and.contain("  schedule    cosine, 1,000 steps\n").and.contain("  predicts    v\n")
      .and.contain("  samples     fixed-large, guesses of x0 not clipped\n").and.contain("  weights     ema, model\n");
    const json = JSON.parse(await shows(place("first.safetensors"), "--json")) as Record<string, unknown>;
    expect(json).to.deep.include({ kind: "unet", prediction: "v", variance: "fixed-large", clipX0: false, weights: ["ema", "model"] });
  });

  it("draws the modules as a tree, to a depth", async () => {
    const all = await shows(place("first.safetensors"), "--tree");
    expect(all).to.match(/^ {2}conv_in +40 +2 *$/m).and.match(/^ {4}weight +36 +1 +\[4, 1, 3, 3\]$/m);
    const cut = await shows(place("first.safetensors"), "--tree", "--depth", "1");
    expect(cut).to.match(/^ {2}down_blocks +[\d,]+ +\d+ *$/m).and.not.match(/^ {4}/m);
    const total = (out: string): string => /^ {2}total +([\d,]+ +\d+)/m.exec(out)![1];
    expect(total(cut)).to.equal(total(all));
    const { tree } = JSON.parse(await shows(place("tiny.json"), "--tree", "--depth", "1", "--json")) as { tree: { below: { name: string }[] } };
    expect(tree.below.map(({ name }) => name)).to.include.members(["conv_in", "time_embedding", "mid_block"]);
    expect(await run(place("tiny.json"), "--depth", "1")).to.deep.include({ code: 2, err: "ConfigError: --depth means nothing without --tree" });
  });

  it("builds trees of names that are modules and tensors, and that spell no end of modules", () => {
    const tree = tensorTree([["a", [2]], ["a.b", [3]], ["__proto__.c", [1]], [new Array(5000).fill("x").join("."), [1]]]);
    expect(tree).to.deep.include({ values: 7, tensors: 4 });
    expect(tree.below.map(({ name, values, shape }) => [name, values, shape])).to.deep.equal(
      [["a", 5, [2]], ["__proto__", 1, undefined], ["x", 1, undefined]]);
    let [depth, node] = [0, tree.below[2]];
    for (; node.below.length > 0; depth++) node = node.below[0];
    expect(depth).to.equal(31);
    expect(cutTree(tree, 0)).to.deep.include({ values: 7, below: [] });
  });

  it("shows the values of a file of tensors alone, and what is wrong with them", async () => {
    await saveSafetensors(place("values.safetensors"), new Map([
      ["good", vector(-1, 0, 0, 3)], ["bad\u001b[2Jname\u202e", vector(NaN, Infinity, -Infinity, 2)], ["empty", vector()],
    ]));
    const out = await shows(place("values.safetensors"), "--values");
    expect(out).to.match(/^ {2}holds +8 values in 3 tensors$/m);
    expect(out).to.match(/^ {2}good +-1\.000 +3\.000 +0\.5000 +1\.500 +3\.162 +50\.0 % +0 +0$/m);
    expect(out).to.match(/^ {2}bad\\u001b\[2Jname\\u202e +2\.000 +2\.000 +2\.000 +0\.000 +2\.000 +0\.0 % +1 +2$/m);
    expect(out).to.match(/^ {2}empty +- +- +- +- +0\.000 +- +0 +0$/m);
    expect(out).to.contain("  tensors with NaN or infinities: 1").and.not.match(/[\u001b\u202e]/);
    const json = await shows(place("values.safetensors"), "--values", "--json");
    expect(json).to.not.match(/[\u001b\u202e]/);
    const { values } = JSON.parse(json) as { values: { name: string; nan: number }[] };
    expect(values.map(({ name, nan }) => [name, nan])).to.deep.include(["bad\u001b[2Jname\u202e", 1]);
    expect((await run(place("tiny.json"), "--values")).err).to.contain("--values: ");
    expect(await shows(place("first.safetensors"), "--values", "--weights", "model")).to.not.equal(
      await shows(place("first.safetensors"), "--values"));
  });

  it("lists tensors of types it does not read, and reads the others", async () => {
    const header = JSON.stringify({ i: { dtype: "I64", shape: [1], data_offsets: [0, 8] }, f: { dtype: "F32", shape: [1], data_offsets: [8, 12] } });
    const bytes = Buffer.alloc(8 + header.length + 12);
    bytes.writeBigUInt64LE(BigInt(header.length));
    bytes.write(header, 8);
    bytes.writeFloatLE(2.5, 8 + header.length + 8);
    writeFileSync(place("mixed.safetensors"), bytes);
    const out = await shows(place("mixed.safetensors"), "--values");
    expect(out).to.match(/^ {2}i +I64 *$/m).and.match(/^ {2}f +2\.500 /m);
  });

  it("compares two models key by key, and by their values", async () => {
    const same = await shows(place("first.safetensors"), "--against", place("first.safetensors"));
    expect(same).to.match(/: (\d+) keys fit, 0 missing, 0 unexpected, 0 of another shape\n {2}\1 of \1 compared are equal to the bit$/);
    const differing = await shows(place("first.safetensors"), "--against", place("other.safetensors"));
    expect(differing).to.match(/^ {2}conv_in\.bias +5\.000e-1$/m);
  });

  it("says which keys do not fit a network or another file, and exits with 1", async () => {
    for (const other of ["tiny.json", "first.safetensors"]) {
      const { code, out } = await run(place("bare.safetensors"), "--against", place(other));
      expect(code).to.equal(1);
      expect(out).to.contain(" 1 missing, 1 unexpected, 1 of another shape\n");
      expect(out).to.match(/^ {2}conv_in\.bias +other shape +\[2\] +\[4\]$/m).and.match(/^ {2}conv_out\.bias +missing +\[1\]$/m)
        .and.match(/^ {2}more +unexpected +\[1\] *$/m);
    }
    const { against } = JSON.parse((await run(place("bare.safetensors"), "--against", place("tiny.json"), "--json")).out) as {
      against: { name: string; problem?: string }[];
    };
    expect(against.filter(({ problem }) => problem !== undefined)).to.have.length(3);
    expect(await shows(place("tiny.json"), "--against", place("first.safetensors"))).to.contain("0 missing, 0 unexpected");
    expect((await run(place("bare.safetensors"))).out).to.contain("made by  a \\u001b[31mtest");
  });

  it("counts what is not a number as the largest difference", () => {
    const f = (...values: number[]): Float32Array => Float32Array.from(values);
    expect(largestDifference(f(1, 2), f(1, 4))).to.equal(2);
    expect(largestDifference(f(NaN, Infinity, 0), f(NaN, Infinity, -0))).to.equal(0);
    expect(largestDifference(f(NaN, 2), f(1, 4))).to.be.NaN;
    expect(largestDifference(f(Infinity), f(-Infinity))).to.equal(Infinity);
    expect(keyDifferences(new Map([["a", [1, 2]]]), new Map([["a", [1, 2]]]))).to.deep.equal(
      [{ name: "a", problem: undefined, found: [1, 2], wanted: [1, 2] }]);
  });

  it("keeps its statistics exact where values are large and alike, and texts short and harmless", () => {
    const { mean, sd } = valueStatistics("x", [4], Float64Array.of(1e9, 1e9 + 1, 1e9, 1e9 + 1));
    expect([mean, sd]).to.deep.equal([1e9 + 0.5, 0.5]);
    expect(shownText("a\tb\u009b\ud800\u{1f600}")).to.equal("a\\u0009b\\u009b\\ud800\u{1f600}");
    expect(shownText("x".repeat(300), 5)).to.equal("xxxxx... (300 characters)");
  });
});
