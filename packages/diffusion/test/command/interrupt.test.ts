import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "chai";
import { Random } from "@fromnoise/tensor";
import { seed } from "../../../tensor/test/properties.js";
import { metricsOf, temporaryFolder, tinyModel, writeSheet } from "../train/fixtures.js";
import { fromnoise, startFromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const data = writeSheet(folder);
const STEPS = 24;
const KILLS = 3;
writeFileSync(join(folder, "config.json"), JSON.stringify({
  data, model: tinyModel, steps: STEPS, batch: 1, checkpointEvery: 3, previewEvery: 0, schedule: { timesteps: 20 }, flip: true,
}));
const fresh = (out: string): string[] => ["train", "--config", join(folder, "config.json"), "--out", join(folder, out)];
const resume = (out: string): string[] => ["train", "--out", join(folder, out), "--resume"];

/** Resolves when the run has as many lines of metrics. */
async function untilStep(out: string, step: number): Promise<void> {
  const path = join(folder, out, "metrics.jsonl");
  for (;;) {
    if (existsSync(path) && readFileSync(path, "utf8").split("\n").length > step) return;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

function lastCheckpoint(out: string): Buffer {
  return readFileSync(join(folder, out, `checkpoint-${STEPS}.safetensors`));
}

describe("a training program that is stopped", function () {
  this.timeout(180000);
  before(async () => {
    const { code, err } = await fromnoise(...fresh("whole"));
    expect(code, err).to.equal(0);
  });

  it("leaves a folder that --resume continues to the uninterrupted run, killed at random moments with kill -9", async () => {
    const random = new Random(seed);
    const kills = [`seed ${seed}`];
    for (let attempt = 0; ; attempt++) {
      const { child, ended } = startFromnoise(
        existsSync(join(folder, "killed", "config.json")) ? resume("killed") : fresh("killed"),
      );
      if (attempt < KILLS) {
        await Promise.race([untilStep("killed", 1 + 6 * attempt), ended]);
        await new Promise((resolve) => setTimeout(resolve, 120 * random.uniform(1)[0]));
        child.kill("SIGKILL");
        kills.push(readdirSync(join(folder, "killed")).sort().join(" "));
      }
      const { code, err } = await ended;
      if (attempt < KILLS) continue;
      expect(code, `${err}\n${kills.join("\n")}`).to.equal(0);
      break;
    }
    expect(lastCheckpoint("killed").equals(lastCheckpoint("whole")), kills.join("\n")).to.equal(true);
    expect(metricsOf(join(folder, "killed"))).to.deep.equal(metricsOf(join(folder, "whole")));
    expect(readdirSync(join(folder, "killed")).filter((name) => name.endsWith(".partial"))).to.deep.equal([]);
  });

  it("finishes the step on Ctrl-C, saves, says how to resume and exits with 130", async () => {
    const { child, ended } = startFromnoise(fresh("stopped"));
    await Promise.race([untilStep("stopped", 3), ended]);
    child.kill("SIGINT");
    const { code, out: printed, err } = await ended;
    const out = join(folder, "stopped");
    expect(code, err).to.equal(130);
    const step = metricsOf(join(folder, "stopped")).length;
    expect(step).to.be.lessThan(STEPS);
    expect(readdirSync(join(folder, "stopped"))).to.include(`checkpoint-${step}.safetensors`);
    expect(printed).to.equal(
      `stopped after step ${step}; everything is saved in ${out}\nresume with: fromnoise train --out ${out} --resume\n`,
    );
    expect(err).to.contain("finishing this step, then saving; Ctrl-C again stops at once and keeps the last checkpoint\n");
    const resumed = await fromnoise(...resume("stopped"));
    expect(resumed.code, resumed.err).to.equal(0);
    expect(resumed.err).to.contain(`resumed  after step ${step} of ${STEPS}`);
    expect(lastCheckpoint("stopped").equals(lastCheckpoint("whole"))).to.equal(true);
  });

  it("prints plain lines when piped, and what to do next", async () => {
    const { code, out, err } = await startFromnoise([...fresh("lines"), "--steps", "2"]).ended;
    expect(code).to.equal(0);
    const lines = err.trimEnd().split("\n");
    expect(lines[0]).to.equal(`data     ${basename(data).replace(/:8$/, "")}: 16 images, 8x8 gray; 15 to train on, 1 in 10 held out`);
    expect(lines[1]).to.match(/^device {3}wasm: /);
    expect(lines.slice(2)).to.have.length(2);
    expect(lines[2]).to.match(/^step 1\/2 {2}loss \d\.\d{4} {2}images\/s [\d.]+ {2}left \d+s$/);
    expect(lines[3]).to.match(/^step 2\/2 {2}loss \d\.\d{4} {2}images\/s [\d.]+ {2}left 0s$/);
    expect(out).to.equal(
      `trained 2 steps; the run is in ${join(folder, "lines")}\nsample with: fromnoise sample ${join(folder, "lines")}\n`,
    );
  });
});
