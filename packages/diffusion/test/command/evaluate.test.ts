import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { readImage } from "../../src/image/node/index.js";
import type { Evaluation } from "../../src/index.js";
import { temporaryFolder, tinyModel, writeSheet } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

interface Printed extends Evaluation {
  source: string; data: string; count: number; seed?: number; sampler?: string;
  nearest: { sample: number; training: number; ratio: number }[];
}

describe("fromnoise evaluate and features", () => {
  const folder = temporaryFolder();
  const run = join(folder, "run"), sheet = writeSheet(folder);
  const own = ["--device", "wasm:threads=1", "--count", "8"];
  const fast = [...own, "--steps", "2"];
  const said = async (...flags: string[]): Promise<Printed> => {
    const { code, out, err } = await fromnoise("evaluate", ...flags, "--json");
    expect(code, err).to.equal(0);
    return JSON.parse(out) as Printed;
  };
  const refused = async (text: string, ...argv: string[]): Promise<void> => {
    const { code, err } = await fromnoise(...argv);
    expect(err).to.contain(text);
    expect(code).to.equal(2);
  };

  before(async () => {
    writeFileSync(join(folder, "train.json"), JSON.stringify({
      device: "reference", data: sheet, holdOut: 2, model: tinyModel, steps: 1, batch: 2, previewEvery: 0, schedule: { timesteps: 30 },
    }));
    const { code, err } = await fromnoise("train", "--config", join(folder, "train.json"), "--out", run);
    expect(code, err).to.equal(0);
  });

  it("says of a run what its samples are, beside what it held out; the same for the same seed, whatever the batch", async () => {
    const printed = await said(run, "--features", "digits", ...fast);
    expect(printed).to.include({ data: sheet, features: "digits", fitting: "resampled from 8x8 to 28x28", compared: 8, reference: 8, count: 8, seed: 0, sampler: "ddim" });
    expect(printed.samples).to.have.all.keys("images", "frechet", "precision", "recall", "copied");
    expect(printed.heldOut!.images).to.equal(8);
    expect(printed.loss).to.include({ images: 8, rounds: 4 });
    expect(printed.nearest).to.have.length(8);
    expect(await said(run, "--features", "digits", ...fast, "--batch", "3")).to.deep.equal(printed);
    const other = await said(run, "--features", "digits", ...fast, "--seed", "1", "--hold-out", "3");      // what was held out was trained on
    expect(other.samples.frechet).not.to.equal(printed.samples.frechet);
    expect(other).to.include({ compared: 5, reference: 11 }).and.not.to.have.property("loss");
  });

  it("prints a table, says which features it sees by, and draws samples and copies", async () => {
    const out = join(folder, "pictures");
    const { code, out: text, err } = await fromnoise("evaluate", run, ...fast, "--out", out);
    expect(code, err).to.equal(0);
    expect(err).to.contain(`features faces, of a network trained on faces: it never saw ${sheet}, see docs/evaluation.md`);
    expect(text.split("\n")[0]).to.match(/^ +8 samples +8 held out$/);
    for (const name of ["Frechet distance", "precision", "recall", "copies of training images"]) expect(text).to.contain(`  ${name} `);
    expect(text).to.contain("images resampled from 8x8 to 32x32, gray taken as RGB");
    expect(text).to.match(/^loss .* held out, .* trained on: /m);
    expect(readImage(join(out, "copies.png")).width).to.equal(8 * (96 + 2) + 2);
    expect(readImage(join(out, "samples.png")).width).to.equal(3 * (96 + 2) + 2);
  });

  it("evaluates images from wherever: a sheet is all copies of itself, without a loss; and alone where nothing was held out", async () => {
    const printed = await said("--images", sheet, "--data", sheet, "--hold-out", "0", "--features", "digits", ...own);
    expect(printed.samples).to.include({ copied: 1, images: 8 });
    expect(printed.nearest[0].ratio).to.equal(0);
    expect(printed).not.to.have.any.keys("heldOut", "loss", "seed", "sampler");
  });

  it("sees by features that it trained itself", async () => {
    const out = join(folder, "own.safetensors");
    const { code, out: text, err } = await fromnoise("features", sheet, "--out", out, "--steps", "2", "--batch", "4", "--hold-out", "4", "--device", "wasm:threads=1", "--json");
    expect(code, err).to.equal(0);
    const { training, heldOut } = JSON.parse(text) as { training: object; heldOut: Record<string, { right: number }> };
    expect(training).to.deep.equal({ data: sheet, task: "change", holdOut: 4, steps: 2, batch: 4, lr: 0.002, seed: 0 });
    expect(Object.keys(heldOut)).to.deep.equal(["flip", "dx", "dy"]);
    expect((await said("--images", sheet, "--data", sheet, "--features", out, ...own, "--hold-out", "2")).features).to.contain("tiles-8-1.png:8");
  });

  it("refuses what it cannot do, and writes nothing then", async () => {
    await refused("pass either a model or --images", "evaluate");
    await refused("pass either a model or --images", "evaluate", run, "--images", sheet);
    await refused("--data is missing", "evaluate", "--images", sheet);
    await refused("there are no features", "evaluate", run, ...own, "--features", "inception");
    await refused("the model does not draw such images", "evaluate", run, ...fast, "--size", "4");
    await refused("it is for --sampler", "evaluate", run, ...own, "--churn", "1");
    await refused("nothing is held out", "features", sheet, "--hold-out", "0", "--out", join(folder, "none.safetensors"));
    expect(existsSync(join(folder, "none.safetensors"))).to.equal(false);
  });
});
