import { expect } from "chai";
import { Grads, stateDict, toFileLayout, initialize, UNet } from "@fromnoise/nn";
import { openDevice, ones, Random, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import * as oneFile from "../docs/ddpm-in-one-file.js";
import { ancestral, denoiserOf, discreteProcess, lastOf, mseLoss, predictions, qSample, runSampler } from "../packages/diffusion/src/index.js";

const { CONFIG } = oneFile;
const SIDE = CONFIG.sample_size, BATCH = 2, SIZE = BATCH * SIDE * SIDE, T = 20;

/** Largest difference relative to the largest value of b. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).to.equal(b.length);
  let worst = 0, largest = 1e-12;
  for (let i = 0; i < b.length; i++) {
    worst = Math.max(worst, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
  }
  return worst / largest;
}

describe("DDPM in one file, against the packages", () => {
  let device: Device, unet: UNet, net: oneFile.UNet;
  const noise = new Random(3), x0 = noise.normal(SIZE), eps = noise.normal(SIZE), t = [3, 17];
  const mine = (data: Float64Array): oneFile.Tensor => oneFile.tensor(BATCH, SIDE, SIDE, 1, Float64Array.from(data));
  const ours = (data: Float64Array): Tensor => tensor(data, { device, dtype: "f64", shape: [BATCH, SIDE, SIDE, 1] });
  const process = discreteProcess({ name: "linear", timesteps: T });
  const levels = t.map((step) => process.at(step));

  before(async () => {
    device = await openDevice("reference");
    net = new oneFile.UNet(CONFIG, 5);
    unet = initialize(new UNet({ ...CONFIG }), { device, dtype: "f64", seed: 0 });
    for (const p of unet.parameters) p.tensor = tensor(net.params.get(p.name)!.value, { device, dtype: "f64", shape: p.shape });
  });

  it("has the same parameters", async () => {
    expect([...net.params.keys()].sort()).to.deep.equal([...(await stateDict(unet)).keys()].sort());
  });

  it("mixes the same x_t, and gets the same prediction, loss and gradient of every parameter", async () => {
    const single = oneFile.linearSchedule(T);
    const xT = qSample(ours(x0), levels, ours(eps));
    expect(difference(oneFile.qSample(single, mine(x0), t, mine(eps)).data, await xT.data())).to.be.below(1e-12);

    const { y, back } = net.forward(oneFile.qSample(single, mine(x0), t, mine(eps)), t);
    const { loss: simple, dEpsTheta } = oneFile.lossSimple(y, mine(eps));
    for (const { grad } of net.params.values()) grad.fill(0);
    back(dEpsTheta);

    const [prediction, cache] = unet.forward(xT, t);
    const grads = new Grads(device);
    const loss = mseLoss({ prediction: predictions.eps });
    const terms = { x0: ours(x0), eps: ours(eps), xt: xT, levels };
    unet.backward(loss.backward(ones([], { device, dtype: "f64" }), prediction, terms), cache, grads);
    expect(difference(y.data, await prediction.data())).to.be.below(1e-10);
    expect(simple).to.be.closeTo(await loss.forward(prediction, terms).loss.item(), 1e-10);
    const norms = [];
    for (const p of unet.parameters) norms.push(Math.hypot(...toFileLayout(p, await grads.get(p)!.data())));
    const floor = 1e-4 * Math.max(...norms);                                 // some gradients are zero but for rounding
    for (const [i, p] of unet.parameters.entries()) {
      const expected = Float64Array.from(await grads.get(p)!.data()), found = net.params.get(p.name)!.grad;
      const worst = expected.reduce((most, value, j) => Math.max(most, Math.abs(value - found[j])), 0);
      expect(worst / Math.max(norms[i], floor), p.name).to.be.below(1e-9);
    }
  });

  it("draws the same samples from the same noise", async () => {
    const draws = Array.from({ length: T }, () => noise.normal(SIZE));
    const single = oneFile.sample((x, s) => net.forward(x, [s, s]).y, oneFile.linearSchedule(T), mine(x0), (s) => mine(draws[s]));
    const model = { network: unet, process, prediction: predictions.eps, clipX0: true, variance: "fixed-small" } as const;
    const sample = await lastOf(runSampler(ancestral, {
      denoise: denoiserOf(model), process, shape: [BATCH, SIDE, SIDE, 1], device, dtype: "f64", start: ours(x0),
      noise: (draw) => ours(draws[T - draw]),                              // the first is for the step from T - 1
    }));
    expect(difference(single.data, await sample.data())).to.be.below(1e-9);
  });
});
