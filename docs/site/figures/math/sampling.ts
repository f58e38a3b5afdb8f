/** The numbers of the figure "sampling": runs of samplers on data whose best denoiser is known, kept step by step. */
import { add, clip, log, multiply, subtract, tensor, type Device, type Tensor } from "@fromnoise/tensor";
import {
  ancestral, clipped, ddim, euler, exactDenoiser, isClean, pathOf, posterior, runSampler, seededNoise, type Amounts, type AnySampler, type Denoiser,
  type DiscreteProcess, type GaussianMixture, type NoiseLevel,
} from "@fromnoise/diffusion";

/** What the samples should look like. */
export const DATA = {
  clusters: { weights: [0.5, 0.25, 0.25], means: [[-1, 0], [0.8, 0.9], [0.8, -0.9]], sd: 0.15 },
  gaussian: { weights: [1], means: [[0, 0]], sd: 0.5 },
} as const satisfies Readonly<Record<string, GaussianMixture>>;

export type DataName = keyof typeof DATA;
export type SamplerName = "ancestral" | "ddim" | "euler";
export type VarianceChoice = "fixed-small" | "fixed-large" | "exact";

export interface Choices {
  readonly data: DataName;
  readonly sampler: SamplerName;
  readonly steps: number;
  /** Of DDIM. */
  readonly eta: number;
  /** Of the ancestral sampler. */
  readonly variance: VarianceChoice;
  /** Whether guesses of x0 are clipped to [-1, 1]. */
  readonly clip: boolean;
}

/** One step of a run, on the host: x and y of every sample after one another. */
export interface Kept {
  readonly at: NoiseLevel;
  readonly to: NoiseLevel;
  readonly xt: ArrayLike<number>;
  readonly x0: ArrayLike<number>;
  readonly mean: ArrayLike<number>;
  /** sigma z: what the step adds to its mean. */
  readonly noise: ArrayLike<number>;
  readonly next: ArrayLike<number>;
}

/**
 * Var(x0 | x_t) of every element, from the denoiser alone: sigma^2 / alpha times the derivative of the guess of an element by that element
 * of x_t (Tweedie's formula, once more differentiated), by differences of a step that is small beside sigma. In f64.
 */
export function unknownVariance(denoise: Denoiser, xt: Tensor, at: NoiseLevel): Tensor {
  const step = 1e-4 * at.sigma, [, D] = xt.shape;
  return xt.device.scope(() => Array.from({ length: D }, (_, d) => {
    const one = tensor([Array.from({ length: D }, (_, i) => (i === d ? 1 : 0))], { device: xt.device, dtype: xt.dtype });
    const moved = (by: number): Tensor => denoise(add(xt, multiply(one, by)), at).x0;
    const slope = multiply(subtract(moved(step), moved(-step)), 1 / (2 * step));
    return multiply(multiply(slope, one), at.sigma ** 2 / at.alpha);                         // of element d alone
  }).reduce(add));
}

/**
 * A denoiser that also says the logarithm of the exact variance of the step back, betaTilde + c1^2 Var(x0 | x_t), as a network with
 * `learned` variance would; c1 and betaTilde are those of the step of this path, Var(x0 | x_t) is what `best` leaves unknown.
 */
export function withExactVariance(denoise: Denoiser, best: Denoiser, path: readonly NoiseLevel[]): Denoiser {
  return (xt, at, previous) => {
    const to = path[path.indexOf(at) + 1], said = denoise(xt, at, previous);
    if (isClean(to)) return said;                                                             // no noise there
    const { x0: c1, small } = posterior(at, to);
    const unknown = clip(unknownVariance(best, xt, at), 0, Infinity);                         // differences may round to below 0
    return { ...said, variance: { log: log(add(multiply(unknown, c1 * c1), small)) } };
  };
}

/** Runs a sampler with the best denoiser of the data, `count` samples from seed 0, and yields every step. */
export async function* sampling(choices: Choices, process: DiscreteProcess, device: Device, count: number): AsyncGenerator<Kept> {
  const mixture = DATA[choices.data];
  const sampler = { ancestral, ddim, euler }[choices.sampler] as AnySampler;
  const exact = choices.sampler === "ancestral" && choices.variance === "exact";
  const options = {
    ancestral: { steps: choices.steps, variance: exact ? "learned" : choices.variance },
    ddim: { steps: choices.steps, eta: choices.eta }, euler: { steps: choices.steps },
  }[choices.sampler];
  const path = pathOf(sampler, process, options);
  const best = exactDenoiser(mixture), guess = choices.clip ? clipped(best, { to: 1 }) : best;
  const denoise: Denoiser = exact ? withExactVariance(guess, best, path) : guess;
  const run = runSampler(sampler, { denoise, process, path, options, shape: [count, 2], device, dtype: "f64", noise: seededNoise(0) });
  for await (const { at, to, xt, x0, mean, next } of run) {
    const [before, guessed, middle, after] = [await xt.data(), await x0.data(), await mean.data(), await next.data()];
    yield { at, to, xt: before, x0: guessed, mean: middle, noise: Float64Array.from(after, (v, i) => v - middle[i]), next: after };
  }
}

/** Root of the mean square distance of the samples from the nearest centre, over both axes: the sd of the data, if all is well. */
export function spread(points: ArrayLike<number>, { means }: GaussianMixture): number {
  let squares = 0;
  for (let i = 0; i < points.length; i += 2) squares += Math.min(...means.map(([x, y]) => (points[i] - x) ** 2 + (points[i + 1] - y) ** 2));
  return Math.sqrt(squares / points.length);
}

/**
 * The standard deviation of samples of data N(0, sd^2) by the ancestral sampler over a path, without sampling: everything is linear, and
 * with v = alpha^2 sd^2 + sigma^2 the guess of x0 is alpha sd^2 / v x_t and leaves sd^2 sigma^2 / v unknown, so
 *   Var(next) = (c1 alpha sd^2 / v + c2)^2 Var(x_t) + variance of the step.
 * The last step, to the clean image, adds no noise unless `lastDraw` says that it does.
 */
export function sampleSd(path: readonly Amounts[], sd: number, choice: VarianceChoice, lastDraw = false): number {
  let variance = 1;
  for (let i = 0; i + 1 < path.length; i++) {
    const at = path[i], to = path[i + 1];
    const { x0: c1, xt: c2, small, large } = posterior(at, to);
    const v = (at.alpha * sd) ** 2 + at.sigma ** 2, gain = (c1 * at.alpha * sd * sd) / v + c2;
    const ofStep = { "fixed-small": small, "fixed-large": large, "exact": small + c1 * c1 * ((sd * at.sigma) ** 2 / v) }[choice];
    variance = gain * gain * variance + (isClean(to) && !lastDraw ? 0 : ofStep);
  }
  return Math.sqrt(variance);
}
