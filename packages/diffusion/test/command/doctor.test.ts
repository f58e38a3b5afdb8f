import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Diagnosis } from "../../src/index.js";
import { temporaryFolder, tinyModel, writeSheet } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

describe("fromnoise doctor", function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const run = join(folder, "run"), sheet = writeSheet(folder);
  const flags = ["--device", "wasm:threads=1", "--count", "8", "--sampler", "ddim", "--steps", "4"];

  before(async () => {
    writeFileSync(join(folder, "train.json"), JSON.stringify({
      device: "reference", data: sheet, holdOut: 5, model: tinyModel, steps: 2, batch: 2, previewEvery: 0, schedule: { timesteps: 30 },
    }));
    const { code, err } = await fromnoise("train", "--config", join(folder, "train.json"), "--out", run);
    expect(code, err).to.equal(0);
  });

  it("says what is wrong with a run of two steps, a line each, and ends with 3", async () => {
    const { code, out, err } = await fromnoise("doctor", run, ...flags);
    expect(code, err).to.equal(3);
    expect(out).to.match(/^fault: error spared against a guess from mean and variance: .*; usual: 30 % and more.*\. The loss is flat/m);
    expect(err).to.contain("model    ");
    const verbose = await fromnoise("doctor", run, ...flags, "--verbose");
    expect(verbose.out).to.contain("data and process: signal left at the noisiest level");
    expect(verbose.out.endsWith(out)).to.equal(true);
  });

  it("gives the same to programs, and looks at samples that there are", async () => {
    const said = async (...more: string[]): Promise<Pick<Diagnosis, "figures" | "findings"> & { source: string }> => {
      const { out } = await fromnoise("doctor", run, ...flags, "--json", ...more);
      return JSON.parse(out) as Pick<Diagnosis, "figures" | "findings"> & { source: string };
    };
    const drawn = await said(), given = await said("--samples", sheet);
    expect(drawn.source).to.contain("averaged weights");
    expect(drawn.findings.map(({ name }) => name)).to.include("not-learnt");
    expect(drawn.figures.some(({ examination }) => examination === "chain")).to.equal(true);
    expect(given.figures.some(({ examination }) => examination === "chain")).to.equal(false);
    expect(given.findings.map(({ name }) => name)).to.include("copies");            // the sheet itself
  });

  it("refuses models whose data are not known, and data that are none", async () => {
    const { code, err } = await fromnoise("doctor", run, ...flags, "--data", join(folder, "nothing"));
    expect(code).to.equal(2);
    expect(err).to.contain("data names no images");
  });
});
