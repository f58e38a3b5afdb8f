/**
 * What a kernel is tried on, in one place: its cases over awkward sizes (odd sides, channel counts that are no multiple of 4, single
 * pixels, one-sided padding), values for its inputs and scalars, and what its errors are measured against. One file a family beside
 * this one. All values are f32 numbers, so that a backend in f32 and the reference in f64 are asked the same question.
 */
import type { NumberArray } from "../../../src/core/backend.js";
import type { Attrs, Inputs, KernelName, Outputs, Scalars } from "../../../src/kernels/contract.js";
import type { Random } from "../../../src/random/random.js";
import { runReference, type Values } from "../../../src/verify/run-reference.js";

/** n values of one input. */
export type Draw = (random: Random, n: number) => Float64Array;

export interface KernelSpec<K extends KernelName> {
  readonly cases: readonly Attrs<K>[];
  /** Where the values of inputs come from, for those that are not drawn from [-2, 2). */
  readonly draws?: (attrs: Attrs<K>, seed: number) => { readonly [name in keyof Inputs<K, unknown>]?: Draw };
  /** Changes drawn inputs into ones that belong together: statistics to x, say. */
  readonly settle?: (inputs: Inputs<K, NumberArray>, attrs: Attrs<K>) => Partial<Inputs<K, NumberArray>>;
  readonly scalars?: (attrs: Attrs<K>, random: Random) => Scalars<K>;
  /**
   * For outputs in which terms of a sum may cancel: the largest sum of |terms| behind one element. Without it the reference itself is
   * the measure.
   */
  readonly terms?: (inputs: Inputs<K, NumberArray>, attrs: Attrs<K>, scalars: Scalars<K>) => { readonly [name in keyof Outputs<K, unknown>]?: number };
}

export type Specs<K extends KernelName> = { readonly [name in K]: KernelSpec<name> };

/** Real numbers in [low, high). */
export const uniform = (low: number, high: number): Draw => (random, n) => random.uniform(n).map((u) => low + (high - low) * u);

/** Multiples of `step` in [low, high]: ties are common. */
export const lattice = (low: number, high: number, step: number): Draw => (random, n) =>
  Float64Array.from(random.integers(n, (high - low) / step + 1), (k) => low + step * k);

/** Numbers whose size is in [low, high), of both signs. */
export const awayFromZero = (low: number, high: number): Draw => (random, n) => {
  const signs = random.integers(n, 2);
  return uniform(low, high)(random, n).map((value, i) => (signs[i] === 0 ? value : -value));
};

export const usual = uniform(-2, 2);

export function largest(values: NumberArray): number {
  let max = 0;
  for (const value of values) max = Math.max(max, Math.abs(value));
  return max;
}

export const absolute = (values: NumberArray): NumberArray => values.map(Math.abs);

/** The largest element of each output of a kernel without scalars on absolute values: of sums of products, the largest sum of |terms|. */
export function largestTerms(kernel: KernelName, inputs: Readonly<Record<string, NumberArray>>, attrs: unknown): Record<string, number> {
  const positive: Values = Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, absolute(values)]));
  const outputs = Object.entries(runReference(kernel, positive, attrs as never, {}));
  return Object.fromEntries(outputs.map(([name, values]) => [name, largest(values as NumberArray)]));
}

/** Lengths of vectors. */
export const lengths = [1, 2, 3, 5, 8, 19, 33, 64, 1027, 4100];

/** Sizes seen from an axis. */
export const axes = ([
  [1, 1, 1], [1, 17, 1], [5, 1, 3], [3, 8, 5], [1, 64, 33], [19, 3, 1], [1, 1001, 8], [2, 5, 64],
] as const).map(([outer, axis, inner]) => ({ outer, axis, inner }));
