/** The numbers of the figure "points": a network that learns points in the plane, taken apart arrow by arrow, and its loss by parts. */
import { clone, mean, mse, multiply, observe, openDevice, Random, randomNormal, subtract, tap, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import { Adam, disposeParameters, Grads, initialize, Mlp } from "@fromnoise/nn";
import {
  ddim, denoiserOf, discreteProcess, exactDenoiser, mseLoss, qSample, randomDraws, runSampler, trainingStep, type DiffusionModel,
} from "@fromnoise/diffusion";

export type Point = readonly [x: number, y: number];

/** Width of a point of the data: data is a mixture of Gaussians of this deviation, one at each centre. */
export const BLUR = 0.1;

const arc = (n: number, place: (u: number) => Point): Point[] => Array.from({ length: n }, (_, i) => place(i / (n - 1)));

/** Centres of the data that there are. */
export const CENTRES = {
  clusters: [[-1, 0], [0.8, 0.9], [0.8, -0.9]],
  moons: [
    ...arc(12, (u) => [1.2 * Math.cos(Math.PI * u) - 0.5, 1.2 * Math.sin(Math.PI * u) - 0.3]),
    ...arc(12, (u) => [-1.2 * Math.cos(Math.PI * u) + 0.5, -1.2 * Math.sin(Math.PI * u) + 0.3]),
  ],
  spiral: arc(28, (u) => {
    const radius = 0.25 + 1.35 * u, angle = 4.2 * Math.PI * Math.sqrt(u) * 0.8;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  }),
} as const satisfies Readonly<Record<string, readonly Point[]>>;

export type DataName = keyof typeof CENTRES | "own";

/** The parts of a step, in their order. */
export type Phase = "noise" | "forward" | "loss" | "backward" | "value" | "adam";

/** One arrow of a step: the kernels of one layer, or those between layers, and how large the numbers are that come out. */
export interface Arrow {
  readonly phase: Phase;
  /** The layer, "" outside of layers. */
  readonly layer: string;
  readonly kernels: readonly string[];
  /** Of the last kernel's output. */
  readonly shape: readonly number[];
  readonly rms: number;
}

/** The loss on fixed draws, and the parts that it is made of: loss = floor + distance + cross. */
export interface Parts { readonly loss: number; readonly floor: number; readonly distance: number; readonly cross: number }

const BATCH = 64, TESTED = [5, 15, 25, 35, 45, 55, 65, 75, 85, 95], DRAWN = 100;

/** A kernel as the tap saw it. */
interface Seen { readonly layer: string; readonly op: string; readonly out: Tensor | undefined }

export class PointTraining {
  readonly process = discreteProcess({ name: "scaled-linear", timesteps: 100 });
  /** Steps of training done. */
  steps = 0;
  private readonly network;
  private readonly adam: Adam;
  private readonly setup;
  private readonly random: Random;
  private readonly mixture;

  private constructor(private readonly device: Device, private readonly centres: readonly Point[]) {
    this.network = initialize(new Mlp({ size: 2, hidden: [32, 32], time: 16 }), { device, dtype: "f64", seed: 1 });
    this.adam = new Adam(this.network, { lr: 1e-2 });
    const draws = randomDraws({ levels: new Random(2, 1), noise: new Random(2, 2) });
    this.setup = { network: this.network, process: this.process, loss: mseLoss({ prediction: "eps" }), draws };
    this.random = new Random(2, 3);
    this.mixture = { weights: centres.map(() => 1 / centres.length), means: centres, sd: BLUR };
  }

  /** A network without training and data at these centres, on the reference device. */
  static async start(centres: readonly Point[]): Promise<PointTraining> {
    return new PointTraining(await openDevice("reference"), centres);
  }

  /** n points of the data as one array. */
  private data(n: number, random: Random): Tensor {
    const which = random.integers(n, this.centres.length), blur = random.normal(2 * n);
    const values = Float64Array.from(blur, (z, i) => this.centres[which[i >> 1]][i % 2] + BLUR * z);
    return tensor(values, { device: this.device, dtype: "f64", shape: [n, 2] });
  }

  /** One step of training, and its loss as Algorithm 1 sees it. */
  async step(): Promise<number> {
    const grads = new Grads(this.device);
    const { loss, perImage } = this.device.scope(() => trainingStep(this.setup, { x0: this.data(BATCH, this.random) }, grads));
    this.adam.step(grads);
    grads.clear();
    perImage.dispose();
    const value = await loss.item();
    loss.dispose();
    this.steps++;
    return value;
  }

  /** One step of training seen through a tap: its arrows, in the order in which they ran. */
  async tracedStep(): Promise<{ loss: number; arrows: Arrow[] }> {
    const seen: Seen[] = [];
    const watch = tap(({ kind, layer, op, tensor: t }) => {
      if (kind === "out") seen.push({ layer, op, out: this.device.keep(clone(t)) });
    });
    const grads = new Grads(this.device);
    const { result: { loss, perImage } } = observe(this.device, watch, () =>
      this.device.scope(() => trainingStep(this.setup, { x0: this.data(BATCH, this.random) }, grads)));
    const arrows = await arrowsOf(seen);
    const updated: Seen[] = [];
    observe(this.device, tap(({ kind, op }) => {
      if (kind === "out") updated.push({ layer: "all parameters", op, out: undefined });
    }), () => this.adam.step(grads));
    const rms = await this.runningGradient();
    arrows.push({ phase: "adam", layer: "all parameters", kernels: [...new Set(updated.map(({ op }) => op))], shape: [this.network.parameters.length], rms });
    grads.clear();
    perImage.dispose();
    const value = await loss.item();
    loss.dispose();
    this.steps++;
    return { loss: value, arrows };
  }

  /** Root mean square of Adam's first moments, its running mean of gradients. */
  private async runningGradient(): Promise<number> {
    let squares = 0, count = 0;
    for (const m of this.adam.m.values()) {
      for (const v of Array.from(await m.data())) squares += v * v;
      count += m.size;
    }
    return Math.sqrt(squares / count);
  }

  /** The loss by its parts on the same 1,000 draws every time; `breath` is awaited between levels. */
  async parts(breath: () => Promise<void> = async () => undefined): Promise<Parts> {
    const random = new Random(5), best = exactDenoiser(this.mixture);
    const sums = { loss: 0, floor: 0, distance: 0, cross: 0 };
    for (const t of TESTED) {
      const at = this.process.at(t);
      const made = this.device.scope(() => {
        const x0 = this.data(DRAWN, random), eps = randomNormal([DRAWN, 2], random, { device: this.device, dtype: "f64" });
        const xt = qSample(x0, at, eps), said = this.network.apply(xt, new Array<number>(DRAWN).fill(at.time)), star = best(xt, at).eps;
        const cross = multiply(mean(multiply(subtract(eps, star), subtract(star, said))), 2);
        return { loss: mse.forward(said, eps), floor: mse.forward(star, eps), distance: mse.forward(said, star), cross };
      });
      for (const name of ["loss", "floor", "distance", "cross"] as const) {
        sums[name] += (await made[name].item()) / TESTED.length;
        made[name].dispose();
      }
      await breath();
    }
    return sums;
  }

  /** Samples of the network as it is: DDIM in 20 steps. */
  async samples(count: number, breath: () => Promise<void> = async () => undefined): Promise<ArrayLike<number>> {
    const model: DiffusionModel = { network: this.network, process: this.process, prediction: "eps", clipX0: false };
    const run = runSampler(ddim, {
      denoise: denoiserOf(model), process: this.process, options: { steps: 20 }, shape: [count, 2], device: this.device, dtype: "f64",
    });
    let last: ArrayLike<number> = [];
    for await (const { next } of run) {
      last = await next.data();
      await breath();
    }
    return last;
  }

  async dispose(): Promise<void> {
    disposeParameters(this.network);
    this.adam.dispose();
    await this.device.dispose();
  }
}

/**
 * Kernels to arrows: neighbours of one layer are one. Before the first layer stands the noising, then layers forward; what runs outside of
 * layers after the last of them is the gradient of the loss, then layers backward, then the value of the loss.
 */
async function arrowsOf(seen: readonly Seen[]): Promise<Arrow[]> {
  const layers = seen.map(({ layer }) => layer), firstLayer = layers.findIndex((layer) => layer !== "");
  const last = layers.reduce((deepest, layer) => (layer.startsWith("body.") && layer > deepest ? layer : deepest), "");
  const forwardEnds = layers.findIndex((layer, i) => layer === last && layers[i + 1] === "");
  const backwardBegins = layers.findIndex((layer, i) => i > forwardEnds && layer !== "");
  const backwardEnds = layers.reduce((latest, layer, i) => (layer === "" ? latest : i), -1);
  const phaseOf = (i: number): Phase => {
    if (i < firstLayer) return "noise";
    if (i <= forwardEnds) return "forward";
    if (i < backwardBegins) return "loss";
    return i <= backwardEnds ? "backward" : "value";
  };
  const arrows: Arrow[] = [];
  for (const [i, { layer, op, out }] of seen.entries()) {
    const phase = phaseOf(i), values = Array.from(await out!.data());
    const rms = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length), before = arrows.at(-1);
    const shown = { phase, layer, shape: out!.shape, rms };
    if (before?.phase === phase && before.layer === layer) arrows[arrows.length - 1] = { ...shown, kernels: [...before.kernels, op] };
    else arrows.push({ ...shown, kernels: [op] });
    out!.dispose();
  }
  return arrows;
}
