import { readFileSync } from "node:fs";
import { ImageError } from "@fromnoise/tensor";
import { expect } from "chai";
import { decodeImage, readImage } from "../../src/image/node/index.js";
import { colorJpeg, grayJpeg, grayPng, png, type PngFixture } from "./fixtures.js";

interface JpegGolden { width: number; height: number; jpeg: string; pixels: string }
/** Small JPEGs and their pixels, written by golden/jpeg.py. */
const jpegGoldens = JSON.parse(readFileSync(new URL("golden/jpeg.json", import.meta.url), "utf8")) as Record<string, JpegGolden>;

const f32 = (values: readonly number[]): number[] => [...new Float32Array(values)];
const decoded = (fixture: PngFixture): number[] => [...decodeImage(png(fixture), "x.png").data];

describe("decoding images", () => {
  for (const depth of [1, 2, 4, 8, 16] as const) {
    for (const interlaced of [false, true]) {
      it(`reads ${interlaced ? "interlaced " : ""}gray PNG files of ${depth} bit${depth > 1 ? "s" : ""} without loss`, () => {
        const width = 11, height = 9, max = 2 ** depth - 1;
        const samples = Array.from({ length: width * height }, (_, p) => (p * 7919) % (max + 1));
        const picture = decodeImage(png({ width, height, depth, colorType: 0, interlaced, samples }), "x.png");
        expect(picture).to.include({ width, height, channels: 1 });
        expect([...picture.data]).to.deep.equal(f32(samples.map((v) => v / max)));
      });
    }
  }

  it("keeps neighbouring 16-bit values apart", () => {
    const [a, b] = decoded({ width: 2, height: 1, depth: 16, colorType: 0, samples: [30000, 30001] });
    expect(b - a).to.be.closeTo(1 / 65535, 1e-7);
  });

  it("reads RGB of 8 and 16 bits", () => {
    expect(decoded({ width: 2, height: 1, depth: 8, colorType: 2, samples: [255, 0, 51, 1, 2, 3] }))
      .to.deep.equal(f32([1, 0, 0.2, 1 / 255, 2 / 255, 3 / 255]));
    expect(decoded({ width: 1, height: 1, depth: 16, colorType: 2, interlaced: true, samples: [65535, 257, 1] }))
      .to.deep.equal(f32([1, 257 / 65535, 1 / 65535]));
  });

  it("lays transparent pixels on white: a v + 1 - a", () => {
    expect(decoded({ width: 3, height: 1, depth: 8, colorType: 6, samples: [9, 9, 9, 0, 255, 0, 51, 102, 10, 20, 30, 255] }))
      .to.deep.equal(f32([1, 1, 1, 1, 0.6, (102 * 51 + 153 * 255) / 65025, 10 / 255, 20 / 255, 30 / 255]));
    const gray = decodeImage(png({ width: 2, height: 1, depth: 16, colorType: 4, samples: [0, 0, 0, 32768] }), "x.png");
    expect(gray.channels).to.equal(1);
    expect([...gray.data]).to.deep.equal(f32([1, 1 - 32768 / 65535]));
  });

  it("reads palettes of 2, 4 and 8 bits, with transparency", () => {
    const palette = [255, 0, 0, 0, 255, 0, 0, 0, 255];
    for (const depth of [2, 4, 8] as const) {
      for (const interlaced of [false, true]) {
        expect(decoded({ width: 3, height: 1, depth, colorType: 3, interlaced, palette, samples: [2, 0, 1] }))
          .to.deep.equal([0, 0, 1, 1, 0, 0, 0, 1, 0]);
      }
    }
    expect(decoded({ width: 2, height: 1, depth: 1, colorType: 3, palette, transparency: [0, 255], samples: [0, 1] }))
      .to.deep.equal([1, 1, 1, 0, 1, 0]);
  });

  it("makes the one transparent gray value white", () => {
    expect(decoded({ width: 2, height: 1, depth: 8, colorType: 0, transparency: [0, 7], samples: [7, 8] }))
      .to.deep.equal(f32([1, 8 / 255]));
  });

  it("ignores bytes after the end of a PNG", () => {
    const bytes = Buffer.concat([grayPng(1, 1, () => 51), Buffer.from("more")]);
    expect([...decodeImage(bytes, "x.png").data]).to.deep.equal(f32([0.2]));
  });

  it("reads JPEG files by their bytes, whatever their name", () => {
    const picture = decodeImage(colorJpeg(16, 8, [255, 0, 0], [0, 0, 255]), "x.png");
    expect(picture).to.include({ width: 16, height: 8, channels: 3 });
    const pixel = (x: number): number[] => [...picture.data.subarray(3 * x, 3 * x + 3)];
    pixel(1).forEach((v, c) => expect(v).to.be.closeTo([1, 0, 0][c], 0.03));
    pixel(14).forEach((v, c) => expect(v).to.be.closeTo([0, 0, 1][c], 0.03));
  });

  it("reads a gray JPEG as one channel", () => {
    const picture = decodeImage(grayJpeg(), "gray.jpg");
    expect(picture).to.include({ width: 8, height: 8, channels: 1 });
    picture.data.forEach((v) => expect(v).to.equal(Math.fround(128 / 255)));
  });

  for (const [kind, { width, height, jpeg, pixels }] of Object.entries(jpegGoldens)) {
    it(`reads JPEG (${kind}) to the pixels of libjpeg-turbo`, () => {
      const picture = decodeImage(Buffer.from(jpeg, "base64"), "x.jpg");
      expect(picture).to.include({ width, height, channels: kind === "gray" ? 1 : 3 });
      expect([...picture.data]).to.deep.equal(f32([...Buffer.from(pixels, "base64")].map((v) => v / 255)));
    });
  }

  describe("says clearly what is wrong", () => {
    const message = (bytes: Uint8Array, file: string): string => {
      try {
        decodeImage(bytes, file);
      } catch (error) {
        expect(error).to.be.instanceOf(ImageError);
        return (error as Error).message;
      }
      throw new Error("decoded");
    };
    const expected = "\n  expected   the signature of a PNG (89 50 4e 47) or of a JPEG (ff d8 ff)";

    it("with an empty file", () => {
      expect(message(new Uint8Array(0), "a.png"))
        .to.equal(`a.png: not a PNG or JPEG image${expected}\n  found      nothing: the file is empty`);
    });
    it("with a JPEG that is text", () => {
      expect(message(Buffer.from("not an image at all, but text\n"), "b.jpg"))
        .to.equal(`b.jpg: not a PNG or JPEG image${expected}\n  found      text: "not an image at all, but" ...`);
    });
    it("with another format or unknown bytes", () => {
      expect(message(Buffer.from("GIF89a...."), "c.png")).to.contain("found      a GIF image");
      expect(message(Buffer.from("RIFF....WEBPVP8 "), "c.png")).to.contain("found      a WebP image");
      expect(message(Uint8Array.of(0, 1, 254), "c.png")).to.contain("found      bytes 00 01 fe");
    });
    it("with a PNG cut anywhere", () => {
      const whole = grayPng(20, 20, (x, y) => (x * y) % 256);
      for (let length = 8; length < whole.length; length++) {
        expect(message(whole.subarray(0, length), "d.png")).to.equal(
          `d.png: truncated PNG\n  expected   data up to the IEND chunk\n  found      the file ends after ${length} bytes`,
        );
      }
    });
    it("with a JPEG cut anywhere", () => {
      const whole = colorJpeg(16, 16, [10, 200, 30]);
      for (let length = 3; length < whole.length; length++) {
        expect(message(whole.subarray(0, length), "e.jpg")).to.equal(
          "e.jpg: truncated JPEG\n  expected   data up to the end-of-image marker (ff d9)\n" +
          `  found      the file ends after ${length} bytes`,
        );
      }
    });
    it("with a PNG whose bytes were damaged", () => {
      const bytes = grayPng(20, 20, (x, y) => x + y).slice();
      bytes[50] ^= 0xff;
      const text = "f.png: damaged PNG\n  expected   a PNG of 20x20 pixels that decodes\n  found      ";
      expect(message(bytes, "f.png").slice(0, text.length)).to.equal(text);
    });
    it("with a picture of no pixels", () => {
      const bytes = grayPng(1, 1, () => 0).slice();
      bytes[19] = 0;
      expect(message(bytes, "g.png")).to.equal(
        "g.png: an image without pixels\n  expected   a width and height of at least 1\n  found      0x1",
      );
    });
    it("with a file that is not there", () => {
      expect(() => readImage("no/such.png")).to.throw(ImageError, /^no\/such\.png: cannot be read\n {2}no such file or folder/);
    });
  });
});
