import { expect } from "chai";
import { ConfigError, FromnoiseError } from "@fromnoise/tensor";
import type { BenchCase } from "../src/bench.js";
import { sideBySideTable, ratioToRival, type Entry } from "../src/side-by-side-table.js";
import { benchUNet } from "../src/model-benches.js";
import { parseCommand } from "../src/options.js";
import { compareInChromium } from "../src/side-by-side.js";

const tiny: BenchCase = {
  bench: "unet-train-step", shape: { batch: 1, config: { ...benchUNet, sample_size: 4, block_out_channels: [8, 8, 16] } },
};

const entry = (name: string, rounds_ms: number[], note = ""): Entry =>
  ({ name, description: "", kernels: null, first_ms: null, error: null, rounds_ms, note });

describe("training steps side by side in one page", () => {
  it("are all right, and timed in turns", async function () {
    this.timeout(240_000);
    const outcome = await compareInChromium(tiny, 2).catch((error: unknown) => error as Error);
    if (outcome instanceof ConfigError) {
      console.log(`      skipped: ${outcome.message}`);
      this.skip();
    }
    if (outcome instanceof Error) throw outcome;
    const { entries, browser } = outcome;
    expect(browser).to.match(/^Chromium \d/);
    expect(entries.map(({ name }) => name)).to.deep.equal(["gpu:webgpu", "tfjs:webgpu", "gpu:webgl2", "tfjs:webgl"]);
    for (const { name, note, error, rounds_ms, first_ms, kernels, description } of entries) {
      expect(note, name).to.equal("");
      expect(error, name).to.be.within(0, 1e-3);
      expect(rounds_ms, name).to.have.length(2);
      expect(Math.min(...rounds_ms, first_ms!), name).to.be.above(0);
      expect(description, name).to.contain(name.startsWith("gpu:") ? "gpu.js web" : "TensorFlow.js");
      if (name.startsWith("gpu:")) expect(kernels, name).to.be.within(50, 150);
    }
    const table = sideBySideTable(entries);
    expect(table.split("\n")).to.have.length(6);
    for (const ours of [entries[0], entries[2]]) expect(table).to.contain(ratioToRival(ours, entries)!.toFixed(2));
  });

  it("are compared with the rival on the same API, where both were timed", () => {
    const entries = [entry("gpu:webgpu", [1, 2, 9]), entry("tfjs:webgpu", [4, 5]), entry("gpu:webgl2", [3]), entry("tfjs:webgl", [], "lost")];
    expect(entries.map((e) => ratioToRival(e, entries))).to.deep.equal([2 / 4.5, undefined, undefined, undefined]);
    expect(sideBySideTable(entries)).to.match(/\| gpu:webgpu +\| +2 \|.* 0\.44 \|/).and.match(/\| tfjs:webgl +\| +- \|.* lost/);
  });

  it("are chosen by size", () => {
    const command = parseCommand(["page", "--sizes", "B4", "--rounds", "2", "--serve"]);
    if (command.name !== "page") throw new Error("the page command is expected");
    expect(command.options.cases.map(({ shape }) => (shape as { batch: number }).batch)).to.deep.equal([4]);
    expect(command.options).to.include({ rounds: 2, serve: true });
    const { options: { cases } } = parseCommand(["page"]) as typeof command;
    expect(cases).to.have.length(2);
    expect(() => parseCommand(["page", "--sizes", "B3"])).to.throw(FromnoiseError, "no training step has such a title");
  });
});
