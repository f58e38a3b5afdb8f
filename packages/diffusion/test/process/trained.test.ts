/** Small networks trained on each kind of process, against the best that there is, and what they draw against what they were shown. */
import { expect } from "chai";
import { openDevice, Random, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import type { Network } from "@fromnoise/nn";
import {
  cosineProcess, ddim, discreteProcess, edmProcess, flowProcess, lastOf, onPath, rawDenoiser, runSampler, seededNoise, uniformTimes,
  type Denoiser, type Process,
} from "../../src/index.js";
import { drawPoints, fitOf, MEAN, trained, VARIANCE, type Training } from "./mixture.js";

describe("trained on points of a mixture", function () {
  this.timeout(120_000);
  let device: Device;
  before(async () => (device = await openDevice("wasm", { threads: 1 })));
  after(() => device.dispose());

  /** `count` points by DDIM without noise, [count, 2]. */
  const points = (denoise: Denoiser, process: Process, { steps = 100, count = 4000, start }: { steps?: number; count?: number; start?: Tensor } = {}): Promise<Tensor> =>
    lastOf(runSampler(ddim, {
      denoise, process, options: { steps }, shape: [count, 2], device, noise: seededNoise(4), ...(start === undefined ? {} : { start }),
    }));

  /** Means within 0.04, variances within 15 %: with 100 steps and some error of the network they are off by up to 13 %. */
  async function expectMixture(points: Tensor): Promise<void> {
    const values = Array.from(await points.data()), n = values.length / 2;
    for (const axis of [0, 1]) {
      const mean = values.reduce((sum, x, j) => sum + (j % 2 === axis ? x : 0), 0) / n;
      const variance = values.reduce((sum, x, j) => sum + (j % 2 === axis ? (x - mean) ** 2 : 0), 0) / n;
      expect(mean, `mean ${axis}`).to.be.closeTo(MEAN[axis], 0.04);
      expect(variance / VARIANCE[axis], `variance ${axis}`).to.be.closeTo(1, 0.15);
    }
  }

  /** The loss is the least there is, but for three percent and for two standard errors of it. */
  async function expectBest(network: Network, training: Training): Promise<void> {
    const { loss, floor, noise } = await fitOf(network, training);
    expect(loss - floor).to.be.below(2 * noise);
    expect(loss / floor).to.be.within(0.995, 1.03);
  }

  /** Rectified flow on uniform times, trained once for the two tests that start from it. */
  const straight = flowProcess({ times: uniformTimes });
  let known: Promise<Network> | undefined;
  const flow = (): Promise<Network> => known ??= trained({ process: straight, prediction: "flow", device });

  for (const [name, process, prediction, steps] of [
    ["a schedule that ends without signal, v", discreteProcess({ name: "linear", timesteps: 100, betaEnd: 0.1, zeroTerminalSnr: true }), "v", 1500],
    ["EDM", edmProcess(), "edm", 1500],
    ["rectified flow, uniform times", straight, "flow", 1500],
    ["rectified flow, logit-normal times", flowProcess(), "flow", 2500],
  ] as const) {
    it(`reaches the floor of the loss, and draws the mixture: ${name}`, async () => {
      const training = { process, prediction, device, steps };
      const network = await (process === straight ? flow() : trained(training));
      await expectBest(network, training);
      await expectMixture(await points(rawDenoiser(network, prediction), process));
    });
  }

  it("reaches the floor of the loss, and draws the mixture, on two other paths too: cosine in continuous time", async () => {
    const process = cosineProcess(), prediction = "v";
    const network = await trained({ process, prediction, device });
    await expectBest(network, { process, prediction, device });
    const denoise = rawDenoiser(network, prediction);
    await expectMixture(await points(denoise, process));
    for (const to of [flowProcess({ logSnrRange: [-15, 15] }), edmProcess()]) await expectMixture(await points(onPath(denoise, process, to), to));
  });

  /**
   * Reflow (Liu, Gong, Liu 2023, section 2.1): the first network couples each noise with the point that its path leads to, the second is
   * trained on these pairs, whose paths cross less and so are nearly straight: one step goes almost as far as a hundred.
   */
  it("straightens its paths by reflow: one step errs by less than an eighth of what it did", async () => {
    const process = straight, prediction = "flow";
    const noise = (n: number, seed: number): Tensor => tensor(new Random(seed).normal(2 * n), { device, dtype: "f32", shape: [n, 2] });
    /** Root of the mean square distance between the ends of one step and of a hundred, from the same noise; the end of the one step. */
    const oneStep = async (denoise: Denoiser): Promise<[error: number, end: Tensor]> => {
      const start = noise(2000, 91);
      const [one, many] = [await points(denoise, process, { steps: 1, count: 2000, start }), await points(denoise, process, { count: 2000, start })];
      const [a, b] = [await one.data(), await many.data()];
      return [Math.sqrt(Array.from(a).reduce((sum, x, j) => sum + (x - b[j]) ** 2, 0) / 2000), one];
    };
    const first = rawDenoiser(await flow(), prediction);
    const pairs = 8000, z = noise(pairs, 90);
    const [from, to] = [await z.data(), await (await points(first, process, { count: pairs, start: z })).data()];
    const pick = new Random(92);
    const batch = (n: number): { x0: Tensor; eps: Tensor } => {
      const picked = Array.from(pick.integers(n, pairs));
      const take = (values: ArrayLike<number>): Tensor =>
        tensor(Float32Array.from({ length: 2 * n }, (_, j) => values[2 * picked[j >> 1] + j % 2]), { device, dtype: "f32", shape: [n, 2] });
      return { x0: take(to), eps: take(from) };
    };
    const second = rawDenoiser(await trained({ process, prediction, device, seed: 2, batch }), prediction);
    const [[before], [after, end]] = [await oneStep(first), await oneStep(second)];
    expect(after).to.be.below(before / 8);                                      // measured: 0.62 and 0.05
    await expectMixture(await points(second, process));
    await expectMixture(end);
  });

  it("has a floor that an untrained network does not reach, and points that are not the noise's", async () => {
    const process = flowProcess({ times: uniformTimes }), training: Training = { process, prediction: "flow", device };
    const { loss, floor, noise } = await fitOf(await trained({ ...training, steps: 20 }), training, 512);
    expect(loss - floor).to.be.above(5 * noise);
    await expectMixture(drawPoints(4000, new Random(3), device));
  });
});
