/** Runs one kernel of the reference backend in f64, out of place: what other results are compared with. */
import type { NumberArray } from "../../src/core/backend.js";
import { openReference } from "../../src/backends/reference/index.js";
import {
  kernelDefinition, kernels, type AnyKernelName, type Attrs, type Inputs, type KernelName, type Scalars, type UpdateKernelName,
} from "../../src/kernels/contract.js";
import { sizeOf, type Shape } from "../../src/core/shape.js";

/** A kernel seen without its types, for loops over the whole list. */
export type LooseKernel<T> = (y: T, ...rest: Parameters<LooseUpdate<T>>) => void;
export type LooseUpdate<T> =
  (inputs: Readonly<Record<string, T>>, attrs: unknown, scalars: Readonly<Record<string, number>>) => void;

export const referenceKernels = openReference().kernels;

/** Shapes of a kernel's inputs by name, and of its output. */
export function kernelShapes(kernel: AnyKernelName, attrs: unknown): { inputs: Record<string, Shape>; output: Shape } {
  const definition = kernelDefinition(kernel);
  const inputs: Record<string, Shape> = {};
  for (const [name, shapeOf] of Object.entries(definition.inputs)) inputs[name] = shapeOf(attrs as never);
  return { inputs, output: definition.output(attrs as never) };
}

/** y of a kernel by the reference in f64. */
export function reference<K extends KernelName>(
  kernel: K, inputs: Inputs<K, NumberArray>, attrs: Attrs<K>, scalars: Scalars<K>,
): Float64Array {
  const y = new Float64Array(sizeOf(kernels[kernel].output(attrs as never)));
  const run = referenceKernels[kernel] as unknown as LooseKernel<NumberArray>;
  run(y, inputs as unknown as Record<string, NumberArray>, attrs, scalars as unknown as Record<string, number>);
  return y;
}

/** All inputs of an update kernel as they are after it, by the reference in f64; the ones given stay as they are. */
export function referenceUpdate<K extends UpdateKernelName>(
  kernel: K, inputs: Inputs<K, NumberArray>, attrs: Attrs<K>, scalars: Scalars<K>,
): Record<keyof Inputs<K, NumberArray>, Float64Array> {
  const copies: Record<string, NumberArray> = {};
  for (const [name, values] of Object.entries<NumberArray>(inputs)) copies[name] = Float64Array.from(values);
  const run = referenceKernels[kernel] as unknown as LooseUpdate<NumberArray>;
  run(copies, attrs, scalars as unknown as Record<string, number>);
  return copies as Record<keyof Inputs<K, NumberArray>, Float64Array>;
}
