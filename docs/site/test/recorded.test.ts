import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { readImage } from "@fromnoise/diffusion/node";
import { digitsData } from "../figures/shared/sheet.js";
import { site } from "../markdown/pages.js";
import { digitsPng, recordWay, wayPng } from "../record.js";

const recorded = (name: string): Buffer => readFileSync(join(site, "figures/recorded", name));

describe("what pages show before they compute", () => {
  it("is the way that the package's model takes on wasm:deterministic, pixel for pixel", async () => {
    const way = await recordWay(), { labels, times, digest } = JSON.parse(recorded("way.json").toString()) as Record<string, unknown>;
    expect({ labels: way.labels, times: way.times, digest: way.digest }).to.deep.equal({ labels, times, digest });
    expect(Buffer.from(wayPng(way)).equals(recorded("way.png"))).to.equal(true);
  });

  it("is a sheet of 200 digits of each class of the package's, averaged", () => {
    expect(Buffer.from(digitsPng()).equals(recorded("digits.png"))).to.equal(true);
    const data = digitsData(readImage(join(site, "figures/recorded/digits.png")));
    expect([data.count, data.label!(0), data.label!(199), data.label!(200), data.label!(1999)]).to.deep.equal([2000, 0, 0, 1, 9]);
  });
});
