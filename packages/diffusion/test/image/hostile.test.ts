import { deflateSync } from "node:zlib";
import { ImageError, Random } from "@fromnoise/tensor";
import { expect } from "chai";
import fc from "fast-check";
import { holds, seed } from "../../../tensor/test/properties.js";
import { readHeader } from "../../src/image/header.js";
import { decodeImage } from "../../src/image/node/index.js";
import { colorJpeg, grayPng, png } from "./fixtures.js";
import { manyScans, rawPng, resizedJpeg, zeros } from "./hostile.js";
import { mutated, outcome } from "./mutants.js";

/** The message of a refusal, which comes within a second and takes no memory to speak of. */
function refusal(bytes: Uint8Array, maxPixels?: number): string {
  const [began, before] = [performance.now(), process.resourceUsage().maxRSS];
  try {
    decodeImage(bytes, "x.png", maxPixels === undefined ? {} : { maxPixels });
  } catch (error) {
    expect(error).to.be.instanceOf(ImageError);
    expect(performance.now() - began, "milliseconds").to.be.lessThan(5000);
    expect(process.resourceUsage().maxRSS - before, "KiB").to.be.lessThan(100 * 1024);
    return (error as Error).message;
  }
  throw new Error("decoded");
}

describe("images made to do harm", function () {
  this.timeout(60000);

  describe("are refused before they are decoded", () => {
    it("a header that promises too many pixels", () => {
      expect(refusal(rawPng({ width: 30000, height: 30000, idat: zeros(10) }))).to.equal(
        "x.png: an image of 30000x30000 pixels\n  found      900 million pixels\n" +
        "  allowed    up to 64 million (maxPixels; --max-megapixels)",
      );
      expect(refusal(rawPng({ width: 16000, height: 16000, depth: 1, idat: zeros(10) }))).to.contain("256 million");
      expect(refusal(resizedJpeg(15000, 15000))).to.contain("225 million");
      expect(refusal(grayPng(3, 3, () => 0), 8)).to.contain("found      0.0 million pixels");
      expect(decodeImage(grayPng(3, 3, () => 0), "x", { maxPixels: 9 }).data).to.have.length(9);
    });
    it("image data that inflates to more than the header implies, interlaced or not", () => {
      const idat = zeros(200e6);
      for (const interlace of [0, 1]) {
        expect(refusal(rawPng({ width: 20, height: 20, interlace, idat }))).to.match(/more than the 4\d\d bytes of image data that its header implies/);
      }
    });
    it("more scans than any encoder writes", () => {
      expect(refusal(manyScans(1000, 1000, 200))).to.contain("200 scans; up to 64 are read");
      expect(decodeImage(manyScans(100, 100, 5), "x")).to.include({ width: 100, height: 100 });
    });
    it("what would take too much memory above the picture", () => {
      expect(refusal(rawPng({ width: 8000, height: 8000, depth: 16, colorType: 2, idat: zeros(10) }))).to.contain(
        "takes too much memory to decode\n  found      512 MB above the picture itself, as a PNG of 3 samples of 16 bits\n  allowed    up to 300 MB",
      );
    });
    it("kinds that PNG does not have, and CMYK", () => {
      for (const [depth, colorType, interlace] of [[3, 0, 0], [4, 2, 0], [8, 5, 0], [8, 0, 2]]) {
        expect(refusal(rawPng({ width: 1, height: 1, depth, colorType, interlace, idat: zeros(2) }))).to.contain(
          `found      colour type ${colorType}, depth ${depth}, interlacing ${interlace}`,
        );
      }
      const cmyk = Buffer.from(resizedJpeg(16, 16));
      cmyk[cmyk.indexOf(Buffer.from([0xff, 0xc0])) + 9] = 4;
      expect(refusal(cmyk)).to.contain("4 components, such as CMYK; 1 (gray) and 3 are read");
    });
  });

  it("image data that is short or broken is an error, never what lay in memory", () => {
    Buffer.alloc(1 << 16, "password ");
    const good = deflateSync(Buffer.alloc(4001, 7));
    for (const idat of [zeros(100), good.subarray(0, 9), Buffer.concat([good.subarray(0, 9), Buffer.from([1, 2, 3, 4, 5])]), new Uint8Array(0)]) {
      expect(refusal(rawPng({ width: 4000, height: 1, idat }))).to.match(/damaged PNG\n {2}expected {3}a PNG of 4000x1 pixels that decodes\n {2}found {6}./);
    }
    const wrong = Buffer.from(good);
    wrong[wrong.length - 1] ^= 1;  // the checksum of the data
    expect(refusal(rawPng({ width: 4000, height: 1, idat: wrong }))).to.contain("incorrect data check");
  });

  it("an index beyond the palette is an error", () => {
    const idat = deflateSync(Buffer.from([0, 0, 3]));
    expect(refusal(rawPng({ width: 2, height: 1, colorType: 3, palette: Buffer.alloc(9), idat }))).to.contain("not in palette");
  });

  it("mutants are refused or decode to the same pixels each time", async () => {
    const files = [
      grayPng(20, 20, (x, y) => (x * y) % 256), colorJpeg(24, 16, [10, 200, 30], [250, 0, 9]), manyScans(32, 32, 4),
      png({ width: 5, height: 7, depth: 16, colorType: 6, interlaced: true, samples: Array.from({ length: 140 }, (_, i) => (i * 977) % 65536) }),
      png({ width: 9, height: 3, depth: 2, colorType: 3, palette: [1, 2, 3, 4, 5, 6, 7, 8, 9], samples: Array.from({ length: 27 }, (_, i) => i % 3) }),
    ];
    let refused = 0;
    await holds(fc.property(fc.constantFrom(...files), fc.nat(), (file, changes) => {
      const bytes = mutated(file, new Random(changes)), first = outcome(bytes);
      expect(outcome(bytes)).to.equal(first);
      if (first.startsWith("ImageError")) refused++;
    }), 600);
    expect(refused, `seed ${seed}`).to.be.within(100, 600);
  });

  it("bytes behind a signature have a header of sizes, or none yet, or are refused, in memory that they take themselves", async () => {
    const png = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], ihdr = [0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52], jpeg = [0xff, 0xd8, 0xff];
    const segment = fc.tuple(fc.integer({ min: 0xc0, max: 0xff }), fc.uint8Array({ maxLength: 20 })).map(([marker, body]) => [0xff, marker, 0, body.length + 2, ...body]);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.from([...png, ...rest])),
      fc.tuple(fc.uint8Array({ minLength: 13, maxLength: 13 }), fc.uint8Array({ maxLength: 60 })).map(([header, rest]) => Uint8Array.from([...png, ...ihdr, ...header, ...rest])),
      fc.tuple(fc.array(segment, { maxLength: 6 }), fc.uint8Array({ maxLength: 30 })).map(([segments, rest]) => Uint8Array.from([...jpeg.slice(0, 2), ...segments.flat(), ...rest])),
    );
    const before = process.resourceUsage().maxRSS;
    await holds(fc.property(bytes, (file) => {
      try {
        const header = readHeader(file, "x");
        if (header === undefined) return;
        expect([header.width, header.height].every((side) => Number.isInteger(side) && side > 0)).to.equal(true);
        expect(header.channels).to.be.oneOf([1, 3]);
        if (header.end !== undefined) expect(header.end).to.be.within(1, file.length);
      } catch (error) {
        expect(error).to.be.instanceOf(ImageError);
      }
      expect(outcome(file), "of a picture that is not there").to.match(/^ImageError: /);
    }), 3000);
    expect(process.resourceUsage().maxRSS - before, `KiB, seed ${seed}`).to.be.lessThan(200 * 1024);
  });
});
