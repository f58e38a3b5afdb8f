/** What can be seen of a sampler on its way, from outside: where it says it stands, and what x is there. */
import type { Tensor } from "@fromnoise/tensor";
import type { NoiseLevel } from "../process/level.js";
import type { SamplerStep } from "../samplers/sampler.js";
import { stripSteps } from "../image/index.js";
import { Report, percent, shortNumber } from "./finding.js";
import { imagesOf, levelName, type Images, type Patient } from "./patient.js";
import { detailEnergy, meanOf, perImage } from "./statistics.js";

/** One step of the first batch. */
export interface ChainStep {
  readonly at: NoiseLevel;
  /** Mean square of x_t, and its energy in finest detail. */
  readonly power: number;
  readonly detail: number;
  /** Mean square of the guess of x0 that the step used, and the share of it outside of [-1, 1]. */
  readonly x0Power: number;
  readonly x0Beyond: number;
}

/** Moments at which a chain is looked at. */
const MOMENTS = 20;

/** The steps, of `steps`, at which a chain is looked at. */
export function chainMoments(steps: number): ReadonlySet<number> {
  return new Set(stripSteps(steps, MOMENTS));
}

/** Looks at a step: xt and x0 [N, ...]. */
export async function lookAt({ at, xt, x0 }: SamplerStep): Promise<ChainStep> {
  const x = await imagesFrom(xt), guess = await imagesFrom(x0);
  const shape = xt.shape.slice(1);
  return {
    at, power: powerOf(x), detail: detailOf(x, shape), x0Power: powerOf(guess), x0Beyond: meanOf(guess.data.map((v) => (Math.abs(v) > BEYOND ? 1 : 0))),
  };
}

/** Beyond the range of images, but for rounding. */
export const BEYOND = 1 + 1e-4;

async function imagesFrom(x: Tensor): Promise<Images> {
  const [count, ...shape] = x.shape;
  return { count, size: x.size / count, channels: shape.at(-1)!, data: Float64Array.from(await x.data()), labels: undefined };
}

export function powerOf({ data }: Images): number {
  return meanOf(data.map((v) => v * v));
}

export function detailOf(images: Images, shape: readonly number[]): number {
  return meanOf(perImage(images, (image) => detailEnergy(image, shape)));
}

/**
 * The chain against q(x_t): an exact sampler's x_t has mean square alpha^2 m + sigma^2 and detail alpha^2 d + sigma^2, m and d those of the
 * data, whatever the network predicts and however it steps. And a guess of x0 that is a mean over images has no larger mean square than
 * they: E|E[x0 | x_t]|^2 <= E|x0|^2.
 */
export function examineChain({ chain, training }: Patient): Report {
  const report = new Report();
  if (chain === undefined || chain.length === 0) return report;
  const data = imagesOf(training, 512);
  const power = powerOf(data), detail = detailOf(data, training.shape);
  const noise = chain.map(({ at: { alpha, sigma }, detail: found }) => Math.sqrt(found / (alpha * alpha * detail + sigma * sigma)));
  const k = farthest(noise.map(Math.log));
  const off = noise[k];
  report.add({
    what: "noise of x_t on the way, against what its level says", found: `${shortNumber(off)} times at ${levelName(chain[k].at)}`, usual: "0.8 .. 1.2 times at every level",
  }, (off > NOISIER || off < CLEANER) && {
    name: "chain-noise", severity: "fault",
    change: off > 1
      ? "A step takes away less noise than the next one believes: the level that a step goes to must be the one where the next begins, also over strides; and noise must be scaled by the step's own sigma."
      : "A step takes away more noise than the next one believes: the level that a step goes to must be the one where the next begins; and the noise that a stochastic step adds must not be left out.",
  });
  const sizes = chain.map(({ x0Power }) => Math.sqrt(x0Power / power));
  const largest = farthest(sizes.map((v) => (Number.isFinite(v) ? v : Infinity)));
  const beyond = meanOf(chain.map(({ x0Beyond }) => x0Beyond));
  report.add({
    what: "guesses of x0 on the way, against the data", found: `${shortNumber(sizes[largest])} times as large at ${levelName(chain[largest].at)}, ${percent(beyond)} outside of [-1, 1] over the chain`,
    usual: "at most as large, within 10 %, at every level",
  }, sizes[largest] > LARGER && {
    name: "x0-beyond", severity: "fault",
    change: "Where there is much noise a small error of eps is a large one of x0: clip the guess of x0 to [-1, 1] in every step and rederive eps from it, or predict v or x0.",
  });
  return report;
}

/** Bounds of the ratios, see docs/doctor.md for where they come from. */
const NOISIER = 1.35, CLEANER = 0.7, LARGER = 1.35;

function farthest(values: readonly number[]): number {
  return values.reduce((best, v, i) => (Math.abs(v) > Math.abs(values[best]) || Number.isNaN(v) ? i : best), 0);
}
