/** decoded.safetensors, the images of a run as numbers, and the Python package that reads it. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { arrayDataset } from "../../src/data/arrays.js";
import { writeDecoded } from "../../src/train/node/decoded.js";

const torch = fileURLToPath(new URL("../../torch", import.meta.url));

interface Entry { readonly dtype: string; readonly shape: number[]; readonly data_offsets: [number, number] }

/** Header and bytes of a safetensors file. */
function parsed(path: string): { info: Record<string, unknown>; tensors: Record<string, Entry>; bytes(name: string): Buffer } {
  const file = readFileSync(path), start = 8 + Number(file.readBigUInt64LE());
  const { __metadata__: metadata, ...tensors } = JSON.parse(file.toString("utf8", 8, start)) as Record<string, Entry> & { __metadata__: Record<string, string> };
  expect(metadata["fromnoise.sha256"]).to.equal(createHash("sha256").update(metadata["fromnoise"]).digest("hex"));
  return {
    info: JSON.parse(metadata["fromnoise"]) as Record<string, unknown>, tensors,
    bytes: (name) => file.subarray(start + tensors[name].data_offsets[0], start + tensors[name].data_offsets[1]),
  };
}

describe("decoded.safetensors", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "fromnoise-decoded-"))));
  after(() => rmSync(folder, { recursive: true }));

  const values = Float32Array.from({ length: 3 * 2 * 2 * 3 }, (_, i) => Math.fround(Math.sin(i)));
  const training = arrayDataset({ shape: [2, 2, 3], values, labels: [2, 0, 1] });
  const config = { data: "photos", holdOut: 10 };

  it("has every image and label as they are, with the digests of both", () => {
    const path = join(folder, "one.safetensors");
    expect(writeDecoded(path, { config, training })).to.equal(true);
    const { info, tensors, bytes } = parsed(path);
    expect(tensors["images"]).to.deep.include({ dtype: "F32", shape: [3, 2, 2, 3] });
    expect(new Float32Array(new Uint8Array(bytes("images")).buffer)).to.deep.equal(values);
    expect(Array.from(new Int32Array(new Uint8Array(bytes("labels")).buffer))).to.deep.equal([2, 0, 1]);
    const digest = (name: string): string => createHash("sha256").update(bytes(name)).digest("hex");
    expect(info["digests"]).to.deep.equal({ images: digest("images"), labels: digest("labels") });
    expect(readdirSync(folder)).to.deep.equal(["one.safetensors"]);
  });

  it("is written again for other data, and for what is no such file", () => {
    const path = join(folder, "one.safetensors");
    expect(writeDecoded(path, { config, training })).to.equal(false);
    expect(writeDecoded(path, { config: { ...config, holdOut: 5 }, training })).to.equal(true);
    const record = { files: 3, names: "a", contents: "b", skipped: [] };
    expect(writeDecoded(path, { config, training, record })).to.equal(true);
    expect(writeDecoded(path, { config, training, record })).to.equal(false);
    writeFileSync(path, "no file of numbers");
    expect(writeDecoded(path, { config, training, record })).to.equal(true);
  });

  it("leaves nothing behind where an image cannot be read", () => {
    const broken = { ...training, sample: (i: number) => { if (i === 1) throw new Error("broken"); return training.sample(i); } };
    expect(() => writeDecoded(join(folder, "two.safetensors"), { config, training: broken })).to.throw("broken");
    expect(readdirSync(folder)).to.deep.equal(["one.safetensors"]);
  });
});

describe("the Python package", () => {
  it("has at most 600 lines that are not empty, and needs no more than torch", () => {
    const files = (readdirSync(torch, { recursive: true }) as string[]).filter((name) => name.endsWith(".py"));
    const lines = files.flatMap((name) => readFileSync(join(torch, name), "utf8").split("\n")).filter((line) => line.trim() !== "");
    expect(files).to.include.members(["train.py", "fromnoise_torch/trainer.py"]);
    expect(lines.length).to.be.within(100, 600);
    const imported = new Set(lines.flatMap((line) => /^(?:import|from) ([\w., ]+?)(?: import .*)?$/.exec(line)?.[1].split(",") ?? []).map((name) => name.trim().split(".")[0]));
    const standard = ["argparse", "contextlib", "ctypes", "functools", "hashlib", "json", "math", "os", "re", "signal", "socket", "struct", "sys", "time"];
    expect([...imported].filter((name) => name !== "" && name !== "torch" && name !== "fromnoise_torch" && !standard.includes(name))).to.deep.equal([]);
  });
});
