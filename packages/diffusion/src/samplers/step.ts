/** What every sampler shares: the reverse step x_{t-1} = mean + sigma z, taken by any network, with everything on view. */
import { clip, randomNormal, ShapeError, tensor, add, multiply, type Device, type DType, type NumberArray, type Random, type Shape, type Tensor } from "@fromnoise/tensor";
import type { Prediction } from "../denoisers/prediction.js";
import { convertPrediction } from "../process/q-sample.js";
import type { NoiseSchedule } from "../process/schedules.js";
import { refuseRenamed } from "./fields.js";

/** A network seen from a sampler: its prediction for x_t [N, ...] where all images stand at step t. */
export type Denoiser = (xT: Tensor, t: number) => Tensor;

/**
 * One reverse step, from t to the step before it: x_{t-1} = posteriorMean + sigma z. After the last one sigma is 0,
 * so its posteriorMean is the sample. The tensors are valid until the generator is asked for the next step, unless kept.
 */
export interface SamplerStep {
  /** The step at which the network was asked. */
  t: number;
  /** x_t, what the network saw. */
  xT: Tensor;
  /** The network's noise estimate; where x0 was clipped and the sampler needs it, the one that belongs to the clipped x0. */
  epsTheta: Tensor;
  /** The network's guess of the clean image, clipped where clipping is on. */
  x0: Tensor;
  posteriorMean: Tensor;
  sigma: number;
}

/** Standard normal values for a reverse step: `size` of them, for the step from t down. */
export type NoiseSource = (size: number, t: number) => NumberArray;

/** How a network's output is read. */
export interface PredictOptions {
  /** What the network predicts; default eps. */
  prediction?: Prediction;
  /** Clips the guess of x0 to [-1, 1] before it is used; default true. */
  clipX0?: boolean;
}

export interface SamplerOptions extends PredictOptions {
  /** [N, H, W, C] of the images to sample. */
  shape: Shape;
  device: Device;
  dtype?: DType;
  /** Draws x_T and the noise of each step, in this order. */
  random: Random;
  /** Where to start instead of a draw from N(0, I). */
  xT?: Tensor;
  /** Replaces the random draws of the steps. */
  noise?: NoiseSource;
}

/**
 * A copy of the start the options name, or a draw from N(0, I). Persistent: the caller disposes it.
 * Throws ShapeError where the start has not the shape to be sampled.
 */
function startOf(options: SamplerOptions): Tensor {
  const { shape, device, random, xT, dtype = "f32" } = options;
  if (xT !== undefined && (xT.shape.length !== shape.length || xT.shape.some((n, i) => n !== shape[i]))) {
    throw new ShapeError("sampler: the start has another shape than the images", [`xT       [${xT.shape.join(", ")}]`, `shape    [${shape.join(", ")}]`]);
  }
  return device.keep(xT === undefined ? randomNormal(shape, random, { device, dtype }) : multiply(xT, 1));
}

/** z for the step from t. */
function noiseOf(options: SamplerOptions, t: number): Tensor {
  const { shape, device, random, noise, dtype = "f32" } = options;
  if (noise === undefined) return randomNormal(shape, random, { device, dtype });
  return tensor(noise(shape.reduce((a, b) => a * b, 1), t), { shape, device, dtype });
}

/** The network's prediction at x_t as (epsTheta, x0), x0 clipped where asked. */
export function predict(
  model: Denoiser, schedule: NoiseSchedule, xT: Tensor, t: number, options: PredictOptions,
): { epsTheta: Tensor; x0: Tensor } {
  refuseRenamed(options);
  const { prediction = "eps", clipX0 = true } = options;
  const output = model(xT, t);
  const epsTheta = convertPrediction(schedule, output, xT, t, prediction, "eps");
  const x0 = convertPrediction(schedule, output, xT, t, prediction, "x0");
  return { epsTheta, x0: clipX0 ? clip(x0, -1, 1) : x0 };
}

/**
 * Runs reverse steps over descending timesteps; `reverse` makes the step from x_t at t to `next`, undefined after the last one.
 * Each step has its own scope, and the queue of the device is awaited once a step, so memory stays that of one step.
 */
export async function* runSteps(
  timesteps: Int32Array, options: SamplerOptions, reverse: (xT: Tensor, t: number, next: number | undefined) => SamplerStep,
): AsyncGenerator<SamplerStep, Tensor> {
  const { device } = options;
  let xT = startOf(options);
  let shown: SamplerStep | undefined;
  let finished = false;
  try {
    for (let i = 0; i < timesteps.length; i++) {
      const before = xT;
      const { step, next } = device.scope(() => {
        const made = reverse(before, timesteps[i], timesteps[i + 1] as number | undefined);
        const moved = made.sigma === 0 ? multiply(made.posteriorMean, 1) : add(made.posteriorMean, multiply(noiseOf(options, made.t), made.sigma));
        return { step: made, next: moved };
      });
      for (const t of [step.epsTheta, step.x0, step.posteriorMean, next]) device.keep(t);
      shown = step;
      xT = next;
      await device.sync();
      yield step;
      disposeStep(step);
      shown = undefined;
    }
    finished = true;
    return xT;
  } finally {
    if (shown !== undefined) disposeStep(shown);
    if (!finished) xT.dispose();
  }
}

function disposeStep({ xT, epsTheta, x0, posteriorMean }: SamplerStep): void {
  for (const t of [xT, epsTheta, x0, posteriorMean]) t.dispose();
}

/** Runs a sampler to its end and gives the sample [N, ...]; the caller disposes it. */
export async function lastOf(sampler: AsyncGenerator<SamplerStep, Tensor>): Promise<Tensor> {
  for (;;) {
    const result = await sampler.next();
    if (result.done === true) return result.value;
  }
}
