import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { boundTable } from "../../src/command/likelihood.js";
import type { Bound, RatePoint } from "../../src/index.js";
import { temporaryFolder, tinyDataset, tinyModel, writeSheet } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

interface Printed extends Bound { source: string; data: string; rateDistortion: RatePoint[] }

describe("fromnoise likelihood", () => {
  const folder = temporaryFolder();
  const run = join(folder, "run");
  const said = async (...flags: string[]): Promise<Printed> => {
    const { code, out, err } = await fromnoise("likelihood", run, "--device", "reference", "--json", ...flags);
    expect(code, err).to.equal(0);
    return JSON.parse(out) as Printed;
  };

  before(async () => {
    writeFileSync(join(folder, "train.json"), JSON.stringify({
      device: "reference", data: writeSheet(folder), holdOut: 5, model: { ...tinyModel, out_channels: 2 }, steps: 2, batch: 2, previewEvery: 0,
      schedule: { timesteps: 30 }, loss: "hybrid",
    }));
    const { code, err } = await fromnoise("train", "--config", join(folder, "train.json"), "--out", run);
    expect(code, err).to.equal(0);
  });

  it("takes what the run held out, or what it is told to", async () => {
    const own = await said();
    expect(own.data).to.contain("; the 3 held out, 1 in 5");
    expect(own.count).to.equal(3);
    expect((await said("--part", "training")).count).to.equal(13);
    expect((await said("--part", "all", "--count", "2")).count).to.equal(2);
    const digits = await said("--data", "digits", "--count", "1");
    expect(digits.data).to.contain("8x8 gray");
    expect(digits.total).not.to.equal(own.total);
  });

  it("prints a table, gives the same numbers for the same seed, and draws two charts", async () => {
    const out = join(folder, "pictures");
    const printed = await fromnoise("likelihood", run, "--device", "reference", "--out", out);
    expect(printed.code, printed.err).to.equal(0);
    const { total, error } = await said();
    const lines = printed.out.split("\n");
    expect(lines[0]).to.match(/^terms +bits\/dim +share +error of eps +x0 off by, of 255$/);
    expect(lines.slice(1, 5).map((line) => line.split("  ")[0])).to.deep.equal(["t 0", "t 1 .. 9", "t 10 .. 29", "prior"]);
    const bits = Math.round(64 * total).toLocaleString("en-US");
    expect(lines.at(-1)).to.equal(
      `bound    ${total.toFixed(3)} +- ${error.toFixed(3)} bits/dim over 3 images: ${bits} bits an image, 512 without a model`,
    );
    for (const name of ["terms", "rate-distortion"]) {
      expect(readFileSync(join(out, `${name}.svg`), "utf8")).to.match(/<polyline points="[^"]+"/);
    }
    expect(readdirSync(out).sort()).to.deep.equal(["rate-distortion.svg", "terms.svg"]);
    expect(existsSync(join(folder, "likelihood"))).to.equal(false);
    expect((await said("--seed", "1")).total).not.to.equal(total);
  });

  it("adds up: shares of a bound whose terms are known", () => {
    const steps = [0, 1, 5, 12].map((t) => ({ t, bits: 0.5, weight: t === 5 ? 5 : 1, epsError: 0.25, rmse: 3 }));
    expect(boundTable({ total: 4.5, error: NaN, prior: 0.5, steps, count: 1 }, tinyDataset)).to.equal([
      "terms       bits/dim   share  error of eps  x0 off by, of 255",
      "t 0           0.5000  11.1 %        0.2500                3.0",
      "t 1 .. 9      3.0000  66.7 %        0.2500                3.0",
      "t 10 .. 12    0.5000  11.1 %        0.2500                3.0",
      "prior         0.5000  11.1 %",
      "",
      "bound    4.500 bits/dim over 1 image: 288 bits an image, 512 without a model",
    ].join("\n"));
  });

  it("says so where nothing was held out", async () => {
    const other = join(folder, "all");
    await fromnoise("train", "--config", join(folder, "train.json"), "--hold-out", "0", "--out", other);
    const { code, err } = await fromnoise("likelihood", other, "--device", "reference");
    expect(code).to.equal(2);
    expect(err).to.match(/nothing of .* was held out of training\n {2}allowed {2}--part training, --part all, or other --data/);
  });
});
