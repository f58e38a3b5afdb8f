import { join } from "node:path";
import { expect } from "chai";
import { concat, ConfigError, multiply, onesLike, openDevice, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { readVariance } from "../../src/denoisers/variance.js";
import {
  ancestral, CLEAN, clipped, ddim, denoiserOf, discreteProcess, posterior, rawDenoiser, sampleImages, trainConfig, type VarianceKind,
} from "../../src/index.js";
import { loadModel } from "../../src/models/node/load.js";
import { configOf } from "../../src/command/train-flags.js";
import { trainRun } from "../../src/train/node/run.js";
import { openTrainingData } from "../../src/train/node/training-data.js";
import { metricsOf, temporaryFolder, tinyConfig, tinyModel, writeSheet } from "../train/fixtures.js";
import { thrown } from "../thrown.js";
import { saying, takeStep } from "./stepping.js";

describe("a learned variance", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());
  const process = discreteProcess({ name: "linear", timesteps: 100 });
  const folder = temporaryFolder();
  const points = (values: number[]): Tensor => tensor(values, { device, dtype: "f64", shape: [values.length, 1] });
  const xt = (): Tensor => points([0.5, -1, 2]);
  /** eps = x / 2, and v. */
  const network = (v: number[]): ReturnType<typeof saying> => saying((x) => concat([multiply(x, 0.5), points(v)], -1));

  it("is the second half of what the network says; the first is read as ever, clipped or not", async () => {
    const at = process.at(50);
    const plain = rawDenoiser(saying((x) => multiply(x, 0.5)), "eps")(xt(), at);
    expect(plain.variance).to.equal(undefined);
    const two = denoiserOf({ network: network([-1, 0, 1]), process, prediction: "eps", clipX0: false })(xt(), at);
    expect(await two.x0.data()).to.deep.equal(await plain.x0.data());
    const { range } = two.variance as { range: Tensor };
    expect(Array.from(await range.data())).to.deep.equal([0, 0.5, 1]);
    const narrow = clipped(rawDenoiser(network([-3, -4, 1]), "eps", {}, "learned"), { to: 0.1 })(xt(), at);
    expect(Array.from(await (narrow.variance as { log: Tensor }).log.data())).to.deep.equal([-3, -4, 1]);
  });

  for (const [from, to] of [[50, 49], [50, 20]]) {
    it(`lies between the bounds of the step that is taken: ${from} to ${to}`, async () => {
      const [at, next] = [process.at(from), process.at(to)];
      const denoise = rawDenoiser(network([-1, 1, 0.5]), "eps");
      const step = takeStep(ancestral, { denoise, xt: xt(), at, to: next, options: { variance: "learned-range" }, noise: () => points([1, 1, -2]) });
      const { small, large } = posterior(at, next);
      const sigmas = [small, large, Math.exp(0.75 * Math.log(large) + 0.25 * Math.log(small))].map(Math.sqrt);
      const [sigma, mean, x] = await Promise.all([step.sigma as Tensor, step.mean, step.next].map((t) => t.data()));
      sigmas.forEach((value, i) => {
        expect(sigma[i]).to.be.closeTo(value, 1e-14);
        expect(x[i]).to.be.closeTo(mean[i] + value * [1, 1, -2][i], 1e-14);
      });
    });
  }

  it("is the logarithm itself where it is learned freely; a fixed one overrides it, ddim does not ask, the last step has none", async () => {
    const [at, to] = [process.at(50), process.at(49)];
    const denoise = rawDenoiser(network([-3, -4, 1]), "eps", {}, "learned");
    const noise = (): Tensor => onesLike(xt());
    const { sigma } = takeStep(ancestral, { denoise, xt: xt(), at, to, options: { variance: "learned" }, noise });
    (await (sigma as Tensor).data()).forEach((s, i) => expect(s).to.be.closeTo(Math.exp([-3, -4, 1][i] / 2), 1e-14));
    expect(takeStep(ancestral, { denoise, xt: xt(), at, to, options: { variance: "fixed-large" }, noise }).sigma)
      .to.equal(Math.sqrt(posterior(at, to).large));
    expect(takeStep(ancestral, { denoise, xt: xt(), at, to: CLEAN, options: { variance: "learned" } }).sigma).to.equal(0);
    expect(takeStep(ddim, { denoise, xt: xt(), at, to }).sigma).to.equal(0);
  });

  it("is refused where the network says none, or another kind", () => {
    const step = (denoise: ReturnType<typeof rawDenoiser>, variance: VarianceKind): unknown =>
      takeStep(ancestral, { denoise, xt: xt(), at: process.at(50), to: process.at(49), options: { variance } });
    const message = (kind: string): string => `ancestral: the network says no variance of the kind ${kind}\n  allowed  fixed-small, fixed-large`;
    expect(() => step(rawDenoiser(saying((x) => x), "eps"), "learned-range")).to.throw(ConfigError, message("learned-range"));
    expect(() => step(rawDenoiser(network([0, 0, 0]), "eps"), "learned")).to.throw(ConfigError, message("learned"));
  });

  it("at its ends is that of fixed-small and fixed-large", async () => {
    const { range } = readVariance(points([-1, 1]), "learned-range") as { range: Tensor };
    expect(Array.from(await range.data())).to.deep.equal([0, 1]);
  });

  it("is trained, resumed bit for bit, loaded and sampled as any other model", async () => {
    const data = writeSheet(folder);
    const config = tinyConfig({
      data, holdOut: 0, loss: "hybrid", sampling: { variance: "learned-range" }, model: { ...tinyModel, out_channels: 2 }, steps: 6, dtype: "f64",
    });
    const run = async (options: Pick<Parameters<typeof trainRun>[0], "start" | "out">): Promise<void> => {
      const { trainer } = await trainRun(options);
      await trainer.device.dispose();
    };
    const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
    await run({ start: { config }, out: whole });
    await run({ start: { config: { ...config, steps: 2 } }, out: parts });
    await run({ start: { resume: { steps: 6 } }, out: parts });
    expect(metricsOf(parts)).to.deep.equal(metricsOf(whole));
    const model = await loadModel(whole, device);
    expect(model.variance).to.equal("learned-range");
    const draw = async (options: object): Promise<ArrayLike<number>> =>
      (await sampleImages({ model, device, count: 2, sampler: ancestral, options: { steps: 4, ...options } })).images.data;
    const [own, fixed, mine] = [await draw({}), await draw({ variance: "fixed-small" }), await draw({ variance: "learned-range" })];
    expect(own).to.deep.equal(mine);
    expect(own).not.to.deep.equal(fixed);
  });

  it("makes `--loss hybrid` a run of two outputs a channel; what does not fit is refused by name", async () => {
    const config = configOf(new Map<string, unknown>([["loss", "hybrid"]]));
    expect(config.sampling.variance).to.equal("learned-range");
    expect(config.model).to.include({ in_channels: 1, out_channels: 2 });
    expect(configOf(new Map<string, unknown>([["loss", "vlb"]])).model).to.include({ out_channels: 1 });
    const free = configOf(new Map<string, unknown>([["loss", "vlb"], ["sampling-variance", "learned"], ["channels", 3]]));
    expect(free.model).to.include({ in_channels: 3, out_channels: 6 });
    expect(() => trainConfig({ sampling: { variance: "learned" } })).to.throw(
      ConfigError, "sampling.variance: learned is not learned by the loss mse\n  allowed  fixed-small, fixed-large; or the losses hybrid, vlb",
    );
    expect(() => trainConfig({ loss: "hybrid" })).to.throw(ConfigError, "variance: fixed-small leaves the loss hybrid nothing to learn");
    expect(() => openTrainingData({ ...config, model: { ...tinyModel } })).to.throw(
      ConfigError, "model.out_channels: 1 is not allowed\n  allowed  2, two for each of in_channels: the variance is learned",
    );
    const narrow = tinyConfig({ data: writeSheet(folder), loss: "hybrid", sampling: { variance: "learned" } });
    const out = join(folder, "narrow");
    expect((await thrown(ConfigError, trainRun({ start: { config: narrow }, out }))).message).to.contain("model.out_channels: 1 is not allowed");
  });
});
