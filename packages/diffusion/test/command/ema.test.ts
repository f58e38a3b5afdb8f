import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { loadSafetensors } from "@fromnoise/nn";
import { temporaryFolder, tinyModel, writeSheet } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const place = (...names: string[]): string => join(folder, ...names);

async function succeeds(...argv: string[]): Promise<{ out: string; err: string }> {
  const { code, out, err } = await fromnoise(...argv);
  expect(code, err).to.equal(0);
  return { out, err };
}

describe("fromnoise ema", () => {
  const run = place("run");
  before(async () => {
    writeFileSync(place("train.json"), JSON.stringify({
      device: "wasm:threads=1", data: writeSheet(folder), model: tinyModel, steps: 12, batch: 2, previewEvery: 0, schedule: { timesteps: 12 },
      holdOut: 2,
    }));
    await succeeds("train", "--config", place("train.json"), "--profiles-every", "2", "--out", run);
  });

  it("writes a model that sample, inspect and export take", async () => {
    const { out, err } = await succeeds("ema", run, "--length", "0.13");
    expect(err).to.match(/^average {2}length 0\.13 at step 12, from 12 averages; its profile is met to [\d.]+ %$/);
    const file = place("run", "ema-0.13.safetensors");
    expect(out).to.equal(`wrote ${file}\nsample with: fromnoise sample ${file}`);
    const drawn = await succeeds("sample", file, "--count", "2", "--steps", "2", "--device", "wasm:threads=1", "--out", place("drawn"));
    expect(drawn.err).to.contain("step 12, average of length 0.13");
    const shown = JSON.parse((await succeeds("inspect", file, "--json")).out) as { step: number; source: { average: object } };
    expect([shown.step, shown.source.average]).to.deep.equal([12, { length: 0.13, step: 12 }]);
    await succeeds("export", file, "--out", place("diffusers"));
    expect((await succeeds("check", run)).out).to.match(/ema-0\.13\.safetensors +whole/);
  });

  it("writes an average that was kept as it is, of any step, anywhere", async () => {
    const { err } = await succeeds("ema", run, "--length", "0.1", "--step", "6", "--out", place("a.safetensors"));
    expect(err).to.equal("average  length 0.1 at step 6, as it was kept");
    const [kept, written] = await Promise.all([place("run", "average-0.1-6.safetensors"), place("a.safetensors")].map((path) => loadSafetensors(path)));
    expect(written.tensors).to.deep.equal(kept.tensors);
  });

  it("is exported in half precision as a file of half the size, each value to the nearest", async () => {
    await succeeds("ema", run, "--length", "0.13");
    const { out } = await succeeds("export", place("run", "ema-0.13.safetensors"), "--variant", "fp16", "--out", place("half.safetensors"));
    expect(out).to.equal(`wrote ${place("half.safetensors")}, ${statSync(place("half.safetensors")).size} bytes`);
    const [whole, half] = await Promise.all([place("run", "ema-0.13.safetensors"), place("half.safetensors")].map((path) => loadSafetensors(path)));
    for (const [name, { data, shape }] of whole.tensors) {
      const other = half.tensors.get(name)!;
      expect([other.dtype, other.shape]).to.deep.equal(["F16", shape]);
      data.forEach((value, i) => expect(Math.abs(other.data[i] - value)).to.be.at.most(2 ** -11 * Math.abs(value) + 2 ** -25));
    }
    const drawn = await succeeds("sample", place("half.safetensors"), "--count", "2", "--steps", "2", "--device", "wasm:threads=1", "--out", place("drawn"));
    expect(drawn.err).to.contain("half.safetensors, step 12, average of length 0.13");
    await succeeds("export", run, "--out", place("ema.safetensors"));
    await succeeds("export", run, "--weights", "model", "--out", place("raw.safetensors"));
    const groups = ["ema", "raw"].map((name) => readFileSync(place(`${name}.safetensors`)).toString("latin1").match(/"(ema|model)\.conv_in\.weight":\{/)![1]);
    expect(groups).to.deep.equal(["ema", "model"]);
    expect((await fromnoise("train", "--out", place("half.safetensors"), "--resume")).code).to.equal(2);
  });

  for (const [what, argv, code, said] of [
    ["no length", [], 2, "--length is missing"],
    ["a length that no power has", ["--length", "0.31"], 2, "allowed  numbers from 0.01 to 0.3"],
    ["lengths the wrong way round", ["--length", "0.2..0.1"], 2, "the smaller first"],
    ["three lengths", ["--length", "0.1..0.2..0.3"], 2, "the smaller first"],
    ["a curve that begins too short", ["--length", "0.03..0.1"], 2, "allowed  0.05 .. 0.3"],
    ["flags of a curve for one length", ["--length", "0.1", "--points", "3"], 2, "--points is for a curve"],
    ["flags of another sampler", ["--length", "0.1..0.2", "--sampler", "euler", "--eta", "1"], 2, "--eta means nothing to the euler sampler"],
    ["a length shorter than those kept", ["--length", "0.03"], 2, "allowed  0.05 .. 0.3"],
    ["a step without averages", ["--length", "0.1", "--step", "5"], 2, "allowed  2, 4, 6, 8, 10, 12"],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const outcome = await fromnoise("ema", run, ...argv);
      expect([outcome.code, outcome.err]).to.satisfy(([c, e]: [number, string]) => c === code && e.includes(said), outcome.err);
    });
  }

  it("compares several lengths, each drawn from the same noise, and says the best", async () => {
    const flags = ["--length", "0.05..0.3", "--points", "3", "--count", "6", "--features", "digits", "--device", "wasm:threads=1", "--steps", "3"];
    const { out } = await succeeds("ema", run, ...flags, "--json");
    const curve = JSON.parse(out) as { step: number; best: number; compared: number; points: { length: number; error: number; frechet: number }[]; heldOut: object };
    expect(curve.points.map(({ length }) => length)).to.deep.equal([0.05, 0.122, 0.3]);
    expect([curve.step, curve.compared]).to.deep.equal([12, 6]);
    const least = curve.points.reduce((a, b) => (a.frechet < b.frechet ? a : b));
    expect(curve.best).to.equal(least.length);
    expect(curve.points[0].error).to.equal(0);
    expect(readFileSync(place("run", "length-curve.svg"), "utf8")).to.match(/^<svg /).and.include("held-out images");
    await succeeds("ema", run, "--length", "0.122");
    const evaluated = await succeeds("evaluate", place("run", "ema-0.122.safetensors"), ...flags.slice(4), "--json");
    const { samples } = JSON.parse(evaluated.out) as { samples: { frechet: number } };
    expect(samples.frechet).to.equal(curve.points[1].frechet);
    const shown = await succeeds("ema", run, ...flags, "--out", place("curve"));
    expect(shown.out).to.match(new RegExp(`^ +length +Frechet distance[^]+ ${String(least.length)} \\*[^]+held out[^]+the best at step 12, by the distance of 6 samples`));
  });

  it("refuses a run that kept none", async () => {
    await succeeds("train", "--config", place("train.json"), "--steps", "1", "--out", place("plain"));
    const { code, err } = await fromnoise("ema", place("plain"), "--length", "0.1");
    expect([code, err.split("\n")[0]]).to.deep.equal([1, `CheckpointError: ${place("plain")} keeps no averages from which others could be rebuilt`]);
  });
});
