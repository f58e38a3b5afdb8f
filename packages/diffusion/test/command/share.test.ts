/** Shares of samples and of evaluations, and what `join` makes of them: what one program makes of the whole, bit for bit. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { temporaryFolder, tinyModel, writeSheet } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

describe("fromnoise sample --share, evaluate --share and join", () => {
  const folder = temporaryFolder();
  const run = join(folder, "run"), other = join(folder, "other"), sheet = writeSheet(folder);
  const own = ["--device", "wasm:threads=1", "--steps", "2"];
  const done = async (...argv: string[]): Promise<string> => {
    const { code, out, err } = await fromnoise(...argv);
    expect(code, err).to.equal(0);
    return out;
  };
  const refused = async (text: string, ...argv: string[]): Promise<void> => {
    const { code, err } = await fromnoise(...argv);
    expect(err).to.contain(text);
    expect(code).to.be.within(1, 2);
  };
  const same = (a: string, b: string, names: readonly string[]): void => {
    for (const name of names) expect(readFileSync(join(a, name)).equals(readFileSync(join(b, name))), name).to.equal(true);
  };
  const pictures = ["samples.png", "denoising.png", "x0.png"];

  before(async () => {
    for (const [out, seed] of [[run, 0], [other, 1]] as const) {
      const config = join(folder, `train-${seed}.json`);
      writeFileSync(config, JSON.stringify({
        device: "reference", data: sheet, holdOut: 2, model: tinyModel, steps: 1, batch: 2, previewEvery: 0, schedule: { timesteps: 30 }, seed,
      }));
      await done("train", "--config", config, "--out", out);
    }
  });

  it("draws grids and ways of one whole run, whatever the shares and batches", async () => {
    const whole = join(folder, "whole");
    await done("sample", run, ...own, "--count", "11", "--sampler", "ancestral", "--out", whole, "--seed", "3", "--separate");
    for (const of of [1, 3, 4, 11]) {
      const out = join(folder, `shares-${of}`);
      for (let k = of; k >= 1; k--) {
        expect(await done("sample", run, ...own, "--count", "11", "--sampler", "ancestral", "--out", out, "--seed", "3", "--share", `${k}/${of}`, ...(of === 3 ? ["--separate"] : [])))
          .to.contain(`fromnoise join ${out}`);
      }
      expect(readdirSync(out).filter((name) => name.endsWith(".safetensors"))).to.have.length(of);
      expect(existsSync(join(out, "samples.png"))).to.equal(false);
      await done("join", out, "--out", out);
      same(whole, out, pictures);
    }
    same(whole, join(folder, "shares-3"), Array.from({ length: 11 }, (_, i) => `${String(i).padStart(5, "0")}.png`));
    const batched = join(folder, "batched"), parts = join(folder, "batched-shares");
    await done("sample", run, ...own, "--count", "7", "--first", "2", "--batch", "3", "--out", batched);
    for (const k of [1, 2]) await done("sample", run, ...own, "--count", "7", "--first", "2", "--batch", "3", "--out", parts, "--share", `${k}/2`);
    await done("join", join(parts, "share-2-of-2.safetensors"), join(parts, "share-1-of-2.safetensors"), "--out", parts);
    same(batched, parts, pictures);
  });

  it("gives the figures and pictures of one whole evaluation", async () => {
    const flags = [run, ...own, "--features", "digits", "--count", "9", "--seed", "2"];
    const whole = join(folder, "evaluation"), parts = join(folder, "evaluation-shares");
    const printed = JSON.parse(await done("evaluate", ...flags, "--out", whole, "--json")) as Record<string, unknown>;
    for (const k of [1, 2, 3, 4]) await done("evaluate", ...flags, "--share", `${k}/4`, "--out", parts);
    const joined = JSON.parse(await done("join", parts, "--out", parts, "--json")) as Record<string, unknown>;
    expect(joined).to.deep.equal(printed);
    expect(joined).to.include.keys("samples", "heldOut", "loss", "nearest", "fitting");
    same(whole, parts, ["samples.png", "copies.png"]);
    expect(await done("join", parts)).to.equal(await done("evaluate", ...flags));
  });

  it("refuses gaps, doubles, and shares of different models, settings or seeds", async () => {
    const share = async (name: string, part: string, ...flags: string[]): Promise<string> => {
      const out = join(folder, name);
      const [, path] = /^wrote (\S+)/.exec(await done("sample", run, ...own, "--count", "6", "--out", out, "--share", part, ...flags))!;
      return path;
    };
    const [one, three, half] = [await share("a", "1/3"), await share("a", "3/3"), await share("a", "1/2")];
    const joining = (...files: string[]): [string, ...string[]] => ["join", ...files, "--out", join(folder, "never")];
    await refused("images 2 to 3 are missing", ...joining(one, three));
    await refused("images 0 to 3 are missing", ...joining(three));
    await refused("images 2 to 5 are missing", ...joining(one));
    await refused("images 0 to 1 are in two shares", ...joining(one, half, three));
    await refused("images 0 to 1 are in two shares", ...joining(one, one, three));
    await refused("of different wholes: seed", ...joining(half, await share("b", "2/2", "--seed", "1")));
    await refused("of different wholes: options", ...joining(half, await share("c", "2/2", "--eta", "1")));
    await refused("of different wholes: count", ...joining(half, await share("d", "2/2", "--count", "8")));
    const model = join(folder, "e");
    await done("sample", other, ...own, "--count", "6", "--out", model, "--share", "2/2");
    await refused("of different wholes: model", ...joining(half, model));
    expect(existsSync(join(folder, "never"))).to.equal(false);
  });

  it("refuses what is no share, a damaged one, and shares that there cannot be", async () => {
    const out = join(folder, "f"), empty = join(folder, "empty");
    await done("sample", run, ...own, "--count", "2", "--out", out, "--share", "1/1");
    const path = join(out, "share-1-of-1.safetensors"), bytes = readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(path, bytes);
    await refused("is damaged", "join", path, "--out", out);
    await refused("is no share", "join", join(run, "checkpoint-1.safetensors"), "--out", out);
    mkdirSync(empty);
    await refused("holds no shares", "join", empty, "--out", out);
    for (const share of ["0/2", "3/2", "1", "1/0", "a/b"]) await refused("share", "sample", run, ...own, "--share", share, "--out", out);
    await refused("of 2 images there are no 3 shares", "sample", run, ...own, "--count", "2", "--share", "1/3", "--out", out);
    await refused("--out is missing", "evaluate", run, ...own, "--count", "6", "--share", "1/2");
    await refused("--share is for a model's samples", "evaluate", "--images", sheet, "--data", sheet, "--share", "1/2", "--out", out);
  });
});
