import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { metricsOf, temporaryFolder, tinyModel, writeSheet } from "../train/fixtures.js";
import { fromnoise, startFromnoise } from "./fromnoise.js";

const folder = temporaryFolder();
const data = writeSheet(folder);
const config = join(folder, "config.json");
writeFileSync(config, JSON.stringify({
  data, model: tinyModel, steps: 100000, batch: 1, checkpointEvery: 20, previewEvery: 0, schedule: { timesteps: 20 },
}));
const path = (out: string): string => join(folder, out);
const fresh = (out: string, ...more: string[]): string[] => ["train", "--config", config, "--out", path(out), ...more];
const resume = (out: string, ...more: string[]): string[] => ["train", "--out", path(out), "--resume", ...more];

/** Resolves when the run has as many lines of metrics. */
async function untilStep(out: string, step: number): Promise<void> {
  const file = join(path(out), "metrics.jsonl");
  while (!existsSync(file) || readFileSync(file, "utf8").split("\n").length <= step) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("a run's folder", function () {
  this.timeout(120000);

  it("has one owner: a second program is refused by name and changes nothing", async () => {
    const { child, ended } = startFromnoise(fresh("owned"));
    await untilStep("owned", 2);
    for (const argv of [resume("owned"), fresh("owned")]) {
      const { code, err } = await fromnoise(...argv);
      expect(code, err).to.equal(2);
      expect(err).to.match(argv.includes("--resume") ? new RegExp(`in use by process ${child.pid} on `) : /already holds a run/);
    }
    child.kill("SIGTERM");
    const { code, err } = await ended;
    expect(code, err).to.equal(143);
    expect(metricsOf(path("owned")).map(({ step }) => step)).to.deep.equal(metricsOf(path("owned")).map((_, i) => i + 1));
    expect(existsSync(join(path("owned"), "run.lock"))).to.equal(false);
  });

  it("is won by exactly one of several that start at once", async () => {
    const started = Array.from({ length: 4 }, () => startFromnoise(fresh("race", "--steps", "3")));
    const outcomes = await Promise.all(started.map(({ ended }) => ended));
    const errors = outcomes.map(({ err }) => err).join("\n---\n");
    expect(outcomes.filter(({ code }) => code === 0), errors).to.have.length(1);
    expect(outcomes.filter(({ code }) => code === 2), errors).to.have.length(3);
    expect(metricsOf(path("race"))).to.have.length(3);
  });

  it("is free again after kill -9", async () => {
    const { child, ended } = startFromnoise(fresh("killed"));
    await untilStep("killed", 2);
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(join(path("killed"), "run.lock"))).to.equal(true);
    const { code, err } = await fromnoise(...resume("killed", "--steps", "30"));
    expect(code, err).to.equal(0);
  });

  it("is not left behind by a run that fails before its first step", async () => {
    expect((await fromnoise("train", "--data", "nothing", "--out", path("a/b/failed"))).code).to.equal(2);
    expect(existsSync(path("a"))).to.equal(false);
  });
});

describe("a training", function () {
  this.timeout(120000);

  for (const [signal, exit] of [["SIGTERM", 143], ["SIGHUP", 129], ["SIGINT", 130]] as const) {
    it(`finishes the step and saves on ${signal}`, async () => {
      const { child, ended } = startFromnoise(fresh(signal));
      await untilStep(signal, 3);
      child.kill(signal);
      const { code, out, err } = await ended;
      expect(code, err).to.equal(exit);
      const { length } = metricsOf(path(signal));
      expect(out).to.contain(`stopped after step ${length}; everything is saved`);
      expect(readdirSync(path(signal))).to.include(`checkpoint-${length}.safetensors`);
    });
  }

  it("goes on when nobody reads what it prints any more", async () => {
    const { child, ended } = startFromnoise(fresh("unread", "--steps", "60"));
    child.stdout!.destroy();
    child.stderr!.destroy();
    const { code } = await ended;
    expect(code).to.equal(0);
    expect(metricsOf(path("unread"))).to.have.length(60);
  });

  it("goes on, and ends as it went, where the log's disk is full", async () => {
    if (!existsSync("/dev/full")) return console.log("      /dev/full is not here to be tried");
    const full = openSync("/dev/full", "w");
    const child = startFromnoise(fresh("full", "--steps", "3"), ["ignore", full, full]).child;
    const code = await new Promise((resolve) => child.on("exit", resolve));
    closeSync(full);
    expect(code).to.equal(0);
    expect(metricsOf(path("full"))).to.have.length(3);
  });
});

