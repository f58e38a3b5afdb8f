import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { readImage } from "../../src/image/node/index.js";
import { metricsOf, temporaryFolder } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

describe("fromnoise demo", () => {
  it("trains on digits, draws 64 of them and names the files it leaves", async () => {
    const out = join(temporaryFolder(), "demo");
    const { code, out: printed, err } = await fromnoise("demo", "--steps", "2", "--device", "wasm:threads=2", "--out", out);
    expect(code, err).to.equal(0);
    expect(metricsOf(out).map(({ step }) => step)).to.deep.equal([1, 2]);
    const named = [...printed.matchAll(/^ {2}([\w-]+\.(?:png|svg|safetensors))/gm)].map(([, name]) => name);
    expect(named).to.deep.equal(["samples.png", "denoising.png", "x0.png", "loss.svg", "checkpoint-2.safetensors"]);
    expect(readdirSync(out)).to.include.members(named);
    const { width, height } = readImage(join(out, "samples.png"));
    expect([width, height].every((side) => side >= 8 * 16), `${width} x ${height}`).to.equal(true);
  });
});
