/**
 * Noise schedules and everything that follows from them alone, in f64. Steps are t = 0 .. T-1; t = 0 is one noising step
 * (the paper's t is one more). q(x_t | x_{t-1}) = N(sqrt(alpha_t) x_{t-1}, beta_t), alpha_t = 1 - beta_t,
 * alphaBar_t = alpha_0 ... alpha_t, alphaBar_{-1} = 1 (Ho, Jain, Abbeel 2020, equations 2 and 4).
 */
import { ConfigError, elementary } from "@fromnoise/tensor";
import { checkValue, oneOf } from "@fromnoise/nn/kinds";
import type { Amounts } from "./level.js";
import { posterior } from "./posterior.js";
import { rescaleZeroSnr } from "./zero-snr.js";

/** The betas of a schedule with T steps; b0 and bT are the options betaStart and betaEnd. */
type Betas = (T: number, b0: number, bT: number) => Float64Array;

/** All schedules, by name: type, checks, help and documentation take them from here. */
const schedules = {
  /** T values from b0 to bT whatever T is (Ho et al. 2020: T = 1000). */
  "linear": (T, b0, bT) => linspace(b0, bT, T),
  /** linear with all betas times 1000 / T, so that few steps end in as much noise as many. */
  "scaled-linear": scaledLinear,
  /** alphaBar(u) = cos^2(((u + 0.008) / 1.008) pi/2), up to a factor (Nichol, Dhariwal 2021, equation 17). */
  "cosine": (T) => betasFromAlphaBar(cosine, T),
  /** alphaBar(u) a falling logistic curve (Jabri, Fleet, Chen 2022). */
  "sigmoid": (T) => betasFromAlphaBar(sigmoid, T),
  /** The log-SNR of uniform u has a Laplace distribution (Hang et al. 2024): most steps are where signal and noise are alike. */
  "laplace": (T) => betasFromAlphaBar(laplace, T),
  /** Squares of T values from sqrt(b0) to sqrt(bT). */
  "quad": (T, b0, bT) => linspace(Math.sqrt(b0), Math.sqrt(bT), T).map((root) => root * root),
  /** bT at every step. */
  "const": (T, _, bT) => new Float64Array(T).fill(bT),
} satisfies Readonly<Record<string, Betas>>;

/** A schedule of betas by name. */
export type ScheduleName = keyof typeof schedules;
/** The schedules that `makeSchedule` knows. */
export const SCHEDULE_NAMES = Object.keys(schedules) as readonly ScheduleName[];

/** A schedule of T betas: which, how many, and what it takes. */
export interface ScheduleOptions {
  readonly name: ScheduleName;
  /** T, the number of noising steps. */
  readonly timesteps: number;
  /** First beta of linear, scaled-linear and quad; default 1e-4. */
  readonly betaStart?: number;
  /** Last beta of linear, scaled-linear and quad, the only one of const; default 0.02. */
  readonly betaEnd?: number;
  /** Whether the betas are rescaled so that nothing is left of the image at the last step, see `rescaleZeroSnr`; default false. */
  readonly zeroTerminalSnr?: boolean;
}

/** Tables of length T, indexed by t. */
export interface NoiseSchedule {
  readonly name: string;
  readonly T: number;
  readonly betas: Float64Array;
  /** alpha_t = 1 - beta_t */
  readonly alphas: Float64Array;
  /** alphaBar_t = alpha_0 ... alpha_t */
  readonly alphaBar: Float64Array;
  /** alphaBar_{t-1}, with alphaBar_{-1} = 1 */
  readonly alphaBarPrev: Float64Array;
  readonly sqrtAlphaBar: Float64Array;
  readonly sqrtOneMinusAlphaBar: Float64Array;
  /** betaTilde_t = beta_t (1 - alphaBar_{t-1}) / (1 - alphaBar_t), equation 7; 0 at t = 0 */
  readonly posteriorVariance: Float64Array;
  /** ln betaTilde_t, where the entry t = 0 (ln 0) is replaced by that of t = 1, as the paper's CIFAR10 code does
   *  (T = 1 has none: ln 1e-20) */
  readonly posteriorLogVarianceClipped: Float64Array;
  /** Factor of x0 in the posterior mean, equation 7: sqrt(alphaBar_{t-1}) beta_t / (1 - alphaBar_t) */
  readonly posteriorMeanCoef1: Float64Array;
  /** Factor of x_t in the posterior mean, equation 7: sqrt(alpha_t) (1 - alphaBar_{t-1}) / (1 - alphaBar_t) */
  readonly posteriorMeanCoef2: Float64Array;
  /** Signal-to-noise ratio alphaBar_t / (1 - alphaBar_t) */
  readonly snr: Float64Array;
}

