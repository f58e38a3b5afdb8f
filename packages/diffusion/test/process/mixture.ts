/** A mixture of Gaussians in the plane, whose best denoiser is known, small networks trained on it, and how far from the best they are. */
import { Random, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { Adam, cosineLr, Grads, initialize, Mlp, type Network } from "@fromnoise/nn";
import {
  convertPrediction, exactDenoiser, mseLoss, qSample, randomDraws, rawDenoiser, trainingStep,
  type Draws, type NoiseLevel, type Prediction, type PredictionName, type Process,
} from "../../src/index.js";

export const mixture = { weights: [0.3, 0.7], means: [[-0.8, 0.4], [0.5, 0]], sd: 0.2 };
/** Means and variances of its two coordinates, from weights, means and sd. */
export const MEAN = [0.11, 0.12], VARIANCE = [0.21 * 1.3 ** 2 + 0.04, 0.21 * 0.4 ** 2 + 0.04];

/** n points of the mixture, [n, 2]. */
export function drawPoints(n: number, random: Random, device: Device): Tensor {
  const [pick, z] = [random.uniform(n), random.normal(2 * n)];
  const values = z.map((value, j) => mixture.means[pick[j >> 1] < mixture.weights[0] ? 0 : 1][j % 2] + mixture.sd * value);
  return tensor(values, { device, dtype: "f32", shape: [n, 2] });
}

export interface Training {
  process: Process;
  prediction: Prediction | PredictionName;
  device: Device;
  steps?: number;
  seed?: number;
  /** Batches and their noise; default points of the mixture and plain noise. */
  batch?: (n: number) => { x0: Tensor; eps?: Tensor };
}

/** A network of two hidden layers after some steps of Adam on 256 points each; the caller disposes its parameters with the device. */
export async function trained({ process, prediction, device, steps = 1500, seed = 1, batch }: Training): Promise<Network> {
  const network = initialize(new Mlp({ size: 2, hidden: [64, 64] }), { device, dtype: "f32", seed });
  const loss = mseLoss({ prediction });
  const random = new Random(seed, 5), adam = new Adam(network), rate = cosineLr(5e-3, { totalSteps: steps });
  const plain = randomDraws({ levels: new Random(seed, 1), noise: new Random(seed, 2) });
  for (let step = 0; step < steps; step++) {
    const grads = new Grads(device);
    const made = device.scope(() => {
      const { x0, eps } = batch?.(256) ?? { x0: drawPoints(256, random, device) };
      const draws: Draws = eps === undefined ? plain : { ...plain, noise: () => eps };
      return trainingStep({ network, process, loss, draws }, { x0 }, grads);
    });
    adam.step(grads, { lr: rate(step) });
    grads.clear();
    made.loss.dispose();
    made.perImage.dispose();
    if (step % 50 === 0) await device.sync();
  }
  adam.dispose();
  return network;
}

export interface Fit {
  /** Mean loss of the network, and of the best there is, on the same points. */
  loss: number;
  floor: number;
  /** Standard error of that floor. */
  noise: number;
}

/** Points at one level in `fitOf`: a network takes them in one call. */
const TOGETHER = 16;

/** How near a network is to the best, on n points, 16 at each level of its process's own draws. */
export async function fitOf(network: Network, { process, prediction, device }: Training, n = 4096): Promise<Fit> {
  const x0 = drawPoints(n, new Random(77), device), z = new Random(78).normal(2 * n);
  const eps = tensor(z, { device, dtype: "f32", shape: [n, 2] });
  const levels = process.draw(n / TOGETHER, new Random(79)).flatMap((level) => new Array<NoiseLevel>(TOGETHER).fill(level));
  const xt = qSample(x0, levels, eps);
  const loss = mseLoss({ prediction });
  const errors = async (said: (level: NoiseLevel, x: Tensor) => Tensor): Promise<number[]> => {
    const output = new Float64Array(2 * n), values = await xt.data();
    for (let i = 0; i < n; i += TOGETHER) {
      const some = device.scope(() => said(levels[i], tensor(values.slice(2 * i, 2 * (i + TOGETHER)), { device, dtype: "f32", shape: [TOGETHER, 2] })));
      output.set(await some.data(), 2 * i);
      some.dispose();
    }
    return Array.from(await loss.forward(tensor(output, { device, dtype: "f32", shape: [n, 2] }), { x0, eps, xt, levels }).perImage.data());
  };
  const asPrediction = (at: NoiseLevel, x: Tensor, guess: Tensor): Tensor => convertPrediction(guess, x, at, "x0", prediction);
  const denoise = rawDenoiser(network, prediction), exact = exactDenoiser(mixture);
  const [ours, best] = [await errors((at, x) => asPrediction(at, x, denoise(x, at).x0)), await errors((at, x) => asPrediction(at, x, exact(x, at).x0))];
  const mean = (values: number[]): number => values.reduce((a, b) => a + b) / n;
  const floor = mean(best);
  return { loss: mean(ours), floor, noise: Math.sqrt(mean(best.map((e) => (e - floor) ** 2)) / n) };
}
