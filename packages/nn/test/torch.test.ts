/** Files of torch.save, written by PyTorch 1.13 (golden/torch/make.py). */
import { readdirSync, readFileSync } from "node:fs";
import { CheckpointError } from "@fromnoise/tensor";
import {
  encodeTorchFile, Global, Opaque, TorchTensor, isTorchFile, readStateDict, readTorchFile, stateDictOf, type ByteReader, type LoadedTorchTensor, type Saved, type TorchFile,
} from "@fromnoise/nn";
import { expect } from "chai";
import { zip64 } from "./attack/zips.js";

const folder = new URL("golden/torch/", import.meta.url);
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));

/** A reader that says what was read of it. */
function readerOf(bytes: Uint8Array, onRead: (length: number) => void = () => undefined): ByteReader {
  return {
    size: bytes.length,
    async read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.length) throw new Error(`bytes ${offset} .. ${offset + length} of ${bytes.length}`);
      onRead(length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

const open = (name: string): Promise<TorchFile> => readTorchFile(readerOf(bytesOf(name)), name);

async function read(file: TorchFile, value: unknown): Promise<LoadedTorchTensor> {
  expect(value).to.be.instanceOf(TorchTensor);
  return file.read(value as TorchTensor);
}

const value = (j: number): number => Math.sin(0.7 + 1.3 * j);
const whole = (j: number): number => (37 * j + 11) % 101 - 50;
const fill = (n: number): number[] => Array.from({ length: n }, (_, j) => Math.fround(value(j)));

/** What every tensor of views.pt holds: its shape, and which elements of its storage. */
const views: Readonly<Record<string, readonly [shape: readonly number[], elements: readonly number[]]>> = {
  "whole": [[4, 6], Array.from({ length: 24 }, (_, j) => j)],
  "transposed": [[6, 4], Array.from({ length: 24 }, (_, j) => 6 * (j % 4) + Math.floor(j / 4))],
  "row": [[6], [12, 13, 14, 15, 16, 17]],
  "column": [[4], [1, 7, 13, 19]],
  "steps": [[2, 2], [6, 9, 18, 21]],
  "expanded": [[5, 1], [0, 0, 0, 0, 0]],
  "permuted": [[4, 2, 3], Array.from({ length: 24 }, (_, j) => 12 * (Math.floor(j / 3) % 2) + 4 * (j % 3) + Math.floor(j / 6))],
  "alone": [[], [23]],
  "tied": [[2, 2], [0, 1, 2, 3]],
  "tied too": [[2, 2], [0, 1, 2, 3]],
};

describe("files of PyTorch", () => {
  for (const name of ["dtypes.pt", "dtypes-legacy.pt"]) {
    it(`${name}: every dtype`, async () => {
      const file = await open(name);
      const dict = stateDictOf(file.value)!;
      expect([...dict.keys()]).to.have.length(10);
      const precision: Readonly<Record<string, number>> = { float64: 0, float32: 2 ** -24, float16: 2 ** -11, bfloat16: 2 ** -8 };
      for (const [dtype, tensor] of dict) {
        const { shape, data, dtype: said } = await file.read(tensor);
        expect(said, dtype).to.equal(dtype);
        expect(shape, dtype).to.deep.equal([2, 3]);
        expect(data, dtype).to.be.instanceOf(["float32", "float16", "bfloat16"].includes(dtype) ? Float32Array : Float64Array);
        data.forEach((x, j) => {
          const exact = dtype === "bool" ? Number(j % 3 === 0) : dtype === "uint8" ? whole(j) + 50 : dtype.startsWith("int") ? whole(j) : value(j);
          if (dtype === "float32") expect(x).to.equal(Math.fround(exact));
          else expect(Math.abs(x - exact), `${dtype} ${j}`).to.be.at.most((precision[dtype] ?? 0) * Math.abs(exact) + (dtype === "float64" ? 2e-16 : 0));
        });
      }
    });
  }

  for (const name of ["views.pt", "views-legacy.pt"]) {
    it(`${name}: strides, offsets, shared storages, tensors without axes or elements`, async () => {
      const file = await open(name);
      const dict = stateDictOf(file.value)!;
      for (const [view, [shape, elements]] of Object.entries(views)) {
        const loaded = await file.read(dict.get(view)!);
        expect(loaded.shape, view).to.deep.equal(shape);
        expect(Array.from(loaded.data), view).to.deep.equal(elements.map((j) => fill(24)[j]));
      }
      expect(await file.read(dict.get("scalar")!)).to.deep.equal({ dtype: "float32", shape: [], data: Float32Array.of(2.5) });
      expect(await file.read(dict.get("empty")!)).to.deep.equal({ dtype: "float32", shape: [0, 3], data: new Float32Array(0) });
      expect(dict.get("tied")!.storage).to.equal(dict.get("tied too")!.storage);
    });
  }

  for (const name of ["state-dict.pt", "state-dict-legacy.pt"]) {
    it(`${name}: a module's state dict, whose counters are no weights`, async () => {
      const file = await open(name);
      const dict = stateDictOf(file.value)!;
      expect([...dict.keys()]).to.include("1.num_batches_tracked");
      const loaded = await readStateDict(file, dict);
      expect([...loaded.keys()]).to.deep.equal(["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"]);
      expect(loaded.get("0.weight")!.shape).to.deep.equal([2, 1, 3, 3]);
      expect(Array.from(loaded.get("0.weight")!.data)).to.deep.equal(fill(18));
      expect([...(await readStateDict(file, dict, (key) => key.endsWith("bias"))).keys()]).to.deep.equal(["0.bias", "1.bias"]);
      expect(await file.read(dict.get("1.num_batches_tracked")!)).to.deep.equal({ dtype: "int64", shape: [], data: Float64Array.of(0) });
    });
  }

  for (const name of readdirSync(folder).filter((file) => file.startsWith("checkpoint"))) {
    it(`${name}: containers, numbers and texts; objects of other classes as what was said of them`, async () => {
      const file = await open(name);
      const held = file.value as Map<string, unknown>;
      expect(stateDictOf(held)).to.equal(undefined);
      const plain = {
        "step": 1000, "version": "2.0", "scaler": null, "flag": true, "big": 2n ** 60n, "bytes": Uint8Array.of(0, 255),
        "list": [1, 2.5, "three"], "tuple": [1, [2, 3]], "set": new Set([1, 2]), "numpy": 0.1, "numpy int": -7, "numpy bool": true,
        "size": [2, 3], "device": "cuda:0", "counts": new Map([["a", 2], ["b", 1]]), "defaults": new Map([["a", [1]]]),
        "unicode": "naïve 名 \u{1f600}",
      };
      for (const [key, expected] of Object.entries(plain)) expect(held.get(key), key).to.deep.equal(expected);
      expect(held.get("dtype")).to.be.instanceOf(Global).with.property("path", "torch.float16");
      expect(held.get("array")).to.be.instanceOf(Opaque).with.property("path").that.matches(/^numpy\.core\.(multiarray\._reconstruct|numeric\._frombuffer)$/);
      const args = held.get("args") as Opaque;
      expect(args.path).to.equal("argparse.Namespace");
      expect((args.state as Map<string, unknown>).get("lr")).to.equal(1e-4);
      expect((args.state as Map<string, unknown>).get("out")).to.be.instanceOf(Opaque).with.deep.property("args", ["a", "b"]);
      expect(Array.from((await read(file, held.get("parameter"))).data)).to.deep.equal(fill(3));
      const deeper = (held.get("nested") as Map<string, Map<string, unknown>>).get("deeper")!;
      expect(Array.from((await read(file, deeper.get("tensor"))).data)).to.deep.equal(fill(2));
    });
  }

  for (const name of ["cuda.pt", "deflated.pt"]) {
    it(`${name}: ${name === "cuda.pt" ? "tensors of a graphics card" : "an archive that was packed again"}`, async () => {
      const file = await open(name);
      const { shape, data } = await read(file, (file.value as Map<string, unknown>).get("weight"));
      expect(shape).to.deep.equal([2, 3]);
      expect(Array.from(data)).to.deep.equal(fill(6));
    });
  }

  it("reads of a stored tensor its own bytes, and nothing of the others", async () => {
    const bytes = bytesOf("views.pt");
    let total = 0;
    const file = await readTorchFile(readerOf(bytes, (length) => (total += length)), "views.pt");
    total = 0;
    await file.read(stateDictOf(file.value)!.get("row")!);
    expect(total).to.equal(6 * 4 + 30 + "views/data/0".length);
  });

  it("reads archives whose sizes stand in 64 bits", async () => {
    const bytes = bytesOf("cuda.pt");
    const at = Buffer.from(bytes).indexOf("archive/data.pkl") + "archive/data.pkl".length;
    const pickle = bytes.subarray(at, bytes.indexOf(0x2e, Buffer.from(bytes).indexOf("OrderedDict")) + 1);
    const large = zip64([
      { name: "x/data.pkl", data: pickle }, { name: "x/data/0", data: new Uint8Array(Float32Array.from(fill(6)).buffer) }, { name: "x/version", data: Uint8Array.of(0x33, 10) },
    ]);
    const file = await readTorchFile(readerOf(large), "large.pt");
    expect(Array.from((await read(file, (file.value as Map<string, unknown>).get("weight"))).data)).to.deep.equal(fill(6));
  });

  it("tells files of PyTorch from others", async () => {
    expect(await isTorchFile(readerOf(bytesOf("views.pt")))).to.equal(true);
    expect(await isTorchFile(readerOf(bytesOf("views-legacy.pt")))).to.equal(true);
    expect(await isTorchFile(readerOf(new Uint8Array(readFileSync(new URL("make.py", folder)))))).to.equal(false);
    expect(await isTorchFile(readerOf(new Uint8Array(0)))).to.equal(false);
  });

  it("finds damage in a storage that is read whole", async () => {
    const bytes = bytesOf("state-dict.pt");
    const at = Buffer.from(bytes).indexOf(Buffer.from(Float32Array.from(fill(18)).buffer));
    expect(at).to.be.above(0);
    bytes[at + 5]! ^= 1;
    const file = await readTorchFile(readerOf(bytes), "damaged.pt");
    let error: unknown;
    await readStateDict(file, stateDictOf(file.value)!).catch((e: unknown) => (error = e));
    expect(error).to.be.instanceOf(CheckpointError).with.property("message").that.matches(/^damaged\.pt: .* is damaged/);
  });

  it("writes files that it reads, and that torch.load does: dicts, numbers, texts and tensors to the bit", async () => {
    const inner = new Map<string, Saved>([["a", { shape: [2, 2], data: Float32Array.of(1, -0, NaN, 1e-45) }], ["b", { shape: [], data: Float64Array.of(Math.PI) }]]);
    const saved = new Map<string, Saved>([
      ["model", inner], ["empty", { shape: [0, 3], data: new Float32Array(0) }], ["step", 1000], ["negative", -2147483648 + 1], ["large", 2 ** 40], ["half", 0.5],
      ["none", null], ["yes", true], ["no", false], ["naïve 名", "\u{1f600}"], ["nothing", new Map<string, Saved>()],
    ]);
    const encoded = encodeTorchFile(saved);
    const bytes = new Uint8Array(Buffer.concat([...encoded]));
    expect(bytes.length).to.equal(encoded.byteLength);
    const file = await readTorchFile(readerOf(bytes), "written.pt");
    const held = file.value as Map<string, unknown>;
    expect([...held.keys()]).to.deep.equal([...saved.keys()]);
    for (const key of ["step", "negative", "large", "half", "none", "yes", "no", "naïve 名", "nothing"]) expect(held.get(key), key).to.deep.equal(saved.get(key));
    const dict = stateDictOf(held.get("model"))!;
    expect(await file.read(dict.get("a")!)).to.deep.equal({ dtype: "float32", shape: [2, 2], data: Float32Array.of(1, -0, NaN, 1e-45) });
    expect(await file.read(dict.get("b")!)).to.deep.equal({ dtype: "float64", shape: [], data: Float64Array.of(Math.PI) });
    expect((await read(file, held.get("empty"))).shape).to.deep.equal([0, 3]);
    expect(() => encodeTorchFile({ shape: [3], data: Float32Array.of(1) })).to.throw(CheckpointError, "does not fit its data");
  });
});
