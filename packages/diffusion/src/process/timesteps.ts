/**
 * Which steps of a schedule a sampler visits. This is the one place that makes timestep lists; a sampler takes the step it goes to from
 * its path, never from arithmetic on t.
 */
import { ConfigError } from "@fromnoise/tensor";
import type { Kind } from "@fromnoise/nn/kinds";
import { MAX_TIMESTEPS } from "./schedules.js";

/** How steps may be spaced, see `stridedTimesteps`. */
export const SPACINGS = ["leading", "trailing", "linspace", "lucidrains"] as const;
/** How fewer steps are spread over T: see `SPACINGS`. */
export type Spacing = (typeof SPACINGS)[number];

/** To the nearest integer, halves to the even one, as NumPy and Python round. */
function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2) : Math.round(x);
}

/**
 * S of the T steps, in descending order, for a sampler that takes strides (Song, Meng, Ermon 2021, section 4.2). The first three
 * names and rules are those of diffusers' `timestep_spacing`; k counts from 0.
 *  - `leading`     k floor(T/S): diffusers' default for DDPM and DDIM, and improved-diffusion's `ddimS` where S divides T.
 *                  Starts below T-1, so it takes pure noise for slightly less than that.
 *  - `trailing`    round(T - k T/S) - 1: from T-1, without 0; the better choice for few steps (Lin et al. 2023, section 3.3).
 *  - `linspace`    round(k (T-1)/(S-1)): both 0 and T-1 (0 alone for S = 1).
 *  - `lucidrains`  floor(k T/S) - 1 for k = 1 .. S: denoising-diffusion-pytorch, which writes linspace(-1, T-1, S+1).
 *
 * @throws ConfigError when S is not an integer in 1 .. T, or the spacing is not known.
 */
export function stridedTimesteps(T: number, S: number, spacing: Spacing): Int32Array {
  if (!Number.isInteger(S) || S < 1 || S > T) {
    throw new ConfigError(`sampling steps: ${S} does not fit a schedule of ${T} steps`, [`allowed    integers 1 .. ${T}`]);
  }
  const rules: { readonly [key in Spacing]: (k: number) => number } = {
    leading: (k) => (S - 1 - k) * Math.floor(T / S),
    trailing: (k) => roundHalfEven(T - k * (T / S)) - 1,
    linspace: (k) => roundHalfEven((S - 1 - k) * ((T - 1) / (S - 1 || 1))),
    lucidrains: (k) => Math.floor(T * (S - k) / S) - 1,
  };
  checkSpacing(rules, spacing);
  return Int32Array.from({ length: S }, (_, k) => rules[spacing](k));
}

/** How many steps a sampler takes: a number, or a text as improved-diffusion writes it, see `respacedTimesteps`. */
export type StepCount = number | string;

const RESPACING = /^(ddim[1-9]\d*|[1-9]\d*(,[1-9]\d*)+)$/;

/** The kind of such an option. */
export const stepCount: Kind<StepCount> = {
  allowed: `whole numbers from 1 to ${MAX_TIMESTEPS}, counts by section such as "10,15,20", or a stride such as "ddim50"`,
  placeholder: "S",
  parse: (text) => (/^\d+$/.test(text) ? Number(text) : text),
  fits: (v): v is StepCount => (typeof v === "string" ? RESPACING.test(v) : Number.isSafeInteger(v) && (v as number) >= 1 && (v as number) <= MAX_TIMESTEPS),
};

/**
 * The steps, in descending order, that improved-diffusion's `timestep_respacing` names (Nichol, Dhariwal 2021, section 4):
 *  - "10,15,20": T in as many sections of equal length (the first ones longer by one where T does not divide), from each so many
 *    steps, evenly spaced from its first to its last; rounded as Python does, halves to even;
 *  - "ddim50": 0, k, 2 k, ... with the stride k that gives exactly 50 of them.
 *
 * Throws ConfigError for a text of another form, a section that is shorter than its count, and where no stride gives so many.
 */
export function respacedTimesteps(T: number, respacing: string): Int32Array {
  const refuse = (why: string): ConfigError => new ConfigError(`steps: ${JSON.stringify(respacing)} does not fit a schedule of ${T} steps`, [why]);
  if (!RESPACING.test(respacing)) throw refuse(`allowed    ${stepCount.allowed}`);
  if (respacing.startsWith("ddim")) {
    const wanted = Number(respacing.slice(4));
    const stride = Array.from({ length: T }, (_, k) => k + 1).find((k) => Math.ceil(T / k) === wanted);
    if (stride === undefined) throw refuse(`reason     no stride gives ${wanted} steps`);
    return Int32Array.from({ length: wanted }, (_, k) => (wanted - 1 - k) * stride);
  }
  const counts = respacing.split(",").map(Number);
  const [size, longer] = [Math.floor(T / counts.length), T % counts.length];
  let start = 0;
  const steps = counts.flatMap((count, section) => {
    const length = size + (section < longer ? 1 : 0);
    if (count > length) throw refuse(`reason     section ${section} has ${length} steps, not ${count}`);
    const stride = count === 1 ? 1 : (length - 1) / (count - 1);
    let at = 0;                                                               // summed up as theirs is: 7 times 7.0714... is below 49.5
    const taken = Array.from({ length: count }, () => {
      const step = start + roundHalfEven(at);
      at += stride;
      return step;
    });
    start += length;
    return taken;
  });
  return Int32Array.from(steps.reverse());
}

/**
 * n times of a continuous process, in descending order: low + f (high - low) with f by the same rules as above in the limit of many
 * steps, `trailing` and `lucidrains` (n - k) / n, `leading` (n - 1 - k) / n, `linspace` (n - 1 - k) / (n - 1), k = 0 .. n - 1.
 * @throws ConfigError when n is not an integer from 1, or the spacing is not known.
 */
export function evenTimes([low, high]: readonly [low: number, high: number], n: number, spacing: Spacing): Float64Array {
  if (!Number.isInteger(n) || n < 1) throw new ConfigError(`sampling steps: ${n} is no number of steps`, ["allowed    integers from 1"]);
  const rules: { readonly [key in Spacing]: (left: number) => number } = {
    leading: (left) => (left - 1) / n, trailing: (left) => left / n, linspace: (left) => (left - 1) / (n - 1 || 1), lucidrains: (left) => left / n,
  };
  checkSpacing(rules, spacing);
  return Float64Array.from({ length: n }, (_, k) => Math.min(high, low + rules[spacing](n - k) * (high - low)));
}

function checkSpacing(rules: object, spacing: Spacing): void {
  if (Object.hasOwn(rules, spacing)) return;
  throw new ConfigError(`spacing: ${JSON.stringify(spacing)} is not known`, [`allowed    ${SPACINGS.join(", ")}`]);
}
