import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { CheckpointError, ConfigError, openDevice } from "@fromnoise/tensor";
import { loadSafetensors } from "@fromnoise/nn";
import { fileSource, loadModel } from "../../src/node.js";
import { rebuildAverage } from "../../src/train/averages.js";
import type { TrainConfig, TrainConfigInput } from "../../src/train/config.js";
import { checkRun } from "../../src/train/node/check-run.js";
import { trainRun, type RunOptions, type RunResult } from "../../src/train/node/run.js";
import { thrown } from "../thrown.js";
import { temporaryFolder, tinyConfig, writeSheet } from "./fixtures.js";

const folder = temporaryFolder();
const sheet = writeSheet(folder);
const profiles = { every: 2, lengths: [0.05, 0.1] };

function config(input: TrainConfigInput = {}): TrainConfig {
  return tinyConfig({ data: sheet, steps: 7, checkpointEvery: 3, profiles, device: "wasm:threads=1", ...input });
}

async function run(options: RunOptions): Promise<RunResult> {
  const result = await trainRun(options);
  await result.trainer.device.dispose();
  return result;
}

async function stopAfter(steps: number, out: string): Promise<void> {
  const abort = new AbortController();
  await run({ start: { config: config() }, out, signal: abort.signal, onStep: ({ step }) => void (step === steps && abort.abort()) });
}

/** The files of a folder that hold averages, each with its bytes. */
function averages(path: string): Map<string, string> {
  const names = readdirSync(path).filter((name) => name.startsWith("average-")).sort();
  return new Map(names.map((name) => [name, readFileSync(join(path, name)).toString("base64")]));
}

const names = (steps: readonly number[]): string[] => [0.05, 0.1].flatMap((length) => steps.map((step) => `average-${length}-${step}.safetensors`));

describe("averages that a run keeps", () => {
  const whole = join(folder, "whole");
  let kept: Map<string, string>;
  before(async () => {
    await run({ start: { config: config() }, out: whole });
    kept = averages(whole);
  });

  it("are files beside the checkpoints, models that can be sampled", async () => {
    expect([...kept.keys()]).to.deep.equal(names([2, 4, 6]));
    const device = await openDevice("reference");
    try {
      const model = await loadModel(join(whole, "average-0.05-4.safetensors"), device);
      expect(model.source).to.contain("average-0.05-4.safetensors, step 4, average of length 0.05");
      const { model: _network, ...rest } = config();
      expect(model.training).to.deep.include(rest);
    } finally {
      await device.dispose();
    }
    expect((await checkRun(whole)).filter(({ problem }) => problem !== undefined)).to.deep.equal([]);
  });

  it("change nothing of the run: its weights, moments and metrics are those of a run without", async () => {
    const without = join(folder, "without");
    await run({ start: { config: config({ profiles: { every: 0 } }) }, out: without });
    expect([...averages(without)]).to.deep.equal([]);
    const [a, b] = await Promise.all([whole, without].map((path) => loadSafetensors(join(path, "checkpoint-7.safetensors"))));
    const shared = [...a.tensors].filter(([name]) => !name.startsWith("average-"));
    expect(new Map(shared)).to.deep.equal(b.tensors);
    expect(a.tensors.size).to.equal(b.tensors.size + 2 * [...b.tensors.keys()].filter((name) => name.startsWith("ema.")).length);
  });

  for (const stop of [2, 5]) {
    it(`are those of the uninterrupted run, bit for bit, after a stop at step ${stop} and a loss of what came later`, async () => {
      const parts = join(folder, `parts-${stop}`);
      await stopAfter(stop, parts);
      await run({ start: { resume: {} }, out: parts });
      expect(averages(parts)).to.deep.equal(kept);
      expect(readFileSync(join(parts, "checkpoint-7.safetensors")).equals(readFileSync(join(whole, "checkpoint-7.safetensors")))).to.equal(true);
    });
  }

  it("are dropped and done again where they are of steps after the checkpoint that a run goes on from", async () => {
    const killed = join(folder, "killed");
    await stopAfter(3, killed);
    writeFileSync(join(killed, "average-0.05-4.safetensors"), "of a program that was killed");
    writeFileSync(join(killed, "average-0.1-6.safetensors.12-1.partial"), "half");
    const seen: string[][] = [];
    await run({ start: { resume: {} }, out: killed, onStart: () => void seen.push([...averages(killed).keys()]) });
    expect(seen).to.deep.equal([names([2])]);
    expect(averages(killed)).to.deep.equal(kept);
  });

  it("that are missing or damaged are found by check", async () => {
    const broken = join(folder, "broken");
    await run({ start: { config: config() }, out: broken });
    rmSync(join(broken, "average-0.1-4.safetensors"));
    const path = join(broken, "average-0.05-6.safetensors"), bytes = readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(path, bytes);
    const problems = (await checkRun(broken)).flatMap(({ file, problem }) => (problem === undefined ? [] : [[file, problem.message.split("\n")[0]]]));
    expect(problems.map(([file]) => file)).to.deep.equal(["average-0.1-4.safetensors", "average-0.05-6.safetensors"]);
    expect(problems[0][1]).to.contain("is missing, and the newest checkpoint is of step 7");
    expect(problems[1][1]).to.contain("is damaged");
    await thrown(CheckpointError, rebuildAverage(fileSource(broken), { length: 0.2 }));
  });

  it("have lengths that can be had, each once", () => {
    expect(() => config({ profiles: { every: 1, lengths: [0.1, 0.1] } })).to.throw(ConfigError, "stands twice");
    expect(() => config({ profiles: { every: 1, lengths: [0.4] } })).to.throw(ConfigError, "profiles.lengths");
  });
});