describe("a broken checkpoint", () => {
  const names = (out: string): string[] => readdirSync(path(out)).filter((name) => name.startsWith("checkpoint-"));

  it("is told, the whole one beside it is named, and check finds it", async () => {
    expect((await fromnoise(...fresh("broken", "--steps", "40"))).code).to.equal(0);
    expect(names("broken")).to.deep.equal(["checkpoint-20.safetensors", "checkpoint-40.safetensors"]);
    const whole = await fromnoise("check", path("broken"));
    expect(whole.code, whole.err).to.equal(0);
    expect(whole.out).to.match(/checkpoint-40\.safetensors {2}whole {3}\d+ tensors, fromnoise-checkpoint-2/);
    const newest = join(path("broken"), "checkpoint-40.safetensors");
    const bytes = readFileSync(newest);
    for (const at of [bytes.length - 9, bytes.indexOf('"step\\":40') + 9, bytes.indexOf('"lr\\":0.001') + 11]) {
      const flipped = Buffer.from(bytes);
      flipped[at] ^= 1;
      writeFileSync(newest, flipped);
      const readsAll = [resume("broken")], readsSome = [["sample", path("broken"), "--count", "1"]];   // the averages alone
      for (const argv of at === bytes.length - 9 ? readsAll : [...readsAll, ...readsSome]) {
        const { code, err } = await fromnoise(...argv);
        expect(code, err).to.equal(1);
        expect(err).to.contain("checkpoint-40.safetensors").and.to.contain(
          `whole    ${join(path("broken"), "checkpoint-20.safetensors")}, the newest that is\n  hint     remove ${newest} to go on from there`,
        );
      }
      const { code, out, err } = await fromnoise("check", path("broken"));
      expect(code).to.equal(1);
      expect(out).to.contain("checkpoint-40.safetensors  broken").and.to.contain("checkpoint-20.safetensors  whole");
      expect(err).to.contain("CheckpointError: ");
    }
    rmSync(newest);
    expect((await fromnoise(...resume("broken"))).code).to.equal(0);
    expect(readFileSync(newest).equals(bytes)).to.equal(true);
  });

  it("is not named where there is no other", async () => {
    expect((await fromnoise(...fresh("alone", "--steps", "1", "--keep", "1"))).code).to.equal(0);
    const file = join(path("alone"), names("alone")[0]);
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(file, bytes);
    const { code, err } = await fromnoise(...resume("alone"));
    expect(code).to.equal(1);
    expect(err).not.to.contain("whole");
  });

  it("check finds steps that are missing from the metrics, and refuses what is no run", async () => {
    expect((await fromnoise(...fresh("holes", "--steps", "4"))).code).to.equal(0);
    const metrics = join(path("holes"), "metrics.jsonl");
    const lines = readFileSync(metrics, "utf8").split("\n");
    writeFileSync(metrics, [lines[0], ...lines.slice(2)].join("\n"));
    const { code, err } = await fromnoise("check", path("holes"));
    expect(code).to.equal(1);
    expect(err).to.contain("metrics.jsonl: step 2 is missing, and the newest checkpoint is of step 4");
    expect((await fromnoise("check", path("nowhere"))).err).to.contain("holds no run");
  });
});

describe("what the command prints", () => {
  it("moves no cursor, whatever files are called", async () => {
    const name = path("evil\u001b[2J\u202e.png");
    writeFileSync(name, "text");
    const { err } = await fromnoise("train", "--data", `${name}:8`, "--out", path("evil-run"));
    expect(err).to.contain("evil\\u001b[2J\\u202e.png: not a PNG or JPEG image");
  });

  it("names the steps done where a resumed run is to have fewer", async () => {
    expect((await fromnoise(...fresh("longer", "--steps", "3"))).code).to.equal(0);
    const { code, err } = await fromnoise(...resume("longer", "--steps", "1"));
    expect([code, err]).to.deep.equal([2, "ConfigError: steps: 1 is not allowed\n  allowed  from 3, the steps that the run has done"]);
  });
});

describe("folders that cannot be written", () => {
  it("are told with the reason, and nothing loops", async () => {
    if (!existsSync("/proc/self")) return console.log("      /proc is not here to be tried");
    const { code, err } = await fromnoise(...fresh("x").slice(0, 3), "--out", "/proc/x/y");
    expect([code, err]).to.deep.equal([2, "ConfigError: cannot make the folder /proc/x/y\n  reason   its file system makes no folders there"]);
    const below = join(config, "run");
    expect((await fromnoise(...fresh("x").slice(0, 3), "--out", below)).err).to.equal(
      `ConfigError: cannot make the folder ${below}\n  reason   a part of the path is a file`,
    );
  });
});
