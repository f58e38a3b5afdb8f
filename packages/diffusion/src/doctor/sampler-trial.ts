/**
 * A sampler tried on data whose best denoiser is known, so that what is wrong is the sampler and not the network: numbers that are all
 * N(m, s^2), for which
 *   x0*(x_t) = m + alpha s^2 / (alpha^2 s^2 + sigma^2) (x_t - alpha m),   eps* = (x_t - alpha x0*) / sigma.
 * With s = 0 the data are one point, the guess of x0 is right at every step, and every sampler must end at m exactly.
 */
import { add, multiply, type Device } from "@fromnoise/tensor";
import type { Denoiser } from "../denoisers/denoiser.js";
import type { Process } from "../process/process.js";
import type { AnySampler } from "../samplers/index.js";
import { seededNoise } from "../samplers/noise.js";
import { runSampler } from "../samplers/run.js";
import { Report, shortNumber } from "./finding.js";
import { imagesOf, levelName, type Patient } from "./patient.js";
import { meanOf, spreadOf } from "./statistics.js";
import type { NoiseLevel } from "../process/level.js";

/** What became of N(m, s^2). */
export interface SamplerTrial {
  readonly mean: number;
  readonly spread: number;
  readonly foundMean: number;
  readonly foundSpread: number;
  /** The level at which the spread of x_t was farthest from sqrt(alpha^2 s^2 + sigma^2), and how many times it. */
  readonly worst: { readonly at: NoiseLevel; readonly ratio: number };
}

/** Numbers that are drawn: their spread is known to 1.1 %. */
const SHAPE = [64, 8, 8, 1];

/** Tries a sampler on a point and on a Gaussian of the data's mean and spread. Throws what the sampler throws. */
export async function trySampler(
  sampler: AnySampler, { process, device, options, mean, spread, seed }: { process: Process; device: Device; options: object; mean: number; spread: number; seed: number },
): Promise<SamplerTrial[]> {
  const trials: SamplerTrial[] = [];
  for (const s of [0, spread]) {
    const run = runSampler(sampler, { denoise: gaussianDenoiser(mean, s), process, shape: SHAPE, device, noise: seededNoise(seed), options });
    let worst: SamplerTrial["worst"] | undefined;
    for (;;) {
      const result = await run.next();
      if (result.done === true) {
        const values = await result.value.data().finally(() => result.value.dispose());
        trials.push({ mean, spread: s, foundMean: meanOf(values), foundSpread: spreadOf(values), worst: worst! });
        break;
      }
      const { at, xt } = result.value;
      const ratio = spreadOf(await xt.data()) / Math.hypot(at.alpha * s, at.sigma);
      if (worst === undefined || Math.abs(Math.log(ratio)) > Math.abs(Math.log(worst.ratio))) worst = { at, ratio };
    }
  }
  return trials;
}

/** The best denoiser of N(m, s^2). */
export function gaussianDenoiser(m: number, s: number): Denoiser {
  return (xt, { alpha, sigma }) => xt.device.scope(() => {
    const gain = (alpha * s * s) / (alpha * alpha * s * s + sigma * sigma);
    const x0 = add(multiply(xt, gain), m * (1 - alpha * gain));
    const eps = add(multiply(xt, (1 - alpha * gain) / sigma), (-alpha * m * (1 - alpha * gain)) / sigma);
    return { x0, eps, rawX0: x0 };
  });
}

/** What the trials say. */
export function examineTrials({ trial, training }: Patient): Report {
  const report = new Report();
  if (trial === undefined) return report;
  const [point, gaussian] = trial;
  const scale = gaussian.spread;
  const noise = Math.hypot(point.foundSpread, point.foundMean - point.mean);
  report.add({
    what: "the sampler with an exact denoiser, data one point: off at the end", found: shortNumber(noise), usual: `0, below ${shortNumber(POINT * scale)}`,
  }, !(noise <= POINT * scale) && {
    name: "sampler-noise-left", severity: "fault",
    change: "The last step must give its guess of x0 itself: no noise is added there, and its level goes to alpha 1, sigma 0.",
  });
  const { worst } = gaussian;
  const far = Math.abs(Math.log(worst.ratio));
  report.add({
    what: "the sampler with an exact denoiser: spread of x_t against its level's", found: `${shortNumber(worst.ratio)} times at ${levelName(worst.at)}`, usual: "0.85 .. 1.15 times",
  }, !(far <= Math.log(SPREAD)) && {
    name: "sampler-levels", severity: "fault",
    change: "The sampler's steps do not lead to the levels at which it then asks the network: check which level a step goes to (over strides it is not t - 1), and the coefficients of its mean and noise.",
  });
  const ends = gaussian.foundSpread / gaussian.spread, shift = (gaussian.foundMean - gaussian.mean) / gaussian.spread;
  report.add({
    what: "the sampler with an exact denoiser: mean and spread at the end", found: `mean off by ${shortNumber(shift)} spreads, spread ${shortNumber(ends)} times`, usual: "mean off by at most 0.1, spread 0.8 .. 1.15 times",
  }, !(ends > ENDS[0] && ends < ENDS[1] && Math.abs(shift) < SHIFT) && {
    name: "sampler-end", severity: "fault",
    change: training.shape.length === 3 ? "Samples come out too flat, too harsh or shifted whatever the network: check the sampler's coefficients, and that it starts where training's noisiest level is."
      : "Check the sampler's coefficients, and that it starts where training's noisiest level is.",
  });
  return report;
}

/** Of the data's spread: less is what f32 leaves of a point. */
const POINT = 0.01;
const SPREAD = 1.25, SHIFT = 0.2;
const ENDS = [0.7, 1.25] as const;

/** Mean and spread of the data, all numbers taken alike. */
export function momentsOf(training: Patient["training"]): { mean: number; spread: number } {
  const { data } = imagesOf(training, 256);
  return { mean: meanOf(data), spread: spreadOf(data) };
}
