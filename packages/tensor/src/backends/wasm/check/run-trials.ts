/** All trials on a machine, and where the results of two machines differ. */
import { kernelDefinition, kernelNames, operationName, shapesOf, type KernelName, type LooseKernel } from "../../../kernels/contract.js";
import { sizeOf, type Shape } from "../../../core/shape.js";
import type { Precision } from "../kernels/conv2d.js";
import type { Machine, Storage } from "../machine/machine.js";
import { WeightCache } from "../machine/weight-cache.js";
import { trials, type Draw } from "./trials.js";

/** The kernels on a machine, as a device has them. */
export type KernelsOn = (machine: Machine, precision: Precision, cache: WeightCache) => Readonly<Partial<Record<KernelName, unknown>>>;

type Operands<T> = Readonly<Record<string, T | readonly T[]>>;

/** A case of a kernel, seen without types. */
interface Trial {
  readonly kernel: KernelName;
  readonly attrs: unknown;
  readonly scalars: Readonly<Record<string, number>>;
  readonly draws: Readonly<Record<string, Draw | undefined>>;
}
interface LooseTrials {
  readonly cases: readonly unknown[];
  readonly scalars: Readonly<Record<string, number>>;
  readonly draws?: (attrs: unknown) => Readonly<Record<string, Draw | undefined>>;
}

function trialsOf(kernel: KernelName): Trial[] {
  const { cases, scalars, draws } = trials[kernel] as unknown as LooseTrials;
  return cases.map((attrs) => ({ kernel, attrs, scalars, draws: draws?.(attrs) ?? {} }));
}

/** Element i of an input: numbers in [-2, 2) without a pattern that a kernel's loops could have. */
const valueAt = (i: number, salt: number): number => (Math.imul(Math.imul(i + 1, 0x9e3779b1) ^ salt, 0x85ebca6b) >>> 0) / 2 ** 30 - 2;

/** The results of a trial: its outputs one after the other. */
function resultsOf({ kernel, attrs, scalars, draws }: Trial, run: LooseKernel<Storage>, { memory }: Machine): Float32Array {
  const made: Storage[] = [];
  const filled = (shape: Shape, value: (i: number) => number): Storage => {
    const size = sizeOf(shape), block = memory.allocate(size * 4, () => `a trial of ${kernel}`);
    const storage = { block, address: block.address, size };
    made.push(storage);
    const { floats } = memory;
    for (let i = 0; i < size; i++) floats[block.address / 4 + i] = value(i);
    return storage;
  };
  const operand = (of: "inputs" | "outputs", name: string, value: (i: number, which: number) => number): Storage | Storage[] => {
    const definition = kernelDefinition(kernel)[of][name];
    const all = shapesOf(definition, attrs).map((shape, which) => filled(shape, (i) => value(i, which)));
    return typeof definition === "function" ? all[0] : all;
  };
  const definition = kernelDefinition(kernel);
  const inputs: Operands<Storage> = Object.fromEntries(Object.keys(definition.inputs).map((name, place) => {
    const draw = draws[name] ?? ((value: number) => value);
    return [name, operand("inputs", name, (i, which) => draw(valueAt(i, 0x51ed27 * (8 * which + place + 1)), i))];
  }));
  const outputs: Operands<Storage> = Object.fromEntries(Object.keys(definition.outputs).map((name) =>
    [name, inputs[name] ?? operand("outputs", name, () => NaN)]));
  run(outputs, inputs, attrs, scalars);
  const parts = Object.values(outputs).flat().map(({ address, size }) => memory.floats.slice(address / 4, address / 4 + size));
  for (const { block } of made) memory.free(block);
  const results = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (results.set(part, at), at + part.length), 0);
  return results;
}

/**
 * Where the results of `tested` are not those of `right`, in words; undefined where all trials of all kernels, the convolutions in both
 * precisions, give the same. `tolerance` is what they may differ by, as a part of the largest number of a result; 0 asks for the bits.
 */
export function differenceOf(tested: Machine, right: Machine, kernelsOn: KernelsOn, tolerance: number): string | undefined {
  for (const precision of ["fast", "exact"] as const) {
    const [found, expected] = [tested, right].map((machine) => kernelsOn(machine, precision, new WeightCache(machine)));
    for (const kernel of kernelNames) {
      if (expected[kernel] === undefined || (precision === "exact" && !kernel.startsWith("conv2d"))) continue;
      for (const trial of trialsOf(kernel)) {
        const y = resultsOf(trial, found[kernel] as LooseKernel<Storage>, tested), z = resultsOf(trial, expected[kernel] as LooseKernel<Storage>, right);
        const wrong = firstDifference(y, z, tolerance);
        if (wrong < 0) continue;
        const name = operationName(kernel, trial.attrs), mode = precision === "exact" ? ", exact" : "";
        return `${name} ${JSON.stringify(trial.attrs)}${mode}: element ${wrong} is ${y[wrong]}, not ${z[wrong]}`;
      }
    }
  }
  return undefined;
}

/** The first element that differs by more than is allowed; -1 where none does. A NaN is like another. */
function firstDifference(found: Float32Array, right: Float32Array, tolerance: number): number {
  const largest = tolerance === 0 ? 0 : right.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  return right.findIndex((value, i) => !Object.is(found[i], value) && !(Math.abs(found[i] - value) <= tolerance * largest && tolerance > 0));
}
