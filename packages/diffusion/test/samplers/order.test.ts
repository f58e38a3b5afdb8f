/** How fast the solvers of the probability-flow equation converge, on a mixture whose score is known. */
import { expect } from "chai";
import { openDevice, tensor, type Device } from "@fromnoise/tensor";
import { ddim, ddimHeun, discreteProcess, dpm2m, dpm2mSde, euler, exactDenoiser, heun, lastOf, runSampler, type NoiseLevel, type Sampler } from "../../src/index.js";

/** The level of a process in continuous time, alpha^2 + sigma^2 = 1, where sigma / alpha is s. */
const levelAt = (s: number): NoiseLevel => ({ time: s, alpha: 1 / Math.hypot(1, s), sigma: s / Math.hypot(1, s) });
/** n steps from much noise to little, even in ln s. */
const pathOf = (n: number, from = 4, to = 0.1): NoiseLevel[] => Array.from({ length: n + 1 }, (_, i) => levelAt(from * (to / from) ** (i / n)));

describe("the order of a solver", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());
  const process = discreteProcess({ name: "cosine", timesteps: 10 });                        // of which nothing is used but its presence
  const denoise = exactDenoiser({ weights: [0.3, 0.7], means: [[-1, 0.5], [0.8, -0.2]], sd: 0.3 });
  const values = [[-1.4, 0.3], [0.2, 1.1], [0.9, -0.7], [2, 0.1]];

  async function endOf(sampler: Sampler<object, unknown>, n: number, options: object = {}): Promise<ArrayLike<number>> {
    const start = tensor(values, { device, dtype: "f64" });
    const sample = await lastOf(runSampler(sampler, { denoise, process, options, path: pathOf(n), shape: [4, 2], device, dtype: "f64", start }));
    const end = await sample.data();
    sample.dispose();
    start.dispose();
    return end;
  }
  const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.hypot(...Array.from(a, (v, i) => v - b[i]));

  const solvers: [sampler: Sampler<object, unknown>, order: number, options?: object][] = [
    [euler, 1], [ddim, 1], [heun, 2], [ddimHeun, 2], [dpm2m, 2], [dpm2mSde, 2, { eta: 0 }],
  ];
  for (const [sampler, order, options] of solvers) {
    it(`is ${order} for ${sampler.name}: the error falls by ${2 ** order} with each of four halvings`, async () => {
      const exact = await endOf(heun, 8192);
      const errors: number[] = [];
      for (const n of [32, 64, 128, 256, 512]) errors.push(distance(await endOf(sampler, n, options), exact));
      const slopes = errors.slice(1).map((error, i) => Math.log2(errors[i] / error));
      const fitted = Math.log2(errors[0] / errors[4]) / 4;
      expect(fitted, slopes.map((slope) => slope.toFixed(2)).join(" ")).to.be.closeTo(order, 0.15);
      for (const slope of slopes) expect(slope, slopes.map((s) => s.toFixed(2)).join(" ")).to.be.closeTo(order, 0.15);
    });
  }

  it("is that of DPM-Solver++(2M) in its stochastic form without noise, step for step", async () => {
    expect(distance(await endOf(dpm2mSde, 32, { eta: 0 }), await endOf(dpm2m, 32))).to.be.below(1e-12);
  });
});
