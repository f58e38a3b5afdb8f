import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, ImageError } from "@fromnoise/tensor";
import { expect } from "chai";
import { PNG } from "pngjs";
import { builtinNames, openBuiltin, openDataset, openSheet, tileDataset, type Dataset } from "../../src/data/node/index.js";
import { toBytes } from "../../src/image/node/index.js";
import { grayPng } from "../image/fixtures.js";

const DATA = new URL("../../../../data/", import.meta.url);

/** The bytes of tile (row, column) of a sheet, cut with pngjs alone. */
function tileBytes(file: string, tile: number, row: number, column: number, channels: number): number[] {
  const sheet = PNG.sync.read(readFileSync(new URL(file, DATA)));
  const bytes: number[] = [];
  for (let y = row * tile; y < (row + 1) * tile; y++) {
    for (let x = column * tile; x < (column + 1) * tile; x++) {
      bytes.push(...sheet.data.subarray(4 * (y * sheet.width + x), 4 * (y * sheet.width + x) + channels));
    }
  }
  return bytes;
}

describe("built-in sheets", () => {
  let digits: Dataset<Float32Array>, faces: Dataset<Float32Array>, pixelFaces: Dataset<Float32Array>;
  before(() => { [digits, faces, pixelFaces] = builtinNames.map((name) => openBuiltin(name)); });

  it("are digits, faces and pixel-faces", () => {
    expect(builtinNames).to.deep.equal(["digits", "faces", "pixel-faces"]);
    expect([digits, faces, pixelFaces].map((data) => data.describe())).to.deep.equal([
      "digits: 10,000 images, 28x28 gray", "faces: 4,096 images, 32x32 RGB", "pixel-faces: 4,096 images, 16x16 RGB",
    ]);
  });

  it("put tile i at row i / columns, column i mod columns, byte for byte", () => {
    expect([...toBytes(faces.sample(3 * 64 + 5))]).to.deep.equal(tileBytes("faces-32x32-rgb-4096.png", 32, 3, 5, 3));
    expect([...toBytes(faces.sample(4095))]).to.deep.equal(tileBytes("faces-32x32-rgb-4096.png", 32, 63, 63, 3));
    expect([...toBytes(pixelFaces.sample(64))]).to.deep.equal(tileBytes("pixel-faces-16x16-rgb-4096.png", 16, 1, 0, 3));
    expect([...toBytes(digits.sample(9999))]).to.deep.equal(tileBytes("digits-28x28-gray-10000.png", 28, 99, 99, 1));
  });

  it("label the digits by class", () => {
    expect(digits.classes).to.equal(10);
    const counts = Array<number>(10).fill(0);
    for (let i = 0; i < digits.count; i++) counts[digits.label!(i)]++;
    expect(counts).to.deep.equal([1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]);
    expect([0, 1000, 1001, 9021, 9022, 9999].map((i) => digits.label!(i))).to.deep.equal([0, 0, 1, 8, 9, 9]);
    expect(faces.label).to.equal(undefined);
  });

  it("pad the digits to 32 with two black pixels on each side", () => {
    const plain = digits.sample(77), padded = openDataset("digits", { size: 32 }).sample(77);
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        const inside = x >= 2 && x < 30 && y >= 2 && y < 30;
        expect(padded[y * 32 + x]).to.equal(inside ? plain[(y - 2) * 28 + x - 2] : -1);
      }
    }
  });

  it("average the digits to a smaller size and give them three channels when asked", () => {
    const plain = digits.sample(5000), half = openBuiltin("digits", { size: 14, channels: 3 });
    expect(half.describe()).to.equal("digits: 10,000 images, 14x14 RGB (averaged from 28x28)");
    const image = half.sample(5000);
    for (let y = 0; y < 14; y++) {
      for (let x = 0; x < 14; x++) {
        const at = 2 * y * 28 + 2 * x;
        const mean = (plain[at] + plain[at + 1] + plain[at + 28] + plain[at + 29]) / 4;
        for (let c = 0; c < 3; c++) expect(image[(y * 14 + x) * 3 + c]).to.be.closeTo(mean, 1e-6);
      }
    }
  });

  it("are cropped to the centre where the size is no square", () => {
    const plain = digits.sample(5000), narrow = openBuiltin("digits", { size: [14, 7] });
    expect(narrow.shape).to.deep.equal([14, 7, 1]);
    expect(narrow.describe()).to.equal("digits: 10,000 images, 7x14 gray (cropped from 28x28)");
    const image = narrow.sample(5000);
    for (let y = 0; y < 14; y++) {
      for (let x = 0; x < 7; x++) {
        const at = 2 * y * 28 + 7 + 2 * x;
        expect(image[y * 7 + x]).to.be.closeTo((plain[at] + plain[at + 1] + plain[at + 28] + plain[at + 29]) / 4, 1e-6);
      }
    }
  });

  it("turn colours to gray when asked", () => {
    const rgb = faces.sample(9), gray = openBuiltin("faces", { channels: 1 }).sample(9);
    expect(gray).to.have.length(1024);
    expect(gray[500]).to.be.closeTo(0.299 * rgb[1500] + 0.587 * rgb[1501] + 0.114 * rgb[1502], 1e-6);
  });

  it("are never enlarged", () => {
    expect(() => openBuiltin("digits", { size: 64 })).to.throw(ConfigError).with.property("message",
      'size does not fit the data "digits"\n  got        64\n' +
      "  allowed    1 .. 28, or 32 (padded with black): images are never enlarged");
    expect(() => openBuiltin("faces", { size: 33 })).to.throw(ConfigError, "allowed    1 .. 32: images are never enlarged");
    expect(() => openBuiltin("digits", { size: [32, 28] })).to.throw(ConfigError, "got        32,28\n");
  });

  it("have images 0 .. count - 1 only", () => {
    for (const i of [-1, 4096, 0.5, NaN]) expect(() => faces.sample(i)).to.throw(RangeError, `no sample ${i}, there are 4096`);
    expect(() => digits.label!(10000)).to.throw(RangeError, "no sample 10000");
  });
});

