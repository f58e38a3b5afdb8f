/**
 * Which steps of a schedule a sampler visits, and what follows for the step from one to the next. This is the one place
 * that makes timestep lists; a sampler takes its "previous" step from the list, never from arithmetic on t.
 */
import { ConfigError } from "@fromnoise/tensor";
import { checkTimestep, scheduleFromBetas, type NoiseSchedule } from "./schedules.js";

/** All steps from T-1 down to 0: the ancestral sampler of Ho et al. 2020, algorithm 2. */
export function ancestralTimesteps(T: number): Int32Array {
  return Int32Array.from({ length: T }, (_, i) => T - 1 - i);
}

/** How steps may be spaced, see `ddimTimesteps`. */
export const SPACINGS = ["leading", "trailing", "linspace", "lucidrains"] as const;
export type Spacing = (typeof SPACINGS)[number];

/** To the nearest integer, halves to the even one, as NumPy and Python round. */
function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2) : Math.round(x);
}

/**
 * S of the T steps, in descending order, for a strided sampler (DDIM: Song, Meng, Ermon 2021, section 4.2). The first three
 * names and rules are those of diffusers' `timestep_spacing`; k counts from 0.
 *  - `leading`     k floor(T/S): diffusers' default for DDPM and DDIM, and improved-diffusion's `ddimS` where S divides T.
 *                  Starts below T-1, so it takes pure noise for slightly less than that.
 *  - `trailing`    round(T - k T/S) - 1: from T-1, without 0; the better choice for few steps (Lin et al. 2023, section 3.3).
 *  - `linspace`    round(k (T-1)/(S-1)): both 0 and T-1 (0 alone for S = 1).
 *  - `lucidrains`  floor(k T/S) - 1 for k = 1 .. S: denoising-diffusion-pytorch, which writes linspace(-1, T-1, S+1).
 *
 * @throws ConfigError when S is not an integer in 1 .. T, or the spacing is not known.
 */
export function ddimTimesteps(T: number, S: number, spacing: Spacing): Int32Array {
  if (!Number.isInteger(S) || S < 1 || S > T) {
    throw new ConfigError(`sampling steps: ${S} does not fit a schedule of ${T} steps`, [`allowed    integers 1 .. ${T}`]);
  }
  const rules: { readonly [key in Spacing]: (k: number) => number } = {
    leading: (k) => (S - 1 - k) * Math.floor(T / S),
    trailing: (k) => roundHalfEven(T - k * (T / S)) - 1,
    linspace: (k) => roundHalfEven((S - 1 - k) * ((T - 1) / (S - 1 || 1))),
    lucidrains: (k) => Math.floor(T * (S - k) / S) - 1,
  };
  if (!Object.hasOwn(rules, spacing)) {
    throw new ConfigError(`spacing: ${JSON.stringify(spacing)} is not known`, [`allowed    ${SPACINGS.join(", ")}`]);
  }
  return Int32Array.from({ length: S }, (_, k) => rules[spacing](k));
}

/** Factors of x0Hat, epsHat and z in one DDIM step. */
export interface DdimCoefficients {
  readonly x0: number;
  readonly eps: number;
  readonly sigma: number;
}

/**
 * One DDIM step from alphaBar to alphaBarPrev, that of an earlier step, or 1 for the last (Song, Meng, Ermon 2021, equations 12 and 16):
 * x' = x0 * x0Hat + eps * epsHat + sigma * z,  z ~ N(0, 1),
 * sigma = eta sqrt((1 - alphaBar / alphaBarPrev) (1 - alphaBarPrev) / (1 - alphaBar)), x0 = sqrt(alphaBarPrev),
 * eps = sqrt(1 - alphaBarPrev - sigma^2). eta 0 is deterministic, eta 1 has the ancestral sampler's fixed-small variance.
 * Where x0Hat was clipped, epsHat is the one that belongs to the clipped x0Hat.
 * With eta 0 the step may also go up, to more noise (alphaBarPrev < alphaBar): the same equation run backwards encodes an image as
 * noise (section 4.3, DDIM inversion).
 *
 * @throws ConfigError when eta is not in 0 .. 1, or not 0 in a step that goes up.
 */
export function ddimCoefficients(alphaBar: number, alphaBarPrev: number, eta: number): DdimCoefficients {
  if (!(eta >= 0 && eta <= 1)) {
    throw new ConfigError(`eta: ${eta} does not scale the noise of DDIM`, ["allowed    numbers 0 .. 1"]);
  }
  if (eta > 0 && alphaBarPrev < alphaBar) {
    throw new ConfigError(`eta: ${eta} has no meaning in a step to more noise`, ["allowed    0, the deterministic map, which goes both ways"]);
  }
  const sigma = eta === 0 ? 0 : eta * Math.sqrt((1 - alphaBar / alphaBarPrev) * (1 - alphaBarPrev) / (1 - alphaBar));
  return { x0: Math.sqrt(alphaBarPrev), eps: Math.sqrt(Math.max(0, 1 - alphaBarPrev - sigma * sigma)), sigma };
}

/** A schedule over a subset of another's steps; its step i stands for step `timesteps[i]` of the other. */
export interface RespacedSchedule extends NoiseSchedule {
  /** Ascending. The network was trained on these: it is given timesteps[i], not i. */
  readonly timesteps: Int32Array;
}

/**
 * The schedule that visits only some steps s_0 < s_1 < ... and has the same alphaBar there (Nichol, Dhariwal 2021, section 4):
 * beta'_i = 1 - alphaBar_{s_i} / alphaBar_{s_{i-1}}. The list may be in any order.
 * @throws ConfigError when the list is empty, repeats a step or holds one that the schedule does not have.
 */
export function respaceSchedule(schedule: NoiseSchedule, timesteps: ArrayLike<number>): RespacedSchedule {
  const steps = Float64Array.from(timesteps).sort();
  steps.forEach((t, i) => {
    checkTimestep(schedule, t);
    if (t === steps[i - 1]) throw new ConfigError(`timesteps: ${t} stands twice`, ["allowed    each step once"]);
  });
  let before = 1;
  const betas = steps.map((t) => {
    const beta = 1 - schedule.alphaBar[t]! / before;
    before = schedule.alphaBar[t]!;
    return beta;
  });
  const name = `${schedule.name}, ${steps.length} of ${schedule.T} steps`;
  return { ...scheduleFromBetas(betas, name), timesteps: Int32Array.from(steps) };
}
