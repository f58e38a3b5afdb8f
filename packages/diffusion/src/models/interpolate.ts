/** Samples between two given ones. */
import { ConfigError, Random, ShapeError, sizeOf, tensor, type Device, type NumberArray } from "@fromnoise/tensor";
import { denoiserOf, type DiffusionModel } from "../denoisers/denoiser.js";
import type { NoiseLevel } from "../process/level.js";
import { ddim, type DdimOptions } from "../samplers/ddim.js";
import { ddimInversion } from "../samplers/ddim-inversion.js";
import { lastOf, pathOf, runSampler, type RunOptions } from "../samplers/run.js";
import type { Sampler } from "../samplers/sampler.js";
import { noiseToSignal } from "../samplers/sigma.js";
import { sampleShape, type SampleBatch } from "./sample-images.js";

/** Between which images, in how many steps, at which level of noise. */
export interface InterpolationOptions {
  model: DiffusionModel;
  device: Device;
  /** The two samples: as many values as the network's samples have, in their order. */
  a: ArrayLike<number>;
  b: ArrayLike<number>;
  /** Where between them, 0 is a and 1 is b: one sample for each. */
  fractions: readonly number[];
  /** The class of each sample, for a network with classes; of a and of b when they are encoded. */
  labels?: readonly number[];
  /** Steps and spacing of DDIM. */
  options?: Partial<Omit<DdimOptions, "eta">>;
  /** Sides of the images, where the network takes any. */
  size?: readonly [height: number, width: number];
}

/**
 * Both samples are noised to a level, mixed there, and the mixtures denoised by DDIM (Ho et al. 2020, section 4.4): the noisier the
 * level, the freer is what lies between. With the fraction f and the angle t = f pi / 2,
 *   x = alpha ((1 - f) a + f b) + sigma (cos t z_a + sin t z_b),
 * the same z_a and z_b for all fractions; mixed linearly, as the paper has it, they would leave less noise than the network is told.
 * `at` is the level, by default the middle of DDIM's path; `seed` that of the noise, by default 0.
 * Throws ShapeError and ConfigError where samples, labels and network do not fit each other.
 */
export async function interpolateNoised(
  options: InterpolationOptions & { at?: NoiseLevel; seed?: number },
): Promise<SampleBatch> {
  const { model, a, b, fractions, seed = 0 } = options;
  check(options);
  const whole = pathOf(ddim, model.process, options.options);
  const { at = whole[Math.floor((whole.length - 1) / 2)] } = options;
  const [za, zb] = [1, 2].map((stream) => new Random(seed, stream).normal(a.length));
  const rows = fractions.map((f) => Float64Array.from({ length: a.length }, (_, i) => (
    at.alpha * ((1 - f) * a[i] + f * b[i]) + at.sigma * (Math.cos(f * Math.PI / 2) * za[i] + Math.sin(f * Math.PI / 2) * zb[i])
  )));
  const path = [at, ...whole.filter((level) => noiseToSignal(level) < noiseToSignal(at))];
  return run(options, ddim, rows, fractions.length, options.labels, path);
}

/**
 * Both samples are gone back to the noise that DDIM makes them of (`ddimInversion`), and the noises on the way from one to the other
 * (`slerp`) denoised by it (Song, Meng, Ermon 2021, section 5.3 and appendix D.5). Fractions 0 and 1 give a and b again, but for the
 * inversion's error. Labels are the classes of all samples: those of a and b are the first and the last of them.
 * Throws as interpolateNoised does.
 */
export async function interpolateLatents(options: InterpolationOptions): Promise<SampleBatch> {
  const { a, b, fractions, labels } = options;
  check(options);
  const ends = labels === undefined ? undefined : [labels[0], labels[labels.length - 1]];
  const { data } = await run(options, ddimInversion, [Float64Array.from(a), Float64Array.from(b)], 2, ends);
  const [from, to] = [data.slice(0, a.length), data.slice(a.length)];
  return run(options, ddim, fractions.map((f) => slerp(from, to, f)), fractions.length, labels);
}

/**
 * The point at a fraction of the way from a to b along the circle through them: sin((1 - f) t) / sin t a + sin(f t) / sin t b, t the angle
 * between (Shoemake 1985, equation 3.1). Noise so mixed has the length of noise. Throws ShapeError where the lengths differ.
 */
export function slerp(a: ArrayLike<number>, b: ArrayLike<number>, f: number): Float64Array {
  if (a.length !== b.length) throw new ShapeError("slerp: a and b differ in length", [`a        ${a.length}`, `b        ${b.length}`]);
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  const t = Math.acos(Math.min(1, Math.max(-1, ab / Math.sqrt(aa * bb))));
  const [ca, cb] = t < 1e-9 ? [1 - f, f] : [Math.sin((1 - f) * t) / Math.sin(t), Math.sin(f * t) / Math.sin(t)];
  return Float64Array.from({ length: a.length }, (_, i) => ca * a[i] + cb * b[i]);
}

async function run<O extends object>(
  { model, device, size, options }: InterpolationOptions, sampler: Sampler<O>, rows: readonly NumberArray[], n: number,
  labels: readonly number[] | undefined, path?: RunOptions<O>["path"],
): Promise<SampleBatch> {
  const shape = [n, ...sampleShape(model, size)];
  const dtype = model.network.parameters[0]?.tensor.dtype ?? "f32";
  const values = Float64Array.from(rows.flatMap((row) => Array.from(row)));
  const start = device.keep(tensor(values, { device, dtype, shape }));
  try {
    const sample = await lastOf(runSampler(sampler, {
      denoise: denoiserOf(model, { labels }), process: model.process, shape, device, dtype, start, path, options: options as Partial<O>,
    }));
    return { shape, data: await sample.data().finally(() => sample.dispose()) };
  } finally {
    start.dispose();
  }
}

function check({ model, a, b, fractions, labels, size }: InterpolationOptions): void {
  const length = sizeOf(sampleShape(model, size));
  for (const [name, sample] of [["a", a], ["b", b]] as const) {
    if (sample.length === length) continue;
    throw new ShapeError(`interpolation: ${name} is no sample of the network`, [`values   ${sample.length}   expected ${length}`]);
  }
  if (fractions.length === 0 || !fractions.every(Number.isFinite)) {
    throw new ConfigError("interpolation: the fractions are not numbers", [`got      ${fractions.join(", ")}`, "allowed  one or more numbers"]);
  }
  if (labels !== undefined && labels.length !== fractions.length) {
    throw new ConfigError(`interpolation: ${labels.length} labels for ${fractions.length} samples`, ["allowed  one label a sample"]);
  }
}
