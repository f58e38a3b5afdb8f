/** The preset lucidrains against training and sampling steps of the program itself; golden/lucidrains_steps.py made the numbers. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { openDevice, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import {
  Adam, Grads, LucidrainsUNet, clipCoefficient, describe as tensorsOf, globalNorm, goldenFill, initialize, loadGoldenParameters,
  relativeMax, toChannelsFirst, toChannelsLast, type FillCoefficients,
} from "@fromnoise/nn";
import { denoiserOf } from "../../src/denoisers/denoiser.js";
import { lossWeight } from "../../src/losses/weighting.js";
import { processOf } from "../../src/process/named.js";
import { CLEAN } from "../../src/process/level.js";
import { ancestral } from "../../src/samplers/index.js";
import { lastOf, runSampler } from "../../src/samplers/run.js";
import { lrSchedule, trainConfig } from "../../src/train/config.js";
import { lossOf } from "../../src/train/loss-of.js";
import { recipes } from "../../src/train/recipes.js";
import { trainingStep } from "../../src/train/training-step.js";

interface Steps {
  fill: FillCoefficients; config: Record<string, unknown>; batch: number; steps: { loss: number; grad_norm: number }[];
  samples: { t: number; output: number[] }[]; loss_weight: Record<string, number>; final_l2: Record<string, number>;
}
const golden = JSON.parse(readFileSync(new URL("../golden/lucidrains_steps.json", import.meta.url), "utf8")) as Steps;
const { batch, fill } = golden;
const torchShape = [batch, 2, 8, 8], shape = [batch, 8, 8, 2], size = batch * 128;

describe("the preset lucidrains against the program", () => {
  const config = trainConfig(recipes.find(({ name }) => name === "lucidrains")!.config);
  const process = processOf(config.schedule);
  const loss = lossOf(config, process);
  let device: Device;
  let network: LucidrainsUNet;
  beforeEach(async () => {
    device = await openDevice("reference");
    network = initialize(new LucidrainsUNet({ era: "1.8", ...golden.config }), { device, dtype: "f64", seed: 0 });
    loadGoldenParameters(network, Object.keys(golden.final_l2), fill);
  });
  afterEach(() => device.dispose());
  const upload = (values: Float64Array): Tensor => tensor(toChannelsLast(values, torchShape), { device, dtype: "f64", shape });
  const relative = (a: number, b: number): number => Math.abs(a - b) / Math.abs(b);

  it("weighs losses as it does", () => {
    for (const [t, weight] of Object.entries(golden.loss_weight)) {
      expect(relative(lossWeight(process.levels![Number(t)], config.prediction, config.weighting), weight), t).to.be.below(1e-9);
    }
  });

  it("takes its steps: loss, norm of the gradient, and every parameter after four", async () => {
    const { lr, betas: [beta1, beta2], eps, weightDecay } = config.optimizer;
    const adam = new Adam(network, { lr, beta1, beta2, eps, weightDecay });
    const rate = lrSchedule(config);
    const grads = new Grads(device);
    for (const [s, wanted] of golden.steps.entries()) {
      const x0 = goldenFill(fill, size, 300 + s, 1.5, 0).map(Math.tanh), noise = goldenFill(fill, size, 600 + s, 3, 0);
      const levels = Array.from({ length: batch }, (_, i) => process.levels![(37 * s + 251 * i) % 1000]);
      const made = device.scope(() => ({
        ...trainingStep({ network, process, loss, draws: { levels: () => levels, noise: () => upload(noise) } }, { x0: upload(x0) }, grads),
        norm: globalNorm(grads),
      }));
      const norm = await made.norm.item();
      expect(relative(await made.loss.item(), wanted.loss), `loss of step ${s}`).to.be.below(1e-9);
      expect(relative(norm, wanted.grad_norm), `norm of step ${s}`).to.be.below(1e-9);
      adam.step(grads, { lr: rate(s), gradScale: clipCoefficient(norm, config.gradClip) });
      grads.clear();
    }
    expect(golden.steps.some(({ grad_norm: norm }) => norm > config.gradClip), "clipping bites").to.equal(true);
    for (const { name, tensor: values } of network.parameters) {
      const l2 = Math.hypot(...await values.data());
      expect(relative(l2, golden.final_l2[name]), name).to.be.below(1e-9);
    }
    expect(tensorsOf(network).map(({ name }) => name)).to.deep.equal(Object.keys(golden.final_l2));
  });

  it("takes its sampling steps: p_sample from the first level to the last", async () => {
    const { variance, clipX0 } = config.sampling;
    const denoise = denoiserOf({ network, process, prediction: config.prediction, variance, clipX0 });
    const [x, z] = [20, 21].map((k) => goldenFill(fill, size, k, 1, 0));
    for (const { t, output } of golden.samples) {
      const path = [process.levels![t], t === 0 ? CLEAN : process.levels![t - 1]];
      const start = upload(x);
      const y = await lastOf(runSampler(ancestral, { denoise, process, shape, device, dtype: "f64", start, path, variance, noise: () => upload(z) }));
      expect(relativeMax(toChannelsFirst(await y.data(), shape), output), `t = ${t}`).to.be.below(1e-9);
      for (const used of [start, y]) used.dispose();
    }
  });
});
