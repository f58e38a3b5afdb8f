/** Inpainting on a Gaussian of two correlated values, of which one is known: every step is linear, so the chain has a closed form. */
import { expect } from "chai";
import { add, matmul, openDevice, ShapeError, tensor, type Device } from "@fromnoise/tensor";
import {
  CLEAN, discreteProcess, isClean, lastOf, noiseToSignal, posterior, repaint, repaintPath, runSampler, seededNoise,
  type Denoiser, type NoiseLevel,
} from "../../src/index.js";
import { thrown } from "../thrown.js";

const RHO = 0.8, KNOWN = 1.5, SAMPLES = 8000;
type Matrix = readonly [readonly [number, number], readonly [number, number]];

/** E[x0 | x_t] = alpha S (alpha^2 S + sigma^2 I)^-1 x_t for x0 ~ N(0, S), S = [1 rho; rho 1]: a symmetric matrix. */
function guess({ alpha, sigma }: NoiseLevel): Matrix {
  const d = alpha ** 2 + sigma ** 2, o = alpha ** 2 * RHO, det = d * d - o * o;
  const a = alpha * (d - RHO * o) / det, b = alpha * (RHO * d - o) / det;
  return [[a, b], [b, a]];
}

/** Mean and variance of the second value at the end of the path, from x ~ N(0, I): by recursion over the linear steps. */
function chain(path: readonly NoiseLevel[]): { mean: number; variance: number } {
  let m = [0, 0], c = [[1, 0], [0, 1]];
  for (let i = 0; i + 1 < path.length; i++) {
    const at = path[i], to = path[i + 1];
    if (noiseToSignal(to) > noiseToSignal(at)) {
      const a = to.alpha / at.alpha, added = to.sigma ** 2 - (a * at.sigma) ** 2;
      m = m.map((v) => a * v);
      c = [[a * a * c[0][0] + added, a * a * c[0][1]], [a * a * c[1][0], a * a * c[1][1] + added]];
      continue;
    }
    const q = posterior(at, to), [, [g0, g1]] = guess(at);
    const r = [q.x0 * g0, q.x0 * g1 + q.xt];                                          // the second row of x0 -> mean
    const mean = r[0] * m[0] + r[1] * m[1];
    const variance = r[0] * r[0] * c[0][0] + 2 * r[0] * r[1] * c[0][1] + r[1] * r[1] * c[1][1] + (isClean(to) ? 0 : q.small);
    m = [to.alpha * KNOWN, mean];
    c = [[to.sigma ** 2, 0], [0, variance]];
  }
  return { mean: m[1], variance: c[1][1] };
}

describe("RePaint", () => {
  let device: Device;
  before(async () => (device = await openDevice("reference")));
  after(() => device.dispose());
  const process = discreteProcess({ name: "cosine", timesteps: 100 });
  const denoise: Denoiser = (xt, at) => {
    const m = tensor(guess(at).map((row) => [...row]), { device, dtype: "f64" });
    const x0 = matmul(xt, m);
    return { x0, eps: add(xt, matmul(x0, tensor([[-at.alpha, 0], [0, -at.alpha]], { device, dtype: "f64" }))), rawX0: x0 };
  };
  const pathOf = (options: { steps: number; jump: number; resamplings: number }): readonly NoiseLevel[] =>
    repaint({ x0: tensor([[0]], { device }), mask: tensor([[0]], { device }) }).path(process, { spacing: "trailing", variance: undefined, ...options });

  it("goes down and climbs as its authors' schedule does, and ends clean", () => {
    const levels = Array.from({ length: 6 }, (_, k) => process.at(10 * k));
    const visits = (jump: number, resamplings: number): (number | undefined)[] =>
      repaintPath([...[...levels].reverse(), CLEAN], jump, resamplings).map(({ index }) => index === undefined ? undefined : index / 10);
    expect(visits(2, 1)).to.deep.equal([5, 4, 3, 2, 1, 0, undefined]);
    expect(visits(2, 2)).to.deep.equal([5, 4, 3, 2, 3, 4, 3, 2, 1, 0, 1, 2, 1, 0, undefined]);
    expect(visits(3, 3)).to.deep.equal([5, 4, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, undefined]);
    expect(visits(1, 2).filter((k) => k === 5)).to.have.length(2);
    const path = pathOf({ steps: 100, jump: 10, resamplings: 10 });
    expect(path).to.have.length(100 + 9 * 9 * 20 + 1);
    expect(path.slice(0, -1).map((level) => level.time)).to.deep.equal(path.slice(0, -1).map((level) => level.index));    // told where it is
  });

  for (const options of [{ steps: 100, jump: 10, resamplings: 1 }, { steps: 20, jump: 2, resamplings: 4 }, { steps: 50, jump: 5, resamplings: 3 }]) {
    it(`draws the moments of its chain of linear steps: ${JSON.stringify(options)}`, async () => {
      const known = tensor(Array.from({ length: SAMPLES }, () => [KNOWN, -99]), { device, dtype: "f64" });
      const mask = tensor(Array.from({ length: SAMPLES }, () => [1, 0]), { device, dtype: "f64" });
      const before = device.memory().tensors;
      const sample = await lastOf(runSampler(repaint({ x0: known, mask }), {
        denoise, process, options: { ...options, variance: "fixed-small" }, shape: [SAMPLES, 2], device, dtype: "f64", noise: seededNoise(2),
      }));
      expect(device.memory().tensors).to.equal(before + 1);
      const values = await sample.data();
      for (const t of [sample, known, mask]) t.dispose();
      const second = Array.from({ length: SAMPLES }, (_, i) => values[2 * i + 1]);
      expect(Array.from({ length: SAMPLES }, (_, i) => values[2 * i]).every((value) => value === KNOWN)).to.equal(true);
      const expected = chain(pathOf(options));
      const mean = second.reduce((a, b) => a + b) / SAMPLES;
      const variance = second.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (SAMPLES - 1);
      expect(Math.abs(mean - expected.mean)).to.be.below(3 * Math.sqrt(expected.variance / SAMPLES));
      expect(Math.abs(variance - expected.variance)).to.be.below(3 * expected.variance * Math.sqrt(2 / (SAMPLES - 1)));
    });
  }

  it("is the nearer to the true conditional the more often it resamples", () => {
    const biases = [1, 2, 4, 8, 16, 32].map((resamplings) => {                      // as distances of Wasserstein between two Gaussians
      const { mean, variance } = chain(pathOf({ steps: 100, jump: 10, resamplings }));
      return Math.hypot(mean - RHO * KNOWN, Math.sqrt(variance) - Math.sqrt(1 - RHO ** 2));
    });
    for (let i = 1; i < biases.length; i++) expect(biases[i], JSON.stringify(biases)).to.be.below(biases[i - 1]);
    expect(biases.at(-1)).to.be.below(0.1 * biases[0]);
  });

  it("takes what is known in the shape of the samples only", async () => {
    const run = (x0: number[][], mask: number[][]): Promise<unknown> => lastOf(runSampler(
      repaint({ x0: tensor(x0, { device, dtype: "f64" }), mask: tensor(mask, { device, dtype: "f64" }) }),
      { denoise, process, options: { steps: 4 }, shape: [2, 2], device, dtype: "f64" },
    ));
    expect((await thrown(ShapeError, run([[1, 2]], [[1, 0]]))).summary).to.equal("repaint: samples and x0 differ in shape");
    expect((await thrown(ShapeError, run([[1, 2], [1, 2]], [[1, 0]]))).summary).to.equal("repaint: samples and mask differ in shape");
  });
});
