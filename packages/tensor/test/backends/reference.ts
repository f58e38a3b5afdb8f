/** One kernel of the reference in f64, typed by the kernel. */
import type { Attrs, Inputs, KernelName, Outputs, Scalars } from "../../src/kernels/contract.js";
import type { NumberArray } from "../../src/core/backend.js";
import { runReference, type Values } from "../../src/verify/run-reference.js";
import { makeInputs, makeScalars } from "./spec/index.js";

/** The outputs of a kernel; inputs that it updates are copied first. */
export function reference<K extends KernelName>(
  kernel: K, inputs: Inputs<K, NumberArray>, attrs: Attrs<K>, scalars: Scalars<K>,
): Outputs<K, Float64Array> {
  return runReference(kernel, inputs as unknown as Values, attrs, scalars as Readonly<Record<string, number>>) as unknown as Outputs<K, Float64Array>;
}

/** Inputs for a case of a kernel. */
export function inputsFor<K extends KernelName>(kernel: K, attrs: Attrs<K>, seed: number): Inputs<K, Float64Array> {
  return makeInputs(kernel, attrs, seed) as unknown as Inputs<K, Float64Array>;
}

/** Scalars for a case of a kernel. */
export function scalarsFor<K extends KernelName>(kernel: K, attrs: Attrs<K>, seed: number): Scalars<K> {
  return makeScalars(kernel, attrs, seed) as unknown as Scalars<K>;
}
