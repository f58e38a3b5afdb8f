/**
 * Averages of weights by profiles that are powers of time, and one of any length from a few of them: Karras, Aittala, Lehtinen, Hellsten,
 * Aila, Laine 2024, "Analyzing and Improving the Training Dynamics of Diffusion Models", section 3 and appendix C. At time t
 *   average_gamma(t) = the integral over s in [0, t] of p(s) theta(s),  p(s) = (gamma + 1) s^gamma / t^(gamma + 1);
 * with theta constant within each step that is what the decays (1 - 1/n)^(gamma + 1) of steps n = 1, 2, ... give, exactly. The relative
 * length of a profile is its standard deviation over t.
 */
import { ConfigError, elementary } from "@fromnoise/tensor";

/** Exponent of the longest profile, where the golden ratio is gamma + 2: from there on length falls again. */
const LONGEST_EXPONENT = (Math.sqrt(5) - 3) / 2;
/** Relative lengths that are allowed; 0.2887 is the mean of all steps alike, and 0.3003 the longest that a power has. */
export const AVERAGE_LENGTHS = { from: 0.01, to: 0.3 } as const;

/** Relative length of the profile of an exponent > -1: sqrt(gamma + 1) / ((gamma + 2) sqrt(gamma + 3)). */
export function profileLength(exponent: number): number {
  return Math.sqrt(exponent + 1) / ((exponent + 2) * Math.sqrt(exponent + 3));
}

/**
 * The exponent gamma of a relative length, the largest solution of profileLength(gamma) = length, by halving: every engine finds the
 * same. Throws ConfigError for a length out of 0.01 .. 0.3.
 */
export function profileExponent(length: number): number {
  const { from, to } = AVERAGE_LENGTHS;
  if (!(length >= from && length <= to)) throw new ConfigError(`the length ${length} of an average is not allowed`, [`allowed  ${from} .. ${to}`]);
  let [low, high] = [LONGEST_EXPONENT, 1];
  while (profileLength(high) > length) high *= 2;
  for (;;) {
    const middle = (low + high) / 2;
    if (!(middle > low && middle < high)) return middle;
    if (profileLength(middle) > length) low = middle;
    else high = middle;
  }
}

/** A profile: of relative length `length`, at the end of step `step`. */
export interface Profile { readonly length: number; readonly step: number }

/** Weights of the averages that are there, and how well their sum meets the profile that was asked for. */
export interface Rebuilt {
  /** What the given averages are to be multiplied with; the sum is 1. */
  readonly weights: readonly number[];
  /** Norm of the difference between the profile that the weighted sum has and the wanted one, over the norm of that. */
  readonly error: number;
}

/**
 * The weighted sum of given averages that has the profile nearest to a wanted one: x minimises || sum_i x_i p_i - p ||^2, that is
 * A x = b, A_ij = <p_i, p_j>, b_i = <p_i, p> (appendix C.3), under the condition sum_i x_i = 1, which the paper leaves out: without it
 * long averages, which few given ones can imitate at their beginning, come out too small (0.95 of themselves at length 0.3 with 100
 * times two of lengths 0.05 and 0.1). x = A^-1 b + mu A^-1 1, where mu makes the sum 1.
 * An average that is given already is taken as it is. Throws ConfigError for lengths out of 0.01 .. 0.3, and without any averages.
 */
export function rebuildWeights(given: readonly Profile[], wanted: Profile): Rebuilt {
  if (given.length === 0) throw new ConfigError("there are no averages to rebuild one from");
  const same = given.findIndex(({ length, step }) => length === wanted.length && step === wanted.step);
  if (same >= 0) return { weights: given.map((_, i) => Number(i === same)), error: 0 };
  const profiles = given.map(powerOf), target = powerOf(wanted);
  const cosines = profiles.map((a) => profiles.map((b) => cosine(a, b)));
  const b = profiles.map((a) => cosine(a, target)), ones = profiles.map((a) => norm(target) / norm(a));
  const [best, along] = solve(cosines, [b, ones]);                     // of y_i = x_i |p_i| / |p|, whose equations have diagonal 1
  const mu = (1 - dot(ones, best)) / dot(ones, along);
  const y = best.map((value, i) => value + mu * along[i]);
  const squared = dot(y, cosines.map((row) => dot(row, y))) - 2 * dot(y, b) + 1;
  return { weights: y.map((value, i) => value * ones[i]), error: Math.sqrt(Math.max(0, squared)) };
}

/** A profile by its exponent. */
interface Power { readonly gamma: number; readonly t: number }

function powerOf({ length, step }: Profile): Power {
  return { gamma: profileExponent(length), t: step };
}

/** |p| = (gamma + 1) / sqrt((2 gamma + 1) t). */
function norm({ gamma, t }: Power): number {
  return (gamma + 1) / Math.sqrt((2 * gamma + 1) * t);
}

/**
 * <p, q> / (|p| |q|), from <p, q> = (gamma + 1)(delta + 1) min(s, t)^(gamma + delta + 1) / ((gamma + delta + 1) s^(gamma + 1) t^(delta + 1)):
 * the earlier of the two leaves (s / t)^(delta + 1/2), delta the exponent of the later one.
 */
function cosine(p: Power, q: Power): number {
  const [early, late] = p.t <= q.t ? [p, q] : [q, p];
  const alike = Math.sqrt((2 * p.gamma + 1) * (2 * q.gamma + 1)) / (p.gamma + q.gamma + 1);
  return early.t === late.t ? alike : alike * elementary.power(early.t / late.t, late.gamma + 0.5);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** Solutions of A x = b for several b, A symmetric and positive definite: A = L L^T (Cholesky), then L y = b and L^T x = y. */
function solve(a: readonly (readonly number[])[], sides: readonly (readonly number[])[]): number[][] {
  const n = a.length;
  const l = a.map((row) => row.slice(0, n) as number[]);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let value = a[i][j];
      for (let k = 0; k < j; k++) value -= l[i][k] * l[j][k];
      if (j === i && !(value > 0)) throw new ConfigError("the given averages are too alike to rebuild one from", ["hint     averages further apart"]);
      l[i][j] = j === i ? Math.sqrt(value) : value / l[j][j];
    }
  }
  return sides.map((side) => {
    const x = [...side];
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < i; k++) x[i] -= l[i][k] * x[k];
      x[i] /= l[i][i];
    }
    for (let i = n - 1; i >= 0; i--) {
      for (let k = i + 1; k < n; k++) x[i] -= l[k][i] * x[k];
      x[i] /= l[i][i];
    }
    return x;
  });
}