/** No beta of a schedule that is given by alphaBar passes this (Nichol, Dhariwal 2021, section 3.2). */
const MAX_BETA = 0.999;
/** sqrt(alphaBar_t) and its reciprocal are to be numbers of f32 too: x0 = x_t / sqrt(alphaBar_t) - ... divides by it. */
const MIN_SIGNAL = 2 ** -126;
/** Most steps of a schedule: its tables take 100 MB, and its time embeddings are of angles up to there. */
export const MAX_TIMESTEPS = 1e6;
const OPEN_UNIT_INTERVAL = "allowed    numbers between 0 and 1, both excluded";

/** n evenly spaced values from a to b, both included; [a] for n = 1 (NumPy's linspace). */
function linspace(a: number, b: number, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => (i === n - 1 && n > 1 ? b : a + i * ((b - a) / (n - 1 || 1))));
}

/** beta_t = min(1 - f((t+1)/T) / f(t/T), 0.999) from a falling f with alphaBar = f / f(0). */
function betasFromAlphaBar(f: (u: number) => number, T: number): Float64Array {
  return Float64Array.from({ length: T }, (_, t) => {
    const before = f(t / T) / f(0), after = f((t + 1) / T) / f(0);
    return Math.min(Math.max(1 - after / before, 0), MAX_BETA);
  });
}

/** cos^2(((u + 0.008) / 1.008) pi/2) (Nichol, Dhariwal 2021, equation 17). */
function cosine(u: number): number {
  const root = elementary.cos(((u + 0.008) / 1.008) * (Math.PI / 2));
  return root * root;
}

/** (s(3) - s(6u - 3)) / (s(3) - s(-3)), s the logistic function (Jabri, Fleet, Chen 2022; start -3, end 3, tau 1). */
function sigmoid(u: number): number {
  const logistic = (x: number): number => 1 / (1 + elementary.exp(-x));
  return (logistic(3) - logistic(6 * u - 3)) / (logistic(3) - logistic(-3));
}

/**
 * The logistic function of the log-SNR mu - b sgn(1/2 - u) ln(1 - 2 |u - 1/2|) with mu = 0, b = 1/2 (Hang et al. 2024, section 2,
 * where it is ln alpha^2 / sigma^2). With r = e^-|log-SNR| = sqrt(1 - 2 |u - 1/2|): 1 / (1 + r) up to u = 1/2, then r / (1 + r).
 */
function laplace(u: number): number {
  const r = Math.sqrt(2 * Math.min(u, 1 - u));
  return (u < 0.5 ? 1 : r) / (1 + r);
}

function scaledLinear(T: number, betaStart: number, betaEnd: number): Float64Array {
  const scale = 1000 / T;
  const largest = Math.max(betaStart, betaEnd);
  if (largest * scale < 1) return linspace(betaStart * scale, betaEnd * scale, T);
  throw new ConfigError(`timesteps: ${T} is too few for the schedule scaled-linear`, [
    `beta       up to ${largest} * 1000 / ${T} = ${largest * scale}, must be below 1`,
    `allowed    timesteps > ${Math.floor(largest * 1000)}; cosine fits any number of steps`,
  ]);
}

/**
 * All tables of a schedule, by its name: what the names mean stands beside them at the head of this file.
 * @throws ConfigError naming the field, its value and what is allowed, also where scaled-linear would reach beta >= 1.
 */
export function makeSchedule(
  { name, timesteps: T, betaStart = 1e-4, betaEnd = 0.02, zeroTerminalSnr = false }: ScheduleOptions,
): NoiseSchedule {
  if (!Number.isInteger(T) || T < 1 || T > MAX_TIMESTEPS) {
    throw new ConfigError(`timesteps: ${T} is not a number of steps`, [`allowed    integers from 1 to ${MAX_TIMESTEPS}`]);
  }
  for (const [field, beta] of Object.entries({ betaStart, betaEnd })) {
    if (beta > 0 && beta < 1) continue;
    throw new ConfigError(`${field}: ${beta} is not a variance of added noise`, [OPEN_UNIT_INTERVAL]);
  }
  if (!Object.hasOwn(schedules, name)) {
    throw new ConfigError(`schedule: ${JSON.stringify(name)} is not known`, [`allowed    ${SCHEDULE_NAMES.join(", ")}`]);
  }
  const schedule = scheduleFromBetas(schedules[name](T, betaStart, betaEnd), name);
  return zeroTerminalSnr ? scheduleFromBetas(rescaleZeroSnr(schedule.betas), name) : schedule;
}

/**
 * All tables of {@link NoiseSchedule} from the betas. The last of two or more may be 1: then alphaBar is exactly 0 there.
 * @throws ConfigError when there is none, another is not strictly between 0 and 1, or so much noise is added that sqrt(alphaBar_t) is
 * below 2^-126, where no image could be told from the noise and conversions between predictions overflow.
 */
