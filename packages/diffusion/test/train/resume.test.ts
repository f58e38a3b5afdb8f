import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError, openDevice } from "@fromnoise/tensor";
import { loadSafetensors, saveSafetensors, stateDict } from "@fromnoise/nn";
import { wasmDevices } from "../../../tensor/test/backends/wasm/builds.js";
import { readImage } from "../../src/image/node/index.js";
import { loadCheckpoint } from "../../src/models/node/load.js";
import { restoreTrainer, saveCheckpoint } from "../../src/train/checkpoint.js";
import type { ResumeOverrides, TrainConfig, TrainConfigInput } from "../../src/train/config.js";
import { trainRun, type RunOptions, type RunResult } from "../../src/train/node/run.js";
import { Trainer } from "../../src/train/trainer.js";
import { thrown } from "../thrown.js";
import { metricsOf, temporaryFolder, tinyConfig, tinyDataset, tinyModel, writeSheet } from "./fixtures.js";

const folder = temporaryFolder();
const sheet = writeSheet(folder);
const everything: TrainConfigInput = {
  accumulate: 2, flip: true, model: { ...tinyModel, dropout: 0.2 }, lrSchedule: { name: "cosine", warmup: 2 }, steps: 5,
  offsetNoise: 0.1,
};

async function run(options: RunOptions): Promise<RunResult> {
  const result = await trainRun(options);
  await result.trainer.device.dispose();
  return result;
}

/** Trains until `steps` are done, as if the user had asked to stop then. */
async function stopAfter(steps: number, config: TrainConfig, out: string): Promise<RunResult> {
  const stop = new AbortController();
  return run({ start: { config }, out, signal: stop.signal, onStep: ({ step }) => void (step === steps && stop.abort()) });
}

function bytes(run: string, step: number): Buffer {
  return readFileSync(join(run, `checkpoint-${step}.safetensors`));
}

