/** `sample --scatter`: models of points in the plane, as the command draws them. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError, openDevice, Random } from "@fromnoise/tensor";
import { Mlp } from "@fromnoise/nn";
import { readPoints } from "../../src/command/scatter.js";
import { arrayDataset, loadModel, sampleImages, saveCheckpoint, trainConfig, Trainer } from "../../src/node.js";
import { temporaryFolder } from "../train/fixtures.js";
import { fromnoise } from "./fromnoise.js";

describe("fromnoise sample --scatter", () => {
  const folder = temporaryFolder();
  const place = (...names: string[]): string => join(folder, ...names);
  const own = ["--device", "reference", "--steps", "3"];
  const refused = async (expected: string, ...argv: string[]): Promise<void> => {
    const { code, err } = await fromnoise(...argv);
    expect(err).to.contain(expected);
    expect(code).to.be.within(1, 2);
  };
  /** Points that a chart shows, in pixels. */
  const dots = (svg: string): number => (svg.match(/<circle |h0/g) ?? []).length;

  before(async () => {
    const device = await openDevice("reference");
    const config = trainConfig({ steps: 2, batch: 8, device: "reference", schedule: { timesteps: 20 }, sampling: { clipX0: false } });
    for (const size of [2, 3]) {
      const dataset = arrayDataset({ shape: [size], values: new Random(1).normal(20 * size) });
      const trainer = new Trainer(config, device, dataset, { network: new Mlp({ size, hidden: [4] }) });
      await trainer.trainStep();
      await saveCheckpoint(place(`points-${size}.safetensors`), trainer);
      trainer.dispose();
    }
    await device.dispose();
    writeFileSync(place("data.txt"), "# x y\n0.5 1\n\n-0.5, 2.5e-1   # a comment\n1;2\n");
  });

  it("draws the samples into one chart, the same every time, over other points where there are any", async () => {
    const { code, out, err } = await fromnoise("sample", place("points-2.safetensors"), ...own, "--count", "30", "--scatter", "--out", place("alone"));
    expect(code, err).to.equal(0);
    expect(out).to.equal(`wrote 30 points to ${place("alone", "scatter.svg")}`);
    expect(readdirSync(place("alone"))).to.deep.equal(["scatter.svg"]);
    const alone = readFileSync(place("alone", "scatter.svg"), "utf8");
    expect(dots(alone)).to.equal(30 + 1);                                                   // and one of the legend
    await fromnoise("sample", place("points-2.safetensors"), ...own, "--count", "30", "--scatter", "--over", place("data.txt"), "--out", place("over"));
    const over = readFileSync(place("over", "scatter.svg"), "utf8");
    expect(dots(over)).to.equal(33 + 2);
    expect(over).to.contain(">data.txt<").and.contain(">samples<");
    await fromnoise("sample", place("points-2.safetensors"), ...own, "--count", "30", "--batch", "7", "--scatter", "--out", place("again"));
    expect(readFileSync(place("again", "scatter.svg"), "utf8")).to.equal(alone);
  });

  it("puts every sample where it is", async () => {
    await fromnoise("sample", place("points-2.safetensors"), ...own, "--count", "5", "--scatter", "--out", place("five"));
    const device = await openDevice("reference");
    const { images: { data } } = await sampleImages({ model: await loadModel(place("points-2.safetensors"), device), device, count: 5, options: { steps: 3 } });
    await device.dispose();
    const drawn = [...readFileSync(place("five", "scatter.svg"), "utf8").matchAll(/<circle cx="([^"]*)" cy="([^"]*)"/g)].slice(0, 5).map(([, x, y]) => [Number(x), Number(y)]);
    const scale = (drawn[1][0] - drawn[0][0]) / (data[2] - data[0]);
    expect(scale).to.be.above(0);
    for (let i = 0; i < 5; i++) {
      expect(drawn[i][0]).to.be.closeTo(drawn[0][0] + scale * (data[2 * i] - data[0]), 1);
      expect(drawn[i][1]).to.be.closeTo(drawn[0][1] - scale * (data[2 * i + 1] - data[1]), 1);
    }
  });

  it("joins shares to the chart of the whole", async () => {
    const flags = [place("points-2.safetensors"), ...own, "--count", "9", "--scatter"];
    await fromnoise("sample", ...flags, "--out", place("whole"));
    for (const k of [1, 2]) await fromnoise("sample", ...flags, "--share", `${k}/2`, "--out", place("shares"));
    const { code, err } = await fromnoise("join", place("shares"), "--out", place("joined"));
    expect(code, err).to.equal(0);
    expect(readFileSync(place("joined", "scatter.svg"), "utf8")).to.equal(readFileSync(place("whole", "scatter.svg"), "utf8"));
  });

  it("refuses images as points, points as images, and flags that mean nothing, before it draws", async () => {
    const points = place("points-2.safetensors"), out = ["--out", place("refused")];
    await refused("--scatter is for points in the plane\n  got      a model of samples [3]\n  allowed  models whose samples are [2]", "sample", place("points-3.safetensors"), ...own, "--scatter", ...out);
    await refused("got      a model of samples [28, 28, 1]", "sample", "--recipe", "digits", ...own, "--scatter", ...out);
    await refused("the model's samples are no images\n  got      a model of samples [2]\n  allowed  [H, W, 1] and [H, W, 3], which are drawn; [2] with --scatter", "sample", points, ...own, ...out);
    await refused("--separate means nothing with --scatter", "sample", points, ...own, "--scatter", "--separate", ...out);
    await refused("--over means nothing without --scatter", "sample", points, ...own, "--over", place("data.txt"), ...out);
    await refused("--over means nothing with --share", "sample", points, ...own, "--scatter", "--over", place("data.txt"), "--share", "1/2", ...out);
    expect(existsSync(place("refused"))).to.equal(false);
  });

  it("reads points from text, and says which line is none", () => {
    expect(readPoints(place("data.txt"))).to.deep.equal({ x: [0.5, -0.5, 1], y: [1, 0.25, 2] });
    for (const [text, expected] of [
      ["1 2\n3\n", 'line 2 is no point\n  got      "3"'], ["1,2,3", "line 1 is no point"], ["x y", "line 1 is no point"], ["1 Infinity", "line 1 is no point"],
      ["1,", "line 1 is no point"], ["# nothing\n", "holds no points"], ["", "holds no points"],
    ]) {
      writeFileSync(place("bad.txt"), text);
      expect(() => readPoints(place("bad.txt")), text).to.throw(ConfigError, expected);
    }
    expect(() => readPoints(place("no-such.txt"))).to.throw(ConfigError, "cannot read");
  });
});
