/** Files of the time when `prediction` was `objective`, `gradClip` and `clipX0` were both `clip`, and no image was held out. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { openDevice } from "@fromnoise/tensor";
import { loadSafetensors, saveSafetensors } from "@fromnoise/nn";
import { savedConfig, trainConfig, type TrainConfig } from "../../src/train/config.js";
import { loadCheckpoint, loadModel } from "../../src/models/node/load.js";
import { fromnoise } from "../command/fromnoise.js";
import { temporaryFolder, writeSheet } from "./fixtures.js";

/** `__metadata__.fromnoise` of a checkpoint that such a version wrote; its `trainer` is the run's config.json. */
const metadata = readFileSync(fileURLToPath(new URL("old/checkpoint-1.json", import.meta.url)), "utf8");
const old = (JSON.parse(metadata) as { trainer: Record<string, unknown> }).trainer;
const folder = temporaryFolder();
const data = writeSheet(folder);
const place = (...names: string[]): string => join(folder, ...names);
const holdOutOf = (run: string): unknown => (JSON.parse(readFileSync(place(run, "config.json"), "utf8")) as TrainConfig).holdOut;

describe("a configuration under its old names", () => {
  it("is one under today's", () => {
    const { prediction, gradClip, sampling, ...rest } = savedConfig(old);
    expect({ prediction, gradClip, sampling }).to.deep.equal(
      { prediction: "v", gradClip: 0.5, sampling: { variance: "fixed-large", clipX0: false } },
    );
    expect(old).to.include({ objective: "v", clip: 0.5 });
    expect(rest).not.to.have.any.keys("objective", "clip");
  });

  it("holds nothing out where it is of a run, as it did, and the default where it is a user's", () => {
    expect(old).not.to.have.any.keys("holdOut");
    expect(savedConfig(old).holdOut).to.equal(0);
    expect(savedConfig({ ...old, holdOut: 5 }).holdOut).to.equal(5);
    expect(trainConfig({ steps: 1 }).holdOut).to.equal(10);
  });

  it("is refused where a field stands there twice", () => {
    expect(() => savedConfig({ ...old, prediction: "eps" }))
      .to.throw("there is no field objective\n  now      prediction");
  });

  it("starts a run as --config, is resumed as a run's config.json, and in a checkpoint is resumed and sampled", async () => {
    writeFileSync(place("old.json"), JSON.stringify({ ...old, data }));
    const trained = await fromnoise("train", "--config", place("old.json"), "--out", place("run"));
    expect(trained.code, trained.err).to.equal(0);
    expect(holdOutOf("run"), "of a user's file").to.equal(10);
    const file = place("run", "checkpoint-1.safetensors");
    const { tensors } = await loadSafetensors(file);
    await saveSafetensors(file, tensors, { fromnoise: metadata });
    expect((await loadCheckpoint(file)).info.training).to.include({ prediction: "v", gradClip: 0.5 });
    const model = await loadModel(place("run"), await openDevice("reference"));
    expect(model).to.include({ prediction: "v", variance: "fixed-large", clipX0: false });

    const resumed = await fromnoise("train", "--resume", "--out", place("run"), "--data", data, "--steps", "2");
    expect(resumed.code, resumed.err).to.equal(0);
    expect(resumed.err).to.contain("16 images, 8x8 gray\n");
    expect(holdOutOf("run")).to.equal(0);
    mkdirSync(place("early"));
    writeFileSync(place("early", "config.json"), JSON.stringify({ ...old, data }));
    const early = await fromnoise("train", "--resume", "--out", place("early"));
    expect(early.code, early.err).to.equal(0);
    expect(holdOutOf("early")).to.equal(0);
  });
});