describe("rebuildAverage", () => {
  const out = join(folder, "long");
  before(() => run({ start: { config: config({ steps: 60, checkpointEvery: 30, profiles: { every: 3, lengths: [0.05, 0.1, 0.15, 0.25] } }) }, out }));

  /** A copy of the run's folder without the averages of the lengths that are to be rebuilt. */
  function withTwo(): string {
    const two = join(folder, "two");
    if (existsSync(two)) return two;
    mkdirSync(two);
    for (const name of readdirSync(out)) if (/^average-0\.(05|1)-/.test(name)) copyFileSync(join(out, name), join(two, name));
    return two;
  }

  const distance = (a: ReadonlyMap<string, { data: ArrayLike<number> }>, b: typeof a): number => {
    let [off, all] = [0, 0];
    for (const [name, { data }] of a) {
      const other = b.get(name)!.data;
      for (let i = 0; i < data.length; i++) {
        off += (data[i] - other[i]) ** 2;
        all += other[i] ** 2;
      }
    }
    return Math.sqrt(off / all);
  };

  it("gives from lengths 0.05 and 0.1 what was tracked with lengths 0.15 and 0.25, to 0.1 % and 5 % of what lies between length 0.1 and them", async () => {
    const source = fileSource(withTwo()), tracked = fileSource(out);
    for (const [length, allowed] of [[0.15, 0.001], [0.25, 0.05]] as const) {
      const [direct, rebuilt] = await Promise.all([tracked, source].map((from) => rebuildAverage(from, { length, step: 60 })));
      const other = await rebuildAverage(source, { length: 0.1 });
      expect([direct.from, direct.error, rebuilt.from]).to.deep.equal([1, 0, 40]);
      const [found, next] = [distance(rebuilt.tensors, direct.tensors), distance(other.tensors, direct.tensors)];
      expect(found).to.be.below(allowed * next);

      expect(rebuilt.info.average).to.deep.equal({ length, step: 60 });
    }
  });

  it("gives a length that was kept bit for bit, at any step that has averages, and at the step of a checkpoint", async () => {
    const file = await loadSafetensors(join(out, "average-0.1-30.safetensors"));
    const { tensors } = await rebuildAverage(fileSource(out), { length: 0.1, step: 30 });
    expect([...tensors].map(([name, { data }]) => [`ema.${name}`, data])).to.have.deep.members([...file.tensors].map(([name, { data }]) => [name, data]));
    const last = join(folder, "last");
    await run({ start: { config: config() }, out: last });                              // averages at 2, 4, 6, a checkpoint at 7
    const atEnd = await rebuildAverage(fileSource(last), { length: 0.05 });
    const held = await loadSafetensors(join(last, "checkpoint-7.safetensors"));
    expect(atEnd.info.average.step).to.equal(7);
    for (const [name, { data }] of atEnd.tensors) expect(data).to.deep.equal(held.tensors.get(`average-0.05.${name}`)!.data);
    expect((await rebuildAverage(fileSource(last), { length: 0.2 })).from).to.equal(8);
    expect((await rebuildAverage(fileSource(last), { length: 0.2, step: 6 })).from).to.equal(6);
  });

  it("refuses what cannot be had", async () => {
    const source = fileSource(withTwo()), plain = join(folder, "plain");
    const refused = async (asked: { length: number; step?: number }): Promise<string> => (await thrown(ConfigError, rebuildAverage(source, asked))).message;
    expect(await refused({ length: 0.04 })).to.contain("0.05 .. 0.3");
    expect(await refused({ length: 0.31 })).to.contain("0.05 .. 0.3");
    expect(await refused({ length: 0.1, step: 31 })).to.contain("allowed  3, 6, 9, 12, 15, 18, and 14 more");
    await run({ start: { config: config({ profiles: { every: 0 } }) }, out: plain });
    const error = await thrown(CheckpointError, rebuildAverage(fileSource(plain), { length: 0.1 }));
    expect(error.message).to.contain("--profiles-every");
  });
});
