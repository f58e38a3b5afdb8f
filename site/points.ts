/** Points on a spiral, learnt by a network of a few dense layers that sees a point and its time. */
import { Random, tensor, type Device } from "@fromnoise/tensor";
import { Adam, cosineLr, disposeParameters, Grads, initialize, Mlp } from "@fromnoise/nn";
import {
  ddim, discreteProcess, mseLoss, randomDraws, sampleImages, trainingStep, type DiffusionModel,
} from "@fromnoise/diffusion";
import type { Demo } from "./demo.js";
import { drawPoints } from "./draw.js";

/** n points x, y of a spiral of one and a half turns within the circle of radius 2, a little blurred. */
function spiral(n: number, random: Random): Float64Array {
  const along = random.uniform(n);
  const blur = random.normal(2 * n);
  return Float64Array.from({ length: 2 * n }, (_, k) => {
    const radius = 0.3 + 1.7 * Math.sqrt(along[k >> 1]);
    const angle = 1.5 * Math.PI * radius;
    return radius * (k % 2 === 0 ? Math.cos(angle) : Math.sin(angle)) + 0.04 * blur[k];
  });
}

const BATCH = 512;
const SAMPLER_STEPS = 50;
/** Points in a picture. */
const COUNT = 1000;

/** The demo for a run of so many steps, over which the learning rate falls. */
export function pointsDemo(device: Device, steps: number): Demo {
  const options = { device, dtype: "f32" } as const;
  const process = discreteProcess({ name: "linear", timesteps: 100, betaStart: 1e-3, betaEnd: 0.1 });
  const network = initialize(new Mlp({ size: 2, hidden: [96, 96, 96] }), { ...options, seed: 1 });
  const model: DiffusionModel = { network, process, prediction: "eps", clipX0: false };
  const loss = mseLoss(model);
  const draws = randomDraws({ levels: new Random(2, 1), noise: new Random(2, 2) });
  const learningRate = cosineLr(4e-3, { totalSteps: steps });
  const adam = new Adam(network);
  let done = 0;
  const random = new Random(2);
  const given = spiral(COUNT, new Random(3));
  return {
    caption: "Points drawn by the network (blue) and the spiral it learns from (gray)",
    showEvery: 250,
    async step() {
      const grads = new Grads(device);
      const made = device.scope(() => {
        const x0 = tensor(spiral(BATCH, random), { ...options, shape: [BATCH, 2] });
        return trainingStep({ network, process, loss, draws }, { x0 }, grads);
      });
      adam.step(grads, { lr: learningRate(done++) });
      grads.clear();
      made.perImage.dispose();
      const value = await made.loss.item();
      made.loss.dispose();
      return value;
    },
    async show() {
      const { images } = await sampleImages({ model, device, count: COUNT, batch: COUNT, seed: 4, sampler: ddim, options: { steps: SAMPLER_STEPS } });
      return drawPoints(given, images.data);
    },
    dispose() {
      disposeParameters(network);
      adam.dispose();
    },
  };
}
