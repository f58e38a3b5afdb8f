/** Running a sampler: scopes, waiting, noise and cleaning up, the same for all of them. */
import {
  clone, ConfigError, forEachTensor, formatShape, multiply, sameShape, ShapeError, type Device, type DType, type Shape, type Tensor,
} from "@fromnoise/tensor";
import { checkFields } from "../config/fields.js";
import type { Denoiser } from "../denoisers/denoiser.js";
import type { NoiseLevel } from "../process/level.js";
import type { Process } from "../process/process.js";
import type { VarianceKind } from "../process/schedules.js";
import { seededNoise, type NoiseSource } from "./noise.js";
import type { Sampler, SamplerStep, StepContext } from "./sampler.js";

export interface RunOptions<O extends object> {
  readonly denoise: Denoiser;
  readonly process: Process;
  /** Options of the sampler; the others take its defaults. */
  readonly options?: Partial<O>;
  /** [N, ...] of the samples. */
  readonly shape: Shape;
  readonly device: Device;
  /** Default f32. */
  readonly dtype?: DType;
  /** Draw 0 is the start, the steps take the next ones. Default `seededNoise(0)`. */
  readonly noise?: NoiseSource;
  /** Levels to go through instead of the sampler's own: part of a path, or one that climbs. */
  readonly path?: readonly NoiseLevel[] | undefined;
  /** x at the path's first level; default draw 0 with the variance alpha^2 + sigma^2 that data of variance 1 has there. */
  readonly start?: Tensor;
  /** Variance of a reverse step where the sampler leaves it to the model; default fixed-small. */
  readonly variance?: VarianceKind | undefined;
  /** Ends the run before the next step, with the signal's reason as error. */
  readonly signal?: AbortSignal | undefined;
}

/** The path of a sampler with these options. Throws ConfigError for options that are none, are out of range, or do not fit the process. */
export function pathOf<O extends object, S>(sampler: Sampler<O, S>, process: Process, options: Partial<O> = {}): readonly NoiseLevel[] {
  const path = sampler.path(process, checkFields(sampler.fields, options, sampler.name));
  if (path.length < 2) throw new ConfigError(`${sampler.name}: the path has no step`, ["allowed  two levels or more"]);
  return path;
}

/**
 * Runs a sampler, yields every step, and returns the sample [N, ...], which the caller disposes. Each step has its own scope, and the
 * queue of the device is awaited once a step, so memory stays that of one step; whatever ends the run, an error of the caller among
 * them, nothing else is left on the device.
 * Throws ConfigError as pathOf does, ShapeError for a start of another shape, and the signal's reason.
 */
export async function* runSampler<O extends object, S>(sampler: Sampler<O, S>, run: RunOptions<O>): AsyncGenerator<SamplerStep, Tensor> {
  const { denoise, process, shape, device, dtype = "f32", noise = seededNoise(0), start, variance = "fixed-small", signal } = run;
  const { path = pathOf(sampler, process, run.options) } = run;
  if (start !== undefined && !sameShape(start.shape, shape)) {
    throw new ShapeError(`${sampler.name}: the start has another shape than the samples`, [
      `start    ${formatShape(start.shape)}`, `shape    ${formatShape(shape)}`,
    ]);
  }
  let draws = 1;
  let previousX0: Tensor | undefined;
  const context: StepContext<O> = {
    options: checkFields(sampler.fields, run.options ?? {}, sampler.name), variance,
    denoise: (xt, at) => denoise(xt, at, previousX0),
    levelAt: (logSnr) => process.levelAt(logSnr),
    noise: () => noise(draws++, shape, { device, dtype }),
  };
  const { alpha, sigma } = path[0];
  let x = device.scope(() => (start === undefined ? multiply(noise(0, shape, { device, dtype }), Math.sqrt(alpha * alpha + sigma * sigma)) : clone(start)));
  let held = new Set([x]);
  let memory: S | undefined;
  /** Frees all that is held but what can be reached from these. */
  const holdOnly = (...values: readonly unknown[]): void => {
    const kept = new Set<Tensor>();
    forEachTensor(values, (t) => void kept.add(t));
    for (const t of held) if (!kept.has(t)) t.dispose();
    held = kept;
  };
  try {
    for (let i = 0; i + 1 < path.length; i++) {
      signal?.throwIfAborted();
      const made = device.scope(() => sampler.step(x, i, path, context, memory));
      forEachTensor(made, (t) => void held.add(device.keep(t)));
      const shown = "shown" in made ? made.shown : made;
      memory = "shown" in made ? made.memory : undefined;
      x = shown.next;
      previousX0 = shown.x0;
      await device.sync();
      yield shown;
      holdOnly(x, memory, previousX0);
    }
    held.delete(x);
    return x;
  } finally {
    holdOnly();
  }
}

/** Runs a sampler to its end and gives the sample [N, ...]; the caller disposes it. */
export async function lastOf(sampler: AsyncGenerator<SamplerStep, Tensor>): Promise<Tensor> {
  for (;;) {
    const result = await sampler.next();
    if (result.done === true) return result.value;
  }
}
