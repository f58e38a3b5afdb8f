/** Guidance without a classifier: against closed forms, and with a small network that was trained for it. */
import { expect } from "chai";
import { ConfigError, openDevice, Random, randomNormal, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { initialize, Mlp } from "@fromnoise/nn";
import {
  arrayDataset, ddim, denoiserOf, discreteProcess, exactDenoiser, guided, guidanceOf, lastOf, logSnr, runSampler, sampleImages, seededNoise,
  trainConfig, Trainer, type Denoiser, type Guidance, type NoiseLevel,
} from "../src/index.js";

const process = discreteProcess({ name: "cosine", timesteps: 50 });
const gaussian = (mean: readonly number[]): Denoiser => exactDenoiser({ weights: [1], means: [mean], sd: 0.5 });

describe("guidance", () => {
  let device: Device;
  let xt: Tensor;
  beforeEach(async () => {
    device = await openDevice("reference");
    xt = randomNormal([6, 3], new Random(1), { device, dtype: "f64" });
  });
  afterEach(() => device.dispose());
  const read = async (t: Tensor): Promise<number[]> => Array.from(await t.data());
  const close = (a: readonly number[], b: readonly number[]): void =>
    a.forEach((v, i) => expect(v).to.be.closeTo(b[i], 1e-12 * Math.max(1, Math.abs(b[i]))));
  const levels = [0, 20, 49].map((t) => process.at(t));
  const known = gaussian([1, 0, -2]), free = gaussian([0, 0.5, 1]);

  it("of two Gaussians of one variance is a Gaussian again, its mean beyond the class's", async () => {
    for (const w of [-1, 0, 1, 2.5]) {
      const shifted = gaussian([w, 0.5 - 0.5 * w, 1 - 3 * w]);
      for (const at of levels) {
        const [found, wanted] = [guided(known, free, w)(xt, at), shifted(xt, at)];
        for (const key of ["x0", "eps", "rawX0"] as const) close(await read(found[key]), await read(wanted[key]));
      }
    }
    const samples = await lastOf(runSampler(ddim, {
      denoise: guided(known, free, 2), process, shape: [4000, 3], device, dtype: "f64", noise: seededNoise(5),
    }));
    const values = await read(samples);
    [2, -0.5, -5].forEach((mean, j) => {
      const found = values.filter((_, i) => i % 3 === j).reduce((a, b) => a + b, 0) / 4000;
      expect(found).to.be.closeTo(mean, 5 * 0.5 / Math.sqrt(4000) + 0.01 * Math.abs(mean));
    });
  });

  it("of a class in a mixture is eps_null + w (eps_class - eps_null)", async () => {
    const mixture = exactDenoiser({ weights: [0.5, 0.5], means: [[1, 0, -2], [-1, 0, 2]], sd: 0.5 });
    const [a, b] = [known(xt, levels[1]), mixture(xt, levels[1])];
    const found = guided(known, mixture, 3)(xt, levels[1]);
    const [ea, eb] = [await read(a.eps), await read(b.eps)];
    close(await read(found.eps), eb.map((e, i) => e + 3 * (ea[i] - e)));
    const [x0, eps, x] = [await read(found.x0), await read(found.eps), await read(xt)];
    close(x0.map((v, i) => levels[1].alpha * v + levels[1].sigma * eps[i]), x);
  });

  it("stays within its interval, and asks for nothing outside of it nor at scale 1", async () => {
    let asked: NoiseLevel[] = [];
    const counted: Denoiser = (x, at) => {
      asked.push(at);
      return free(x, at);
    };
    const interval: [number, number] = [logSnr(levels[1]), logSnr(levels[1]) + 1];
    const some = guided(known, counted, { scale: 2, interval });
    for (const at of levels) {
      const wanted = at === levels[1] ? guided(known, free, 2)(xt, at) : known(xt, at);
      expect(await read(some(xt, at).eps)).to.deep.equal(await read(wanted.eps));
    }
    expect(asked).to.deep.equal([levels[1]]);
    asked = [];
    guided(known, counted, 1)(xt, levels[0]);
    expect(asked).to.deep.equal([]);
  });

  it("rescaled gives images the spread that the class alone gives them, in part or whole", async () => {
    const sd = (values: readonly number[]): number[] => Array.from({ length: 6 }, (_, n) => {
      const row = values.slice(3 * n, 3 * n + 3), mean = (row[0] + row[1] + row[2]) / 3;
      return Math.sqrt(row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 3);
    });
    const at = levels[1];
    const plain = await read(guided(known, free, 4)(xt, at).x0), alone = sd(await read(known(xt, at).x0));
    for (const rescale of [0.7, 1]) {
      const found = guided(known, free, { scale: 4, rescale })(xt, at);
      const [x0, eps, x] = [await read(found.x0), await read(found.eps), await read(xt)];
      close(x0, plain.map((v, i) => v * (rescale * alone[Math.floor(i / 3)] / sd(plain)[Math.floor(i / 3)] + 1 - rescale)));
      close(x0.map((v, i) => at.alpha * v + at.sigma * eps[i]), x);
      if (rescale === 1) close(sd(x0), alone);
    }
  });

  it("keeps the variance of the conditional denoiser, tells both the last guess, and leaves nothing behind", () => {
    const range = tensor(0.5, { device, dtype: "f64" });
    const told: (Tensor | undefined)[] = [];
    const withVariance = (denoise: Denoiser, variance: { range: Tensor }): Denoiser => (x, at, previousX0) => {
      told.push(previousX0);
      return { ...denoise(x, at), variance };
    };
    const denoise = guided(withVariance(known, { range }), withVariance(free, { range: xt }), 2);
    const before = device.memory().tensors;
    const { variance, x0, eps, rawX0 } = denoise(xt, levels[1], xt);
    expect(variance).to.deep.equal({ range });
    expect(told).to.deep.equal([xt, xt]);
    expect(rawX0).to.equal(x0);
    expect(device.memory().tensors - before).to.equal(2);
    for (const t of [x0, eps]) t.dispose();
  });

  it("is for networks with a null class, and comes before clipping", async () => {
    const model = (network: Mlp): Parameters<typeof denoiserOf>[0] =>
      ({ network: initialize(network, { device, dtype: "f64", seed: 1 }), process, prediction: "v" });
    const refusal = (network: Mlp): unknown => {
      try {
        denoiserOf(model(network), { labels: [0] }, 2);
        return "taken";
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refusal(new Mlp({ size: 3, hidden: [8], classes: 2 }))).to.equal(
      "guidance is for networks with a null class\n  network  mlp, 2 classes\n  hint     fromnoise train --classes --label-drop 0.1 trains one");
    expect(refusal(new Mlp({ size: 3, hidden: [8] }))).to.match(/network {2}mlp, no classes/);
    const ours = model(new Mlp({ size: 3, hidden: [8], classes: 2, nullClass: true }));
    const labels = [0, 1, 0, 1, 0, 1];
    const open = denoiserOf({ ...ours, clipX0: false }, { labels }, 5)(xt, levels[2]);
    const closed = denoiserOf(ours, { labels }, 5)(xt, levels[2]);
    expect(Math.max(...(await read(open.x0)).map(Math.abs))).to.be.above(1);
    expect(await read(closed.x0)).to.deep.equal((await read(open.x0)).map((v) => Math.min(1, Math.max(-1, v))));
    const refused: [Guidance, string][] = [
      [NaN, "scale: NaN is not allowed"], [{ scale: 2, rescale: 2 }, "rescale: 2 is not allowed"],
      [{ scale: 2, interval: [1, 0] }, "guidance: the interval 1, 0 holds no level"],
      [{ scale: 2, fi: 1 } as unknown as Guidance, "guidance: there is no field fi"],
    ];
    for (const [given, message] of refused) expect(() => guidanceOf(given)).to.throw(ConfigError, message);
  });

  it("moves samples of a trained network on, away from the other class, and without it leaves them where the class is", async () => {
    const random = new Random(3);
    const labels = Array.from({ length: 2000 }, (_, i) => i % 2);
    const points = Array.from(random.normal(2000), (z, i) => [(labels[i] === 0 ? -0.5 : 0.5) + 0.5 * z]);
    const config = trainConfig({
      model: { kind: "mlp", config: { size: 1, hidden: [32, 32], classes: 2, nullClass: true } }, labelDrop: 0.2, prediction: "v",
      device: "reference", dtype: "f64", batch: 64, optimizer: { lr: 5e-3 }, schedule: { name: "cosine", timesteps: 50 }, steps: 400, lrSchedule: { name: "cosine" },
    });
    const trainer = new Trainer(config, device, arrayDataset({ shape: [1], values: points, labels }));
    for (let i = 0; i < config.steps; i++) await trainer.trainStep();
    const mean = async (guidance: Guidance | undefined, label: number): Promise<number> => {
      const { images } = await sampleImages({
        model: trainer.model, device, count: 400, batch: 400, labels: new Array<number>(400).fill(label), options: { steps: 25 },
        clipX0: false, guidance,
      });
      return Array.from(images.data).reduce((a, b) => a + b, 0) / 400;
    };
    const plain = [await mean(undefined, 0), await mean(undefined, 1)];
    const beyond = [await mean(3, 0), await mean(3, 1)];
    expect(plain[0]).to.be.closeTo(-0.5, 0.15);
    expect(plain[1]).to.be.closeTo(0.5, 0.15);
    expect(beyond[0]).to.be.below(plain[0] - 0.15);
    expect(beyond[1]).to.be.above(plain[1] + 0.15);
    expect(await mean(1, 1)).to.equal(plain[1]);
    trainer.dispose();
  }).timeout(60000);
});
