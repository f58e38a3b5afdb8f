import { expect } from "chai";
import { formatHog, isHeldUp, measureHog, type HogResult } from "../../src/hog.js";
import { benchUNet } from "../../src/model-benches.js";

const around = (center: number): number[] => Array.from({ length: 8 }, (_, i) => center * (1 + 0.02 * Math.sin(2.4 * i)));
const tiny: HogResult["case"] = {
  bench: "unet-train-step", shape: { batch: 1, config: { ...benchUNet, sample_size: 4, block_out_channels: [8, 8, 8] } },
};
const result = (one: number, all: number): HogResult =>
  ({ case: tiny, free: { one: around(10), all: around(6) }, beside: { one: around(one), all: around(all) } });

describe("threads beside a busy process", () => {
  it("are held up past the threshold, and by more than chance", () => {
    expect(isHeldUp(result(10, 12), 1.1)).to.be.true;
    expect(isHeldUp(result(10, 10.8), 1.1)).to.be.false;
    const scattered = { ...result(10, 10), beside: { one: [10, 10], all: [4, 30] } };
    expect(isHeldUp(scattered, 1.1)).to.be.false;
    const text = formatHog([result(10, 12)], 2, 1.1).replace(/ +/g, " ");
    expect(text).to.include("| 0.600 |").and.include("| 1.200 |").and.include("1 case past 1.1");
  });

  it("are timed in turns with one thread, with and without the process", async function () {
    this.timeout(120_000);
    const { free, beside } = await measureHog(tiny, { threads: 2, rounds: 1, quick: true, threshold: 1.1, seconds: 0.05 });
    for (const times of [free.one, free.all, beside.one, beside.all]) {
      expect(times).to.have.length(1);
      expect(times[0]).to.be.above(0);
    }
  });
});
