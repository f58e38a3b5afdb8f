import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError } from "@fromnoise/tensor";
import { compareCurves, curvesPage, formatCurves, smoothed, withinNoise } from "../src/curve-report.js";
import { curveConfig, readCurves, trainCurve, writeCurves, type CurveRun, type Curves } from "../src/curve-runs.js";

const config = curveConfig(50);
/** A curve that falls from 2 to 1, moved by `by`. */
const run = (device: string, seed: number, by: (step: number) => number): CurveRun => ({
  device, seed, losses: Array.from({ length: 50 }, (_, i) => 1 + 1 / (1 + i) + by(i)), description: device, seconds: 1, commit: "abc", node: "v20",
});
const curves = (...runs: CurveRun[]): Curves => ({ schema: 1, config, runs });
const noisy = [run("wasm", 0, () => 0), run("wasm", 1, (i) => (i < 25 ? 0.3 : 0.1)), run("wasm", 2, () => 0.1)];

describe("loss curves", () => {
  it("are smoothed by means over windows, the last one taking what is left", () => {
    expect(smoothed([1, 3, 5, 7], 2)).to.deep.equal([2, 6]);
    expect(smoothed([1, 3, 5, 7, 9], 2)).to.deep.equal([2, 7]);
    expect(smoothed([1, 2, 3], 5)).to.deep.equal([2]);
  });

  it("of a device are compared with the first device at the same seed, and with the noise between its seeds", () => {
    const report = compareCurves(curves(...noisy, run("reference", 0, (i) => (i === 30 ? 0.5 : 0))));
    expect(report.noise).to.be.closeTo(0.1, 1e-9); // windows of the pairs: 0.3 0.1, 0.1 0.1, 0.2 0
    expect(report.devices).to.have.length(1);
    const [{ gap }] = report.devices;
    expect(gap.largest).to.be.closeTo(0.5 / 25, 1e-9);
    expect(gap.largestStep).to.be.closeTo(0.5, 1e-9);
    expect(gap.step).to.equal(50);
    expect(withinNoise(report)).to.be.true;
  });

  it("of a device that trains otherwise are found to differ", () => {
    const off = curves(...noisy, run("gpu:webgpu", 0, (i) => (i < 25 ? 0 : 0.15)));
    expect(withinNoise(compareCurves(off))).to.be.false;
    expect(formatCurves(off)).to.match(/\| wasm and gpu:webgpu, seed 0 +\| +1.5e-1 \| +50 \|/).and.include("nearer than that to wasm: NO");
    const unknown = curves(noisy[0], run("reference", 0, () => 0));
    expect(withinNoise(compareCurves(unknown))).to.be.false;
    expect(formatCurves(unknown)).to.include("takes two seeds");
  });

  it("are drawn on a page that loads nothing, equal ones too", () => {
    const html = curvesPage(curves(...noisy, run("reference", 0, () => 0)));
    expect(html.match(/<svg /g)).to.have.length(2);
    expect(html).not.to.match(/<script|<link|src=|https?:(?!\/\/www\.w3\.org\/2000\/svg)|NaN|Infinity|undefined/);
  });

  it("of two devices come from the same weights, data and noise, and are kept in a file", async function () {
    this.timeout(60_000);
    const short = curveConfig(2);
    const [a, b, c] = [
      await trainCurve(short, "reference", 0), await trainCurve(short, "wasm:threads=1", 0), await trainCurve(short, "wasm:threads=1", 1),
    ];
    a.losses.forEach((loss, i) => expect(b.losses[i]).to.be.closeTo(loss, 1e-5));
    expect(Math.abs(c.losses[0] - a.losses[0])).to.be.above(1e-3);
    const folder = mkdtempSync(join(tmpdir(), "fromnoise-curves-"));
    try {
      const file = join(folder, "curves.json");
      expect(readCurves(file, short).runs).to.deep.equal([]);
      writeCurves(file, { ...readCurves(file, short), runs: [a, b] });
      expect(readCurves(file, short).runs).to.deep.equal([a, b]);
      expect(JSON.parse(readFileSync(file, "utf8"))).to.have.property("schema", 1);
      expect(() => readCurves(file, curveConfig(3))).to.throw(ConfigError, /holds curves of another training/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
