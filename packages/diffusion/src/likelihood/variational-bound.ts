/** The variational bound of a model on data, term by term: how many bits it needs to say a sample exactly. */
import {
  concat, ConfigError, mean, NumericError, sizeOf, square, subtract, tensor, type Device, type DType, type NumberArray, type Tensor,
} from "@fromnoise/tensor";
import { checkRoom } from "@fromnoise/nn";
import { loadBatch } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import { denoiserOf, type Denoiser, type DiffusionModel } from "../denoisers/denoiser.js";
import type { Process } from "../process/process.js";
import { qSample } from "../process/q-sample.js";
import type { VarianceKind } from "../process/schedules.js";
import { seededNoise } from "../samplers/noise.js";
import { boundTerm, priorTerm } from "./bound-term.js";
import { discretised, type Decoder } from "./decoder.js";
import { stepGaussian } from "./step-gaussian.js";
import { stepsBack, type StepBack } from "./steps-back.js";

/** A denoiser in place of a network, such as the exact one of a known density. */
export interface DenoisingModel { readonly denoise: Denoiser; readonly process: Process; readonly variance?: VarianceKind }

/** Of which images the bound is taken, and at which steps. */
export interface BoundOptions {
  model: DiffusionModel | DenoisingModel;
  /** Where the model's network is. */
  device: Device;
  dtype?: DType;
  /** What is to be said; samples that training has not seen, unless one wants to know how well it remembers. */
  data: Dataset;
  /** So many samples, evenly spread over the data; default all. */
  count?: number;
  /** Samples per batch; default 64. */
  batch?: number;
  /**
   * At most so many steps from one computed term to the next, and at step t at most t / 8, as terms change fast where there is
   * little noise; those between are interpolated linearly. Default 1, all are computed.
   */
  every?: number;
  /** Of the noise, which depends on the seed, the sample and the step alone. Default 0. */
  seed?: number;
  /** How the last step gives a likelihood; default `discretised()`, for images of 256 levels; `density` for other data. */
  decoder?: Decoder;
  /** Called after each step of each batch with those done and in all. */
  onStep?: (done: number, total: number) => void;
  /** Ends the work before the next step. */
  signal?: AbortSignal;
}

/** The term of a step, mean over the samples. */
export interface BoundStep {
  readonly t: number;
  /** L_t in bits per dimension. */
  readonly bits: number;
  /** How many terms of the sum this one stands for. */
  readonly weight: number;
  /** Mean squared error of eps. */
  readonly epsError: number;
  /** Root mean squared error of the guess of x0 on the scale of pixels, 0 .. 255: that of data in -1 .. 1, times 127.5. */
  readonly rmse: number;
}

/** The variational bound, term by term, in nats and in bits per dimension. */
export interface Bound {
  /** The bound in bits per dimension: prior + the sum of all terms. */
  readonly total: number;
  /** Its standard error over the samples. */
  readonly error: number;
  /** KL(q(x_T | x_0) || N(0, I)) in bits per dimension. */
  readonly prior: number;
  /** From t = 0 on. */
  readonly steps: readonly BoundStep[];
  readonly count: number;
}

const BATCH = 64;

/**
 * L = L_T + sum over t of L_t in bits per dimension (Ho et al. 2020, equation 5), with one draw of noise for each sample and step;
 * the guesses of x0 are clipped as in samples of the model. Memory is that of one step of one batch.
 * Throws ConfigError for options out of range, a process without steps and data without the labels that the network needs;
 * NumericError where a term is not finite; DeviceError for a batch that the device has no room for; what network and data throw, and the signal's reason.
 */
