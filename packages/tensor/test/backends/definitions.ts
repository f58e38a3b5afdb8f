/** Means to write a kernel's definition down a second time, by index functions instead of loops over memory. */
import { expect } from "chai";
import type { NumberArray } from "../../src/core/backend.js";
import { flopsOf, kernelDefinition, type Attrs, type Inputs, type KernelName, type Scalars } from "../../src/kernels/contract.js";
import { sizeOf, type Shape } from "../../src/core/shape.js";
import { conformanceError } from "./conformance.js";
import { answerOf, casesOf, shapesByName } from "./spec/index.js";

/** The value at an index; zero outside the array. */
export type At = (...index: number[]) => number;

/** An array seen as a function of its index. */
export function view(values: NumberArray, shape: Shape): At {
  return (...index) => {
    let at = 0;
    for (const [axis, i] of index.entries()) {
      if (i < 0 || i >= shape[axis]) return 0;
      at = at * shape[axis] + i;
    }
    return values[at];
  };
}

/** The array whose element at `index` is f(...index), row-major. */
export function byIndex(shape: Shape, f: At): Float64Array {
  return Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    const index = shape.map(() => 0);
    for (let axis = shape.length - 1, rest = at; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return f(...index);
  });
}

/** Sum over i from 0 to n - 1 of f(i). */
export function sum(n: number, f: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += f(i);
  return total;
}

/** <a, b> */
export function dot(a: NumberArray, b: NumberArray): number {
  return sum(a.length, (i) => a[i] * b[i]);
}

/** The inputs of kernel K as functions of their indices. */
export type Views<K extends KernelName> = Inputs<K, At>;

/**
 * Asserts that the reference agrees to 1e-12 with output[index] = definition(...)(index) in every case of the kernel that does at
 * most `maxFlops` operations; the output is the kernel's first unless named.
 */
export function expectDefinition<K extends KernelName>(
  kernel: K, definition: (inputs: Views<K>, attrs: Attrs<K>, scalars: Scalars<K>) => At, maxFlops = Infinity,
  output = Object.keys(kernelDefinition(kernel).outputs)[0],
): void {
  let tried = 0;
  for (const [seed, attrs] of (casesOf(kernel) as readonly Attrs<K>[]).entries()) {
    if (flopsOf(kernel, attrs) > maxFlops) continue;
    const { inputs, scalars, outputs, scales } = answerOf(kernel, seed);
    const shapes = shapesByName(kernel, "inputs", attrs);
    const views = Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, view(values as NumberArray, shapes[name] as Shape)]));
    const shape = shapesByName(kernel, "outputs", attrs)[output] as Shape;
    const yRef = byIndex(shape, definition(views as unknown as Views<K>, attrs, scalars as unknown as Scalars<K>));
    const error = conformanceError(outputs[output] as NumberArray, yRef, scales[output]);
    expect(error, `${kernel} ${JSON.stringify(attrs)}`).to.be.at.most(1e-12);
    tried++;
  }
  expect(tried, "cases tried").to.be.at.least(5);
}
