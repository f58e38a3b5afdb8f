import { ImageError } from "@fromnoise/tensor";
import { expect } from "chai";
import { areaAverage, centredPart, fitPicture, flipHorizontal, toChannels } from "../../src/image/node/index.js";
import type { Channels, Picture } from "../../src/image/node/index.js";

function picture(width: number, height: number, channels: Channels, values: readonly number[]): Picture {
  return { width, height, channels, data: new Float32Array(values) };
}
const close = (actual: ArrayLike<number>, expected: readonly number[]): void => {
  expect(actual.length).to.equal(expected.length);
  expected.forEach((v, i) => expect(actual[i]).to.be.closeTo(v, 1e-6, `element ${i}`));
};

describe("resizing images", () => {
  it("averages whole blocks", () => {
    const source = picture(4, 2, 1, [0, 0.2, 0.4, 0.6, 0.2, 0.4, 0.6, 0.8]);
    close(areaAverage(source, 2, 1).data, [0.2, 0.6]);
  });

  it("counts partly covered pixels by the covered part: 3 -> 2 takes (1, 1/2) and (1/2, 1)", () => {
    close(areaAverage(picture(3, 1, 1, [0.3, 0.6, 0.9]), 2, 1).data, [(0.3 + 0.3) / 1.5, (0.3 + 0.9) / 1.5]);
    close(areaAverage(picture(1, 3, 1, [0.3, 0.6, 0.9]), 1, 2).data, [(0.3 + 0.3) / 1.5, (0.3 + 0.9) / 1.5]);
  });

  it("equals the two-dimensional coverage sum on awkward sizes, channel by channel, and keeps the mean", () => {
    const [w, h, ow, oh] = [7, 5, 3, 4];
    const source = picture(w, h, 3, Array.from({ length: w * h * 3 }, (_, i) => ((i * 37) % 101) / 100));
    const overlap = (cell: number, o: number, n: number, length: number): number =>
      Math.max(0, Math.min(cell + 1, ((o + 1) * length) / n) - Math.max(cell, (o * length) / n));
    const expected: number[] = [];
    for (let i = 0; i < oh; i++) for (let j = 0; j < ow; j++) for (let c = 0; c < 3; c++) {
      let sum = 0;
      for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
        sum += overlap(y, i, oh, h) * overlap(x, j, ow, w) * source.data[(y * w + x) * 3 + c];
      }
      expected.push((sum * ow * oh) / (w * h));
    }
    const result = areaAverage(source, ow, oh);
    close(result.data, expected);
    const mean = (data: Float32Array): number => data.reduce((s, v) => s + v) / data.length;
    expect(mean(result.data)).to.be.closeTo(mean(source.data), 1e-6);
  });

  it("copies a region of the output's own size exactly", () => {
    const source = picture(4, 3, 1, Array.from({ length: 12 }, (_, i) => i / 7));
    expect([...areaAverage(source, 2, 2, { x: 1, y: 1, width: 2, height: 2 }).data])
      .to.deep.equal([5, 6, 9, 10].map((i) => source.data[i]));
  });

  it("refuses to enlarge", () => {
    expect(() => areaAverage(picture(2, 2, 1, [0, 0, 0, 0]), 3, 2)).to.throw(RangeError, "2x2 cannot be averaged to 3x2");
  });

  it("takes the centre of the longer side", () => {
    expect(centredPart(5, 2, 1, 1)).to.deep.equal({ x: 1, y: 0, width: 2, height: 2 });
    expect(centredPart(3, 8, 28, 28)).to.deep.equal({ x: 0, y: 2, width: 3, height: 3 });
    const wide = picture(8, 2, 1, [9, 9, 9, 0.1, 0.2, 9, 9, 9, 9, 9, 9, 0.3, 0.4, 9, 9, 9]);
    close(fitPicture(wide, 2, 1, "wide.png").data, [0.1, 0.2, 0.3, 0.4]);
    close(fitPicture(wide, 1, 3, "wide.png").data, [0.25, 0.25, 0.25]);
  });

  it("takes the centre in the proportions of what is wanted, to whole pixels", () => {
    expect(centredPart(10, 8, 4, 2)).to.deep.equal({ x: 0, y: 1, width: 10, height: 5 });
    expect(centredPart(10, 4, 2, 1)).to.deep.equal({ x: 1, y: 0, width: 8, height: 4 });
    expect(centredPart(100, 100, 3, 7)).to.deep.equal({ x: 28, y: 0, width: 43, height: 100 });
    for (let width = 1; width < 40; width++) {
      for (let out = 1; out <= width; out++) expect(centredPart(width, 40, out, out).width, `${width} to ${out}`).to.equal(width);
    }
    const rows = picture(4, 4, 1, [9, 9, 9, 9, 0.1, 0.1, 0.3, 0.3, 0.1, 0.1, 0.3, 0.3, 9, 9, 9, 9]);
    close(fitPicture(rows, [1, 2], 1, "rows.png").data, [0.1, 0.3]);
    close(fitPicture(rows, [4, 2], 1, "rows.png").data, [9, 9, 0.1, 0.3, 0.1, 0.3, 9, 9]);
  });

  it("names file, size and wanted size of an image that is too small in a side", () => {
    for (const [w, h] of [[31, 40], [40, 31]]) {
      const small = picture(w, h, 1, Array<number>(w * h).fill(0));
      expect(() => fitPicture(small, 32, 1, "a/small.png")).to.throw(ImageError).with.property("message",
        "a/small.png: smaller than the wanted size\n  expected   at least 32x32 pixels (images are never enlarged)\n" +
        `  found      ${w}x${h} pixels`);
    }
    const flat = picture(3, 1, 1, [0, 0, 0]);
    expect(() => fitPicture(flat, [2, 3], 1, "flat.png")).to.throw(ImageError, "at least 3x2 pixels");
    expect(fitPicture(flat, [1, 2], 1, "flat.png")).to.include({ width: 2, height: 1 });
  });

  it("turns RGB to gray by the luma of BT.601 and gray to RGB by repetition", () => {
    close(toChannels(picture(4, 1, 3, [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1]), 1).data, [0.299, 0.587, 0.114, 1]);
    close(toChannels(picture(2, 1, 1, [0.25, 0.5]), 3).data, [0.25, 0.25, 0.25, 0.5, 0.5, 0.5]);
    const same = picture(1, 1, 3, [0, 0, 0]);
    expect(toChannels(same, 3)).to.equal(same);
  });

  it("mirrors each row and keeps the channels together", () => {
    expect([...flipHorizontal(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), 3, 2)])
      .to.deep.equal([5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8]);
    expect([...flipHorizontal(Float32Array.of(1, 2, 3, 4), 2, 1)]).to.deep.equal([2, 1, 4, 3]);
  });
});
