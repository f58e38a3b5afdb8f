import { ImageError } from "@fromnoise/tensor";
import { expect } from "chai";
import { decodeImage, encodePng, grid, imageBitmap, strip, stripSteps, toBytes } from "../../src/image/node/index.js";

const rows = (bitmap: { width: number; channels: number; data: Uint8Array }): number[][] => {
  const stride = bitmap.width * bitmap.channels;
  return Array.from({ length: bitmap.data.length / stride }, (_, y) => [...bitmap.data.subarray(y * stride, (y + 1) * stride)]);
};

describe("image grids and PNG files", () => {
  it("rounds (x + 1) * 127.5 to bytes and clips", () => {
    expect([...toBytes([-1, 1, 0, -7, 3, 1 / 127.5 - 1, Infinity])]).to.deep.equal([0, 255, 128, 0, 255, 1, 255]);
  });

  it("gives back every byte that came from a file", () => {
    const signed = Float32Array.from({ length: 256 }, (_, i) => Math.fround(i / 255) * 2 - 1);
    expect([...toBytes(signed)]).to.deep.equal(Array.from({ length: 256 }, (_, i) => i));
  });

  it("refuses NaN", () => {
    expect(() => toBytes([0, NaN])).to.throw(ImageError, "an image to be written holds NaN\n  first at index 1 of 2");
  });

  for (const channels of [1, 3] as const) {
    it(`writes ${channels === 1 ? "gray" : "RGB"} PNG files that read back pixel for pixel`, () => {
      const data = Uint8Array.from({ length: 13 * 7 * channels }, (_, i) => (i * 89) % 256);
      const bytes = encodePng({ width: 13, height: 7, channels, data });
      const picture = decodeImage(bytes, "grid.png");
      expect(picture).to.include({ width: 13, height: 7, channels });
      expect([...picture.data].map((v) => Math.round(v * 255))).to.deep.equal([...data]);
      expect(encodePng({ width: 13, height: 7, channels, data })).to.deep.equal(bytes);
    });
  }

  it("lays images out row by row with gaps on a background, the last row filled up", () => {
    const images = { shape: [3, 1, 2, 1], data: [-1, 1, 1, -1, -1, -1] };
    expect(rows(grid(images, { columns: 2, gap: 1, scale: 1, background: 0 }))).to.deep.equal([
      [128, 128, 128, 128, 128, 128, 128],
      [128, 0, 255, 128, 255, 0, 128],
      [128, 128, 128, 128, 128, 128, 128],
      [128, 0, 0, 128, 128, 128, 128],
      [128, 128, 128, 128, 128, 128, 128],
    ]);
  });

  it("enlarges by repeating pixels", () => {
    expect(rows(grid({ shape: [1, 1, 2, 3], data: [-1, 0, 1, 1, 1, -1] }, { gap: 0, scale: 2 }))).to.deep.equal([
      [0, 128, 255, 0, 128, 255, 255, 255, 0, 255, 255, 0],
      [0, 128, 255, 0, 128, 255, 255, 255, 0, 255, 255, 0],
    ]);
  });

  it("chooses square grids and a readable size: 64 digits of 28 pixels are enlarged 3 times", () => {
    const digits = grid({ shape: [64, 28, 28, 1], data: new Float32Array(64 * 784) });
    expect(digits).to.include({ width: 8 * 84 + 9 * 2, height: 8 * 84 + 9 * 2 });
    const large = grid({ shape: [5, 256, 128, 1], data: new Float32Array(5 * 256 * 128) });
    expect(large).to.include({ width: 3 * 128 + 4 * 2, height: 2 * 256 + 3 * 2 });
  });

  it("writes one image pixel for pixel", () => {
    expect(imageBitmap({ shape: [1, 2, 1, 1], data: [-1, 1] }))
      .to.deep.equal({ width: 1, height: 2, channels: 1, data: Uint8Array.of(0, 255) });
  });

  it("says which shapes and options it takes", () => {
    expect(() => grid({ shape: [2, 2, 1], data: [0, 0, 0, 0] })).to.throw(ImageError,
      "images to be drawn have a wrong shape\n  expected   [N, H, W, 1] or [N, H, W, 3], none of them 0\n" +
      "  found      [2, 2, 1] with 4 values");
    expect(() => grid({ shape: [1, 1, 1, 2], data: [0, 0] })).to.throw(ImageError, "[1, 1, 1, 2] with 2 values");
    expect(() => grid({ shape: [1, 1, 1, 1], data: [0, 0] })).to.throw(ImageError, "[1, 1, 1, 1] with 2 values");
    expect(() => grid({ shape: [1, 1, 1, 1], data: [0] }, { scale: 1.5 })).to.throw(ImageError,
      "grid: scale is out of range\n  expected   a whole number of at least 1\n  found      1.5");
  });
});

describe("strips", () => {
  const frame = (values: readonly number[]): { shape: number[]; data: number[] } => ({ shape: [2, 1, 1, 1], data: [...values] });

  it("shows samples in rows and times in columns", () => {
    const bitmap = strip([frame([-1, 0]), frame([1, -1]), frame([0, 1])], { gap: 0, scale: 1 });
    expect(rows(bitmap)).to.deep.equal([[0, 255, 128], [128, 0, 255]]);
  });

  it("refuses frames of different shapes, and none at all", () => {
    expect(() => strip([])).to.throw(ImageError, "strip: no frames");
    expect(() => strip([frame([0, 0]), { shape: [1, 1, 2, 1], data: [0, 0] }])).to.throw(ImageError,
      "strip: frames differ in shape\n  frame 0    [2, 1, 1, 1]\n  frame 1    [1, 1, 2, 1]");
  });

  it("picks steps evenly with the first and the last", () => {
    expect(stripSteps(1000, 5)).to.deep.equal([0, 250, 500, 749, 999]);
    expect(stripSteps(3, 10)).to.deep.equal([0, 1, 2]);
    expect(stripSteps(10, 1)).to.deep.equal([9]);
    expect(stripSteps(1, 8)).to.deep.equal([0]);
    expect(stripSteps(0, 8)).to.deep.equal([]);
  });
});
