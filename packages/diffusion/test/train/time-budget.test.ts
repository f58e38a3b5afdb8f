import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError, openDevice } from "@fromnoise/tensor";
import { trainRun, type RunOptions } from "../../src/train/node/run.js";
import { secondsOf, stepsIn, stepsWithin, type Costs } from "../../src/train/time-budget.js";
import { fromnoise } from "../command/fromnoise.js";
import { thrown } from "../thrown.js";
import { metricsOf, temporaryFolder, tinyConfig, tinyDataset, writeSheet } from "./fixtures.js";

const folder = temporaryFolder();
const sheet = writeSheet(folder);

/** A clock that every look at it moves on by a hundredth of a second. */
function ticking(): { (): number; looks: number } {
  const clock = (): number => ++clock.looks / 100;
  clock.looks = 0;
  return clock;
}

async function run(options: RunOptions): Promise<void> {
  const { trainer: { device } } = await trainRun(options);
  await device.dispose();
}

describe("a training of so many minutes", () => {
  const costs: Costs = { step: 0.1, others: [{ every: 10, seconds: 1 }, { every: 25, seconds: 3 }], once: 0.5 };

  it("has the most steps that end in time, pictures and checkpoints included", () => {
    expect([9, 10, 25, 50].map((steps) => secondsOf(steps, costs))).to.deep.equal([1.4, 2.5, 8, 16.5]);
    for (const [seconds, steps] of [[1.4, 9], [1.5, 9], [2.4, 9], [2.5, 10], [16.4, 49], [16.5, 50]]) expect(stepsIn(seconds, costs)).to.equal(steps);
    for (let seconds = 0.7; seconds < 100; seconds += 0.37) {
      const steps = stepsIn(seconds, costs);
      expect(secondsOf(steps, costs)).to.be.at.most(seconds);
      expect(secondsOf(steps + 1, costs)).to.be.above(seconds);
    }
    expect(stepsIn(1e12, { step: 1e-6, others: [], once: 0 })).to.equal(1e9);
    expect(() => stepsIn(0.5, costs)).to.throw(ConfigError, "no time for a single step");
  });

  it("measures with a trainer that is thrown away, until the mean is known or a tenth of the time is gone", async () => {
    const device = await openDevice("reference");
    try {
      const before = device.memory().tensors;
      const config = tinyConfig({ data: "tiny", previewEvery: 10, previewImages: 1, profiles: { every: 4 } });
      const measure = (seconds: number): ReturnType<typeof stepsWithin> =>
        stepsWithin({ config, device, dataset: tinyDataset, seconds, clock: ticking() });
      const { steps, costs: found, timed, took } = await measure(60);
      expect([timed, Number(found.step.toFixed(9))]).to.deep.equal([8, 0.01]);                // every look is alike: known after 8
      expect(found.others.map(({ every, seconds }) => [every, Number(seconds.toFixed(9))])).to.deep.equal([[100, 0.01], [10, 0.05], [4, 0.01]]);
      expect(steps).to.equal(stepsIn(60 - took, found)).and.above(1000);                      // of 20 steps a preview takes 5 times its 4
      expect((await measure(1)).timed).to.be.below(8).and.at.least(1);
      expect((await thrown(ConfigError, measure(0.05))).message).to.contain("no time for a single step");
      expect((await thrown(ConfigError, measure(-1))).message).to.contain("no time for a single step");
      expect(device.memory().tensors).to.equal(before);
    } finally {
      await device.dispose();
    }
  });

  it("is the training of --steps N, bit for bit, and a resumed one never looks at the clock", async () => {
    const config = tinyConfig({ data: sheet, device: "wasm:threads=1", steps: 3, lrSchedule: { name: "cosine", warmup: 2 } });
    const [timed, direct] = ["timed", "direct"].map((name) => join(folder, name)), clock = ticking(), lines: string[] = [];
    const stop = new AbortController();
    await run({
      start: { config, minutes: 0.004 }, out: timed, clock, signal: stop.signal, onLine: (line) => void lines.push(line),
      onStep: ({ step }) => void (step === 2 && stop.abort()),
    });
    const { steps } = JSON.parse(readFileSync(join(timed, "config.json"), "utf8")) as { steps: number };
    expect(steps).to.be.within(4, 40);
    expect(lines.find((line) => line.startsWith("measured"))).to.match(/^measured \d+ steps of 10\.0 ms in 0\.\d s, thrown away; pictures and checkpoints take 0\.0 s$/);
    expect(lines.find((line) => line.startsWith("steps"))).to.equal(`steps    ${steps}, to end within 0.004 minutes; the run is the one of --steps ${steps}`);
    await run({ start: { resume: {} }, out: timed, clock: () => { throw new Error("looked at the clock"); } });
    await run({ start: { config: { ...config, steps } }, out: direct });
    const [a, b] = [timed, direct].map((path) => readFileSync(join(path, `checkpoint-${steps}.safetensors`)));
    expect(a.equals(b)).to.equal(true);
    expect(metricsOf(timed)).to.deep.equal(metricsOf(direct));
  });

  it("is asked for by --minutes, not beside --steps nor when a run is resumed", async () => {
    const common = ["--data", sheet, "--width", "4,8", "--preview-every", "0", "--timesteps", "10", "--batch", "2", "--device", "wasm:threads=1"];
    const both = await fromnoise("train", ...common, "--steps", "3", "--minutes", "1", "--out", join(folder, "both"));
    expect([both.code, both.err]).to.deep.equal([2, "ConfigError: --minutes and --steps contradict each other\n  allowed  one of them"]);
    const { code, err } = await fromnoise("train", ...common, "--minutes", "0.03", "--out", join(folder, "asked"));
    expect(code, err).to.equal(0);
    expect(err).to.match(/\nmeasured \d+ steps of [\d.]+ ms in [\d.]+ s, thrown away.*\nsteps {4}\d+, to end within 0\.03 minutes/);
    const again = await fromnoise("train", "--resume", "--minutes", "1", "--out", join(folder, "asked"));
    expect([again.code, again.err.split("\n")[0]]).to.deep.equal([2, "ConfigError: --minutes cannot change when a run is resumed"]);
    const short = await fromnoise("train", ...common, "--minutes", "0.00001", "--out", join(folder, "short"));
    expect([short.code, short.err]).to.satisfy(([c, e]: [number, string]) => c === 2 && e.includes("no time for a single step"), short.err);
  });
});