describe("tile sheets", () => {
  let folder = "";
  before(() => { folder = mkdtempSync(join(tmpdir(), "fromnoise-sheet-")); });
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };

  it("are opened as FILE:TILE", () => {
    const path = file("my.png", grayPng(6, 4, (x, y) => 10 * Math.floor(y / 2) + Math.floor(x / 2)));
    const data = openDataset(`${path}:2`);
    expect(data).to.deep.include({ name: "my.png", count: 6, shape: [2, 2, 1] });
    const values = Array.from({ length: 6 }, (_, i) => [...toBytes(data.sample(i))]);
    expect(values).to.deep.equal([0, 1, 2, 10, 11, 12].map((v) => [v, v, v, v]));
    expect(openDataset(`${path}:2`, { size: 1, channels: 3 }).sample(5)).to.have.length(3);
  });

  it("may hold fewer tiles than they have room for", () => {
    const path = file("few.png", grayPng(6, 4, () => 0));
    expect(openSheet(path, { tile: 2, count: 4 }).count).to.equal(4);
    expect(openSheet(path, { tile: 2, columns: 2 }).count).to.equal(4);
  });

  it("must be made of whole tiles", () => {
    const path = file("odd.png", grayPng(7, 4, () => 0));
    expect(() => openDataset(`${path}:2`)).to.throw(ImageError).with.property("message",
      `${path}: not a sheet of such tiles\n` +
      "  expected   sides that are multiples of 2 pixels, and room for 6 tiles in 3 columns\n  found      7x4 pixels");
    for (const wrong of [{ tile: 7 }, { tile: 0 }, { tile: 1, count: 29 }, { tile: 1, columns: 8 }]) {
      expect(() => openSheet(path, wrong)).to.throw(ImageError, "not a sheet of such tiles");
    }
  });

  it("must be images", () => {
    const path = file("text.png", Buffer.from("hello"));
    expect(() => openDataset(`${path}:2`)).to.throw(ImageError, 'text.png: not a PNG or JPEG image');
    expect(() => openDataset(`${folder}/none.png:2`)).to.throw(ImageError, "none.png: cannot be read");
  });

  it("can be pictures in memory", () => {
    const data = tileDataset("mine", "mine", { width: 2, height: 1, channels: 1, data: Float32Array.of(0, 1) }, { tile: 1 });
    expect([data.sample(0)[0], data.sample(1)[0]]).to.deep.equal([-1, 1]);
  });

  it("need their tile size said, and other names mean nothing", () => {
    const path = file("plain.png", grayPng(2, 2, () => 0));
    const allowed = "\n  allowed    digits, faces, pixel-faces, a folder of PNG or JPEG images, or a tile sheet FILE.png:TILE";
    expect(() => openDataset(path)).to.throw(ConfigError).with.property("message",
      `data names no images\n  got        ${JSON.stringify(path)}, which is a file${allowed}\n` +
      `  perhaps    ${path}:32, if it is a sheet of 32x32 tiles`);
    expect(() => openDataset("digit")).to.throw(ConfigError).with.property("message",
      `data names no images\n  got        "digit", which does not exist${allowed}`);
  });
});