export async function variationalBound(options: BoundOptions): Promise<Bound> {
  const { model, device, data, onStep, signal } = options;
  const { count = data.count, batch = BATCH, every = 1, seed = 0, decoder = discretised() } = options;
  check({ count, batch, every }, data.count);
  const all = stepsBack("the bound", model.process), levels = model.process.levels!;
  const evaluated = evaluatedSteps(all.length, every);
  const dtype = options.dtype ?? ("network" in model ? model.network.parameters[0]?.tensor.dtype : undefined) ?? "f32";
  if ("network" in model) {
    const atOnce = Math.min(batch, count);
    const values = 3 * atOnce * sizeOf(data.shape);
    checkRoom(model.network, { device, dtype, data: { what: `${atOnce} samples a batch, their noise and x_t`, values } });
  }
  const sums = evaluated.map(() => [0, 0, 0]);
  const totals = new Float64Array(count);
  let prior = 0, done = 0;
  const work = evaluated.length * Math.ceil(count / batch);
  for (let first = 0; first < count; first += batch) {
    const length = Math.min(batch, count - first);
    const indices = Array.from({ length }, (_, i) => Math.floor(((first + i) * data.count) / count));
    const denoise = denoiserFor(model, data, indices), noise = seededNoise(seed, first);
    const x0 = tensor(loadBatch(data, indices), { device, dtype, shape: [indices.length, ...data.shape] });
    try {
      for (const [n, bits] of (await read(priorTerm(x0, levels[levels.length - 1]))).entries()) {
        totals[first + n] = bits;
        prior += bits / count;
      }
      for (const [k, { t, weight }] of evaluated.entries()) {
        signal?.throwIfAborted();
        const facts = device.scope(() => stepFacts(x0, noise(t, x0.shape, { device, dtype }), model, denoise, all[t], decoder));
        const values = await read(facts);
        for (let n = 0; n < indices.length; n++) {
          for (const i of [0, 1, 2]) sums[k][i] += values[i * indices.length + n] / count;
          totals[first + n] += weight * values[n];
        }
        if (!Number.isFinite(sums[k][0])) {
          throw new NumericError(`the bound: the term of t = ${t} is not finite`, [`value    ${sums[k][0]}`]);
        }
        onStep?.(++done, work);
        await new Promise((resolve) => setTimeout(resolve, 0));         // a turn for signals, or for the page
      }
    } finally {
      x0.dispose();
    }
  }
  const total = totals.reduce((sum, bits) => sum + bits, 0) / count;
  const spread = totals.reduce((sum, bits) => sum + (bits - total) ** 2, 0);
  return {
    total, error: count < 2 ? NaN : Math.sqrt(spread / (count - 1) / count), prior, count,
    steps: evaluated.map(({ t, weight }, k) => {
      const [bits, epsError, x0Error] = sums[k];
      return { t, weight, bits, epsError, rmse: 127.5 * Math.sqrt(x0Error) };
    }),
  };
}

/** Steps of `variationalBound` in all: what a progress bar counts. */
export function boundSteps({ model, data, count = data.count, batch = BATCH, every = 1 }: BoundOptions): number {
  return evaluatedSteps(stepsBack("the bound", model.process).length, every).length * Math.ceil(count / batch);
}

/**
 * 0, which is of another kind, then 1 .. 15, 16, 18, ... with gaps that grow to `every`, and T - 1, each with the terms it stands
 * for: itself, and of the n - 1 between it and a neighbour n steps away half, which is the sum of a straight line from one to the
 * other.
 */
function evaluatedSteps(T: number, every: number): { t: number; weight: number }[] {
  const steps: number[] = [];
  for (let t = 1; t < T - 1; t += Math.min(every, Math.max(1, Math.floor(t / 8)))) steps.push(t);
  if (T > 1) steps.push(T - 1);
  const half = (a: number | undefined, b: number | undefined): number => (a === undefined || b === undefined ? 0 : (b - a - 1) / 2);
  return [{ t: 0, weight: 1 }, ...steps.map((t, k) => ({ t, weight: 1 + half(steps[k - 1], t) + half(t, steps[k + 1]) }))];
}

/** Of each image L_t in bits per dimension, and the mean squared errors of eps and of x0: [3 N]. */
function stepFacts(
  x0: Tensor, eps: Tensor, { process, variance = "fixed-small" }: Pick<DenoisingModel, "process" | "variance">, denoise: Denoiser,
  step: StepBack, decoder: Decoder,
): Tensor {
  const at = process.levels![step.t];
  const xt = qSample(x0, at, eps);
  const guess = denoise(xt, at);
  const steps = new Array<StepBack>(x0.shape[0]).fill(step);
  const bits = boundTerm.forward(stepGaussian(guess, xt, steps, variance, decoder), { x0, xt, steps }, decoder);
  const axes = x0.shape.map((_, axis) => axis).slice(1);
  return concat([bits, mean(square(subtract(guess.eps, eps)), { axes }), mean(square(subtract(guess.x0, x0)), { axes })]);
}

async function read(t: Tensor): Promise<NumberArray> {
  return t.data().finally(() => t.dispose());
}

function denoiserFor(model: DiffusionModel | DenoisingModel, data: Dataset, indices: readonly number[]): Denoiser {
  if ("denoise" in model) return model.denoise;
  if (model.network.spec.classes === undefined) return denoiserOf(model);
  if (data.label !== undefined) return denoiserOf(model, { labels: indices.map((i) => data.label!(i)) });
  throw new ConfigError(`the bound: ${data.name} has no labels, and the network needs them`, [
    `network  ${model.network.spec.classes} classes`,
  ]);
}

function check(given: { count: number; batch: number; every: number }, available: number): void {
  for (const [name, value] of Object.entries(given)) {
    const most = name === "count" ? available : Infinity;
    if (Number.isSafeInteger(value) && value >= 1 && value <= most) continue;
    const range = most === Infinity ? "from 1" : `1 .. ${most}`;
    throw new ConfigError(`the bound: ${name} is ${value}`, [`allowed  whole numbers ${range}`]);
  }
}
