/** The specifications of all kernels, and what is made from them: operands, scalars, and results to compare. */
import type { NumberArray } from "../../../src/core/backend.js";
import { sizeOf, type Shape } from "../../../src/core/shape.js";
import { kernelDefinition, shapesOf, type KernelName } from "../../../src/kernels/contract.js";
import { Random } from "../../../src/random/random.js";
import { runReference, type Values } from "../../../src/verify/run-reference.js";
import { attentions } from "./attention.js";
import { convolutions } from "./conv2d.js";
import { elementwise } from "./elementwise.js";
import { groupNorms } from "./group-norm.js";
import { layout } from "./layout.js";
import { products } from "./matmul.js";
import { reductions } from "./reduce.js";
import { resampling } from "./resample.js";
import { softmaxes } from "./softmax.js";
import { usual, type Draw, type Specs } from "./spec.js";
import { updates } from "./update.js";

export const specs: Specs<KernelName> = {
  ...elementwise, ...reductions, ...layout, ...products, ...convolutions, ...attentions, ...groupNorms, ...softmaxes, ...resampling, ...updates,
};

export type Numbers = Readonly<Record<string, number>>;

/** A specification seen without its types, for what runs over all of them. */
interface LooseSpec {
  readonly cases: readonly unknown[];
  readonly draws?: (attrs: unknown, seed: number) => Readonly<Record<string, Draw | undefined>>;
  readonly settle?: (inputs: Values, attrs: unknown) => Values;
  readonly scalars?: (attrs: unknown, random: Random) => Numbers;
  readonly terms?: (inputs: Values, attrs: unknown, scalars: Numbers) => Readonly<Record<string, number | undefined>>;
}
const specOf = (kernel: KernelName): LooseSpec => specs[kernel] as unknown as LooseSpec;

/** The attributes of all cases of a kernel. */
export const casesOf = (kernel: KernelName): readonly unknown[] => specOf(kernel).cases;

/** The shape, or shapes of a list, of every input or output of a kernel. */
export function shapesByName(kernel: KernelName, of: "inputs" | "outputs", attrs: unknown): Record<string, Shape | readonly Shape[]> {
  return Object.fromEntries(Object.entries(kernelDefinition(kernel)[of]).map(([name, operand]) => {
    const shapes = shapesOf(operand, attrs);
    return [name, typeof operand === "function" ? shapes[0] : shapes];
  }));
}

export function isListOf<T>(operand: T | readonly T[]): operand is readonly T[] {
  return Array.isArray(operand);
}

/** Applies f to an array, or to each of a list. */
export function mapOperand<A, B>(operand: A | readonly A[], f: (array: A, i: number) => B): B | readonly B[] {
  return isListOf(operand) ? operand.map(f) : f(operand, 0);
}

/** Inputs for a case: the same for the same seed, inside the kernel's domain, and numbers of f32. */
export function makeInputs(kernel: KernelName, attrs: unknown, seed: number): Values {
  const random = new Random(seed);
  const { draws, settle } = specOf(kernel);
  const drawn = draws?.(attrs, seed) ?? {};
  const inputs: Record<string, NumberArray | readonly NumberArray[]> = {};
  for (const [name, operand] of Object.entries(kernelDefinition(kernel).inputs)) {
    const arrays = shapesOf(operand, attrs).map((shape) => (drawn[name] ?? usual)(random, sizeOf(shape)).map(Math.fround));
    inputs[name] = typeof operand === "function" ? arrays[0] : arrays;
  }
  return { ...inputs, ...settle?.(inputs, attrs) };
}

/** Scalars for a case, numbers of f32. */
export function makeScalars(kernel: KernelName, attrs: unknown, seed: number): Numbers {
  const scalars = specOf(kernel).scalars?.(attrs, new Random(seed, 1)) ?? {};
  return Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, Math.fround(value)]));
}

/** The largest sum of |terms| behind one element of each output; 0 where the reference itself is the measure. */
export function termScales(kernel: KernelName, inputs: Values, attrs: unknown, scalars: Numbers): Readonly<Record<string, number>> {
  const terms = specOf(kernel).terms?.(inputs, attrs, scalars) ?? {};
  return Object.fromEntries(Object.keys(kernelDefinition(kernel).outputs).map((name) => [name, terms[name] ?? 0]));
}

/** Inputs, scalars and what they give by the reference, for case number `seed` of a kernel. */
export interface Answer { readonly attrs: unknown; readonly inputs: Values; readonly scalars: Numbers; readonly outputs: Values; readonly scales: Readonly<Record<string, number>> }

const answers = new Map<string, Answer>();

/** The reference's answer to a case, computed once for all backends. Nobody may write into it. */
export function answerOf(kernel: KernelName, seed: number, attrs = casesOf(kernel)[seed]): Answer {
  const key = `${kernel} ${seed} ${JSON.stringify(attrs)}`;
  const known = answers.get(key);
  if (known !== undefined) return known;
  const inputs = makeInputs(kernel, attrs, seed), scalars = makeScalars(kernel, attrs, seed);
  const answer = { attrs, inputs, scalars, outputs: runReference(kernel, inputs, attrs, scalars), scales: termScales(kernel, inputs, attrs, scalars) };
  answers.set(key, answer);
  return answer;
}
