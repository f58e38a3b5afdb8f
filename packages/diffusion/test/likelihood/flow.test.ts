import { expect } from "chai";
import { ConfigError, openDevice, Random, randomNormal, tensor, type Device } from "@fromnoise/tensor";
import { initialize, Mlp, UNet, type Network } from "@fromnoise/nn";
import {
  discreteProcess, exactDenoiser, flowLogLikelihood, networkDivergence, numericDivergence, rawDenoiser, type PredictionName,
} from "../../src/index.js";
import { thrown } from "../thrown.js";
import { tinyModel } from "../train/fixtures.js";

describe("the likelihood of points by the probability flow", () => {
  let device: Device;
  beforeEach(async () => (device = await openDevice("reference")));
  afterEach(() => device.dispose());

  const process = discreteProcess({ name: "cosine", timesteps: 1000 });
  const mixture = { weights: [0.2, 0.5, 0.3], means: [[-0.8, 0.1], [0.4, 0.6], [0.5, -0.5]], sd: 0.2 };
  const points = [[-0.8, 0.1], [0, 0], [0.45, 0.05], [0.6, -0.7], [-0.3, 0.9], [1.2, 0.4]];

  /** ln of the mixture's density with the noise of the first level in it. */
  function logDensity([x, y]: readonly number[]): number {
    const { alpha, sigma } = process.at(0);
    const v = mixture.sd ** 2 + (sigma / alpha) ** 2;
    return Math.log(mixture.weights.reduce((sum, w, k) => {
      const [a, b] = mixture.means[k];
      return sum + w * Math.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * v)) / (2 * Math.PI * v);
    }, 0));
  }

  it("is the closed form of a mixture's density, with errors that fall as the fourth power of the steps", async () => {
    const x = tensor(points, { device, dtype: "f64" }), before = device.memory().tensors;
    const divergence = numericDivergence(exactDenoiser(mixture));
    const errors: number[] = [];
    for (const steps of [10, 20, 40, 80, 160]) {
      const logs = await flowLogLikelihood(divergence, process, x, { steps });
      errors.push(Math.max(...points.map((point, i) => Math.abs(logs[i] - logDensity(point)))));
    }
    expect(errors[1] / errors[2]).to.be.within(10, 20);
    expect(errors[2] / errors[3]).to.be.within(10, 20);
    expect(errors[4]).to.be.below(1e-4);
    expect(device.memory().tensors).to.equal(before);
  });

  for (const prediction of ["eps", "v", "edm"] as const satisfies PredictionName[]) {
    it(`needs a divergence that a network's backward gives exactly: ${prediction}`, async () => {
      const random = new Random(2);
      const networks: [Network, number[]][] = [
        [new Mlp({ size: 3, hidden: [8, 8], time: 8 }), [3]], [new Mlp({ size: 2, hidden: [8], time: 8, outputs: 4 }), [2]],
        [new UNet({ ...tinyModel, sample_size: 4, out_channels: 2 }), [4, 4, 1]],
      ];
      for (const [network, sample] of networks) {
        initialize(network, { device, dtype: "f64", seed: 5, scheme: "pytorch" });
        const x = randomNormal([2, ...sample], random, { device, dtype: "f64" });
        for (const at of [process.at(30), process.at(800)]) {
          const exact = networkDivergence({ network, prediction })(x, at);
          const numeric = numericDivergence(rawDenoiser(network, prediction), 1e-5)(x, at);
          const [a, b, c, d] = await Promise.all([exact.eps, numeric.eps, exact.divergence, numeric.divergence].map((t) => t.data()));
          a.forEach((value, i) => expect(value).to.be.closeTo(b[i], 1e-12));
          c.forEach((value, i) => expect(value).to.be.closeTo(d[i], 1e-6 * Math.abs(d[i])));
        }
      }
    });
  }

  it("refuses what it cannot follow, and ends when it is told to", async () => {
    const x = tensor(points, { device, dtype: "f64" }), before = device.memory().tensors;
    const divergence = numericDivergence(exactDenoiser(mixture));
    const message = async (given: typeof process, steps = 4): Promise<string> =>
      (await thrown(ConfigError, flowLogLikelihood(divergence, given, x, { steps }))).summary;
    expect(await message(process, 0)).to.equal("flow: steps is 0");
    expect(await message({ ...process, levels: undefined as never })).to.equal("flow: the process cosine has no noisiest step");
    expect(await message({ ...process, levels: [process.at(0), { index: 1, time: 1, alpha: 0, sigma: 1 }] }))
      .to.equal("flow: sigma / alpha is infinite where alpha is 0");
    expect(await message(discreteProcess({ name: "linear", timesteps: 1 }))).to.equal("flow: the process linear has one level only");
    const stop = new AbortController();
    const onStep = (done: number): void => void (done === 2 && stop.abort(new RangeError("enough")));
    expect((await thrown(RangeError, flowLogLikelihood(divergence, process, x, { onStep, signal: stop.signal }))).message).to.equal("enough");
    expect(device.memory().tensors).to.equal(before);
  });
});
