import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError } from "@fromnoise/tensor";
import { stateDict, type StateDict } from "@fromnoise/nn";
import type { TrainConfigInput } from "../../src/train/config.js";
import { parseMetrics } from "../../src/train/metrics.js";
import { trainRun, type RunOptions } from "../../src/train/node/run.js";
import { thrown } from "../thrown.js";
import { metricsOf, temporaryFolder, tinyConfig, tinyDataset, writeSheet } from "./fixtures.js";

describe("the bound of a run while it trains", () => {
  const folder = temporaryFolder();
  const data = writeSheet(folder);
  const configOf = (more: TrainConfigInput = {}): ReturnType<typeof tinyConfig> => tinyConfig({ data, holdOut: 4, boundEvery: 2, ...more });
  const run = async (start: RunOptions["start"], name: string): Promise<StateDict> => {
    const { trainer } = await trainRun({ start, out: join(folder, name) });
    const weights = await stateDict(trainer.network);
    await trainer.device.dispose();
    return weights;
  };
  const bounds = (name: string): unknown[] =>
    parseMetrics(readFileSync(join(folder, name, "metrics.jsonl"), "utf8")).map(({ bound }) => bound);

  it("stands in the metrics at every so many steps and changes nothing else, and a resumed run has the same", async () => {
    const whole = await run({ config: configOf({ steps: 4 }) }, "whole");
    const plain = await run({ config: configOf({ steps: 4, boundEvery: 0 }) }, "plain");
    expect(plain).to.deep.equal(whole);
    await run({ config: configOf({ steps: 3 }) }, "parts");
    expect(await run({ resume: { steps: 4 } }, "parts")).to.deep.equal(whole);
    const found = bounds("whole") as number[];
    expect([found[0], found[2]]).to.deep.equal([undefined, undefined]);
    expect(found[1]).to.be.above(0);
    expect(found[3]).to.be.above(0).and.not.equal(found[1]);
    expect(bounds("plain")).to.deep.equal([undefined, undefined, undefined, undefined]);
    expect(metricsOf(join(folder, "parts"))).to.deep.equal(metricsOf(join(folder, "whole")));
  });

  it("is refused where nothing is held out", async () => {
    const message = 'boundEvery: 2 is not allowed\n  allowed  0: nothing is held out of training';
    const none = trainRun({ start: { config: configOf({ holdOut: 0 }) }, out: join(folder, "none") });
    expect((await thrown(ConfigError, none)).message).to.equal(message);
    const given = trainRun({ start: { config: configOf() }, dataset: tinyDataset, out: join(folder, "given") });
    expect((await thrown(ConfigError, given)).message).to.equal(message);
  });
});
