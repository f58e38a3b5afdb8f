/** Judging a kernel's output: finite, and equal to what the reference computes from the same inputs. */
import type { NumberArray } from "./backend.js";
import { openReference } from "./backends/reference/index.js";
import { compositions, isFused, type Runner } from "./fused.js";
import { kernelDefinition, type FusedKernelName, type KernelName } from "./kernels.js";

/** Index of the first NaN or infinity, undefined when there is none. */
export function firstNonFinite(values: NumberArray): number | undefined {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return undefined;
}

/** Largest difference allowed, relative to the largest value of the reference: F(4x4) Winograd errs by up to 1e-5. */
const TOLERANCE = 1e-4;

/** Runs a kernel in plain TypeScript, in f64. */
export function runReference(kernel: KernelName | FusedKernelName, inputs: Record<string, NumberArray>, attrs: unknown, scalars: unknown): NumberArray {
  const reference = openReference();
  if (isFused(kernel)) {
    const composed = compositions[kernel] as (run: Runner<NumberArray>, inputs: unknown, attrs: unknown) => NumberArray;
    return composed((name, x, a, s) => runReference(name, x as Record<string, NumberArray>, a, s), inputs, attrs);
  }
  const y = reference.allocate(kernelDefinition(kernel).output(attrs as never), "f64");
  (reference.kernels[kernel] as (y: NumberArray, x: unknown, a: unknown, s: unknown) => void)(y, inputs, attrs, scalars);
  return y;
}

/** Compares a kernel's output with the reference's; a line that says how they differ, or undefined. */
export function checkAgainstReference(
  kernel: KernelName | FusedKernelName, inputs: Record<string, NumberArray>, attrs: unknown, scalars: unknown, values: NumberArray,
): string | undefined {
  const wide = Object.fromEntries(Object.entries(inputs).map(([name, array]) => [name, Float64Array.from(array)]));
  const exact = runReference(kernel, wide, attrs, scalars);
  const expected = values instanceof Float32Array ? Float32Array.from(exact) : exact; // beyond the range of f32 stands an infinity
  let largest = 1e-30;
  for (const value of expected) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  for (let i = 0; i < expected.length; i++) {
    const same = Object.is(values[i], expected[i]) || Math.abs(values[i] - expected[i]) <= TOLERANCE * largest;
    if (!same) return `element ${i} is ${values[i]}, the reference gives ${expected[i]} (largest ${largest})`;
  }
  return undefined;
}