export function scheduleFromBetas(betas: ArrayLike<number>, name = "custom"): NoiseSchedule {
  const T = betas.length;
  const endsInNoise = (t: number): boolean => t === T - 1 && t > 0 && betas[t] === 1;
  const wrong = Array.from(betas).findIndex((beta, t) => !((beta > 0 && beta < 1) || endsInNoise(t)));
  if (T === 0) throw new ConfigError("betas: there is none", ["allowed    one or more"]);
  if (wrong !== -1) {
    throw new ConfigError(`betas[${wrong}]: ${betas[wrong]} is not a variance of added noise`, [OPEN_UNIT_INTERVAL]);
  }
  const table = (f: (t: number) => number): Float64Array => Float64Array.from({ length: T }, (_, t) => f(t));
  const beta = Float64Array.from(betas);
  const alphas = beta.map((b) => 1 - b);
  let product = 1;
  const alphaBar = alphas.map((alpha) => (product *= alpha));
  const lost = alphaBar.findIndex((a, t) => !(Math.sqrt(a) >= MIN_SIGNAL || endsInNoise(t)));
  if (lost !== -1) {
    throw new ConfigError(`schedule ${name}: of the image nothing is left from step ${lost} of ${T} on`, [
      `alphaBar   ${alphaBar[lost]} at t = ${lost}, the product of all 1 - beta up to there`,
      "allowed    fewer steps or smaller betas, so that sqrt(alphaBar) >= 2^-126; cosine fits any number of steps",
    ]);
  }
  const alphaBarPrev = table((t) => (t === 0 ? 1 : alphaBar[t - 1]!));
  const amounts = (signal: number): Amounts => ({ alpha: Math.sqrt(signal), sigma: Math.sqrt(1 - signal) });
  const posteriors = Array.from({ length: T }, (_, t) => posterior(amounts(alphaBar[t]!), amounts(alphaBarPrev[t]!)));
  const posteriorVariance = table((t) => posteriors[t]!.small);
  return {
    name, T, betas: beta, alphas, alphaBar, alphaBarPrev, posteriorVariance,
    sqrtAlphaBar: alphaBar.map(Math.sqrt),
    sqrtOneMinusAlphaBar: alphaBar.map((a) => Math.sqrt(1 - a)),
    posteriorLogVarianceClipped: table((t) => elementary.log(posteriorVariance[Math.max(t, 1)] ?? 1e-20)),
    posteriorMeanCoef1: table((t) => posteriors[t]!.x0),
    posteriorMeanCoef2: table((t) => posteriors[t]!.xt),
    snr: alphaBar.map((a) => a / (1 - a)),
  };
}

/** fixed-small: betaTilde_t, right where x0 is one point; fixed-large: beta_t, right where x0 ~ N(0, 1) (section 3.2). */
export const FIXED_VARIANCES = ["fixed-small", "fixed-large"] as const;
/** A variance of ancestral steps that no network says: "fixed-small" is betaTilde, "fixed-large" beta. */
export type FixedVariance = (typeof FIXED_VARIANCES)[number];
const variances = oneOf(FIXED_VARIANCES);

/** What a network with a second value for each one of a sample may say by it: see `readVariance`. */
export const LEARNED_VARIANCES = ["learned-range", "learned"] as const;
/** A variance that the network says. */
export type LearnedVariance = (typeof LEARNED_VARIANCES)[number];

/** The variances that reverse steps may have. */
export const VARIANCES = [...FIXED_VARIANCES, ...LEARNED_VARIANCES] as const;
/** Any variance of ancestral steps. */
export type VarianceKind = (typeof VARIANCES)[number];

/** Whether a network has to say the variance. */
export function isLearned(kind: VarianceKind): kind is LearnedVariance {
  return (LEARNED_VARIANCES as readonly VarianceKind[]).includes(kind);
}

/**
 * sigma_t^2 of the reverse step p(x_{t-1} | x_t): betaTilde_t or beta_t.
 * The last step, t = 0, adds no noise whatever the kind: a sampler multiplies by [t > 0].
 * @throws ConfigError when t is not a step of the schedule, or there is no such kind.
 */
export function variance(schedule: NoiseSchedule, t: number, kind: FixedVariance): number {
  checkTimestep(schedule, t);
  checkValue(variances, "variance", kind);
  return kind === "fixed-small" ? schedule.posteriorVariance[t]! : schedule.betas[t]!;
}

/**
 * ln sigma_t^2 as the likelihood needs it: at t = 0 both kinds take ln betaTilde_1 (Ho et al.'s CIFAR10 code).
 * @throws ConfigError when t is not a step of the schedule, or there is no such kind.
 */
export function logVariance(schedule: NoiseSchedule, t: number, kind: FixedVariance): number {
  checkTimestep(schedule, t);
  checkValue(variances, "variance", kind);
  return kind === "fixed-small" || t === 0 ? schedule.posteriorLogVarianceClipped[t]! : elementary.log(schedule.betas[t]!);
}

/** @throws ConfigError when t is not an integer in 0 .. T-1. */
export function checkTimestep({ name, T }: NoiseSchedule, t: number): void {
  if (Number.isInteger(t) && t >= 0 && t < T) return;
  throw new ConfigError(`t: ${t} is not a step of the schedule ${name}`, [`allowed    integers 0 .. ${T - 1}`]);
}