describe("resuming a run", () => {
  for (const [device, build, dtype] of [
    ["reference", "f32", "f32"], ["reference", "f64", "f64"], ...wasmDevices.map(([spec, name]) => [spec, name, "f32"] as const),
  ] as const) {
    it(`gives the checkpoint of the uninterrupted run bit for bit, accumulation, flips, dropout, offset noise: ${device}, ${build}`, async () => {
      const config = tinyConfig({ ...everything, data: sheet, dtype, device });
      const [whole, parts] = ["whole", "parts"].map((name) => join(folder, `${name}-${device.replace(":", "-")}-${dtype}`));
      await run({ start: { config }, out: whole });
      const stopped = await stopAfter(2, config, parts);
      expect(stopped.finished).to.equal(false);
      expect(readdirSync(parts)).to.include("checkpoint-2.safetensors");
      const resumed = await run({ start: { resume: {} }, out: parts });
      expect(resumed.finished).to.equal(true);
      expect(bytes(parts, 5).equals(bytes(whole, 5))).to.equal(true);
      expect(metricsOf(parts)).to.deep.equal(metricsOf(whole));
      expect(metricsOf(parts).map(({ step }) => step)).to.deep.equal([1, 2, 3, 4, 5]);
    });
  }

  it("depends on the position of the data and of every random stream that it reads", async () => {
    const config = tinyConfig({ ...everything, data: sheet });
    const { trainer } = await run({ start: { config }, out: join(folder, "position") });
    const { step, data, random } = trainer.position();
    expect({ step, data }).to.deep.equal({ step: 5, data: 20 });
    for (const stream of ["timesteps", "noise", "dropout", "offset"] as const) expect(random[stream].counter, stream).to.be.greaterThan(0);
    for (const stream of ["labels", "selfCondition"] as const) expect(random[stream].counter, "not read here").to.equal(0);
    const saved = await loadCheckpoint(join(folder, "position", "checkpoint-5.safetensors"));
    expect(saved.info.position).to.deep.equal({ step, data, random });
  });

  it("goes on bit for bit with class labels", async () => {
    const config = tinyConfig({ data: "tiny", model: { ...tinyModel, num_class_embeds: 2 } });
    const device = await openDevice("reference");
    const whole = new Trainer(config, device, tinyDataset);
    for (let i = 0; i < 4; i++) await whole.trainStep();
    const first = new Trainer(config, device, tinyDataset);
    for (let i = 0; i < 2; i++) await first.trainStep();
    const path = join(folder, "classes.safetensors");
    await saveCheckpoint(path, first);
    const second = new Trainer(config, device, tinyDataset);
    restoreTrainer(second, await loadCheckpoint(path));
    for (let i = 0; i < 2; i++) await second.trainStep();
    expect(await stateDict(second.network)).to.deep.equal(await stateDict(whole.network));
    expect(await stateDict(second.ema.network)).to.deep.equal(await stateDict(whole.ema.network));
    expect(second.position()).to.deep.equal(whole.position());
    await device.dispose();
  });

  it("starts from the config where the run was killed before its first checkpoint", async () => {
    const config = tinyConfig({ data: sheet, steps: 2 });
    const [whole, early] = [join(folder, "whole-early"), join(folder, "early")];
    await run({ start: { config }, out: whole });
    await run({ start: { config }, out: early });
    for (const name of readdirSync(early)) if (name !== "config.json") rmSync(join(early, name));
    await run({ start: { resume: {} }, out: early });
    expect(bytes(early, 2).equals(bytes(whole, 2))).to.equal(true);
  });

  it("goes on bit for bit where it began before any image could be held out, from a checkpoint and from a config.json", async () => {
    const config = tinyConfig({ ...everything, data: sheet, holdOut: 0 });
    const { holdOut: _, ...before } = config;
    const [whole, older, oldest] = ["whole-before", "older", "oldest"].map((name) => join(folder, name));
    await run({ start: { config }, out: whole });
    await stopAfter(2, config, older);
    const path = join(older, "checkpoint-2.safetensors");
    const { info } = await loadCheckpoint(path);
    await saveSafetensors(path, (await loadSafetensors(path)).tensors, {
      fromnoise: JSON.stringify({
        format: "fromnoise-checkpoint-1", config: info.model.network.config, trainer: before, position: info.position,
      }),
    });
    mkdirSync(oldest);
    writeFileSync(join(oldest, "config.json"), JSON.stringify(before));
    for (const out of [older, oldest]) {
      await run({ start: { resume: {} }, out });
      expect(bytes(out, 5).equals(bytes(whole, 5)), out).to.equal(true);
      expect((await loadCheckpoint(join(out, "checkpoint-5.safetensors"))).info.training!.holdOut).to.equal(0);
    }
  });

  it("may not change what is held out", async () => {
    const out = join(folder, "held");
    await run({ start: { config: tinyConfig({ data: sheet, steps: 1, holdOut: 4 }) }, out });
    const error = await thrown(ConfigError, run({ start: { resume: { holdOut: 0 } as ResumeOverrides }, out }));
    expect(error.summary).to.equal("holdOut cannot change when a run is resumed");
    const { trainer } = await run({ start: { resume: { steps: 2 } }, out });
    expect([trainer.config.holdOut, trainer.dataset.count]).to.deep.equal([4, 12]);
  });

  it("cuts metrics at the checkpoint, also a line that a kill cut short, and does without the file", async () => {
    const config = tinyConfig({ data: sheet, steps: 4 });
    const out = join(folder, "metrics");
    await stopAfter(2, config, out);
    const path = join(out, "metrics.jsonl");
    const lines = readFileSync(path, "utf8");
    writeFileSync(path, `${lines}${lines.split("\n")[1].replace('"step":2', '"step":3')}\n{"step":4,"lo`);
    await run({ start: { resume: { steps: 3 } }, out });
    expect(metricsOf(out).map(({ step }) => step)).to.deep.equal([1, 2, 3]);
    rmSync(path);
    await run({ start: { resume: { steps: 4 } }, out });
    expect(metricsOf(out).map(({ step }) => step)).to.deep.equal([4]);
  });

  it("keeps a change of the settings although the program is killed before the next checkpoint", async () => {
    const config = tinyConfig({ data: sheet, steps: 2 });
    const out = join(folder, "changed");
    await run({ start: { config }, out });
    const stop = new AbortController();
    stop.abort();
    await run({ start: { resume: { steps: 9, keep: 1 } }, out, signal: stop.signal });
    const { info } = await loadCheckpoint(join(out, "checkpoint-2.safetensors"));
    expect([info.training!.steps, info.training!.keep, info.position!.step]).to.deep.equal([9, 1, 2]);
  });

  it("keeps as many checkpoints as asked for, the newest, and draws the loss", async () => {
    const config = tinyConfig({ data: sheet, steps: 5, checkpointEvery: 1, keep: 2, previewEvery: 5, previewImages: 4 });
    const out = join(folder, "kept");
    await run({ start: { config }, out });
    const pictures = ["loss.svg", "preview-5.png"];
    expect(readdirSync(out).sort()).to.deep.equal(
      ["checkpoint-4.safetensors", "checkpoint-5.safetensors", "config.json", "metrics.jsonl", ...pictures].sort(),
    );
    const cell = 96 + 2;                                              // 8 pixels 12 times enlarged, and a gap
    expect(readImage(join(out, "preview-5.png"))).to.include({ width: 2 * cell + 2, height: 2 * cell + 2 });
  });

  it("removes what a killed program left half written, and nothing else", async () => {
    const config = tinyConfig({ data: sheet, steps: 1 });
    const out = join(folder, "leftovers");
    await run({ start: { config }, out });
    const [ours, other] = [join(out, "checkpoint-9.safetensors.123-4.partial"), join(out, "film.partial")];
    for (const path of [ours, other]) writeFileSync(path, "x");
    await run({ start: { resume: {} }, out });
    expect([existsSync(ours), existsSync(other)]).to.deep.equal([false, true]);
  });
});
