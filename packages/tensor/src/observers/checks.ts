/** Judging a kernel's output: finite, and equal to what the reference computes from the same inputs. */
import type { NumberArray } from "../core/backend.js";
import { openReference } from "../backends/reference/index.js";
import type { DebugSettings } from "./debug.js";
import { NumericError } from "../core/errors.js";
import { compositions, isFused, type Runner } from "../kernels/fused.js";
import { kernelDefinition, operationName, updateKernels } from "../kernels/contract.js";
import type { AnyKernelName, FusedKernelName, KernelName } from "../kernels/contract.js";
import { formatShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";

/** One kernel call: what it was asked to do, where, and the tensor it wrote. */
export interface KernelCall {
  kernel: AnyKernelName; attrs: unknown; scalars: unknown;
  device: string; layer: string; output: Tensor;
}

/** Largest difference allowed, relative to the largest value of the reference: F(4x4) Winograd errs by up to 1e-5. */
const TOLERANCE = 1e-4;

/**
 * Throws NumericError, naming the layer, when the values a call wrote are not finite (mode "finite"), or differ from what the
 * reference computes from the same operands (mode "reference"; update kernels, which have overwritten theirs, are passed over).
 */
export function judge(
  mode: DebugSettings["check"], call: KernelCall, values: NumberArray, operands: Record<string, NumberArray>,
): void {
  const { kernel, attrs, scalars, device, layer, output } = call;
  const op = operationName(kernel, attrs);
  let error: NumericError | undefined;
  if (mode === "finite") {
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) return;
    error = new NumericError(`${op}: the output ${output.dtype} ${formatShape(output.shape)} is not finite`, [
      `element ${bad} is ${values[bad]}`,
    ]);
  } else if (mode === "reference" && !(kernel in updateKernels)) {
    const difference = differenceFromReference(kernel as KernelName | FusedKernelName, operands, attrs, scalars, values);
    if (difference === undefined) return;
    error = new NumericError(`${op} on ${device} differs from the reference`, [difference]);
  }
  error?.locate(layer);
  if (error !== undefined) throw error;
}

/** Compares a kernel's output with the reference's; a line that says how they differ, or undefined. */
function differenceFromReference(
  kernel: KernelName | FusedKernelName, inputs: Record<string, NumberArray>, attrs: unknown, scalars: unknown,
  values: NumberArray,
): string | undefined {
  const wide = Object.fromEntries(Object.entries(inputs).map(([name, array]) => [name, Float64Array.from(array)]));
  const exact = runReference(kernel, wide, attrs, scalars);
  const expected = values instanceof Float32Array ? Float32Array.from(exact) : exact; // past the range of f32 stands an infinity
  let largest = 1e-30;
  for (const value of expected) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  for (let i = 0; i < expected.length; i++) {
    const same = Object.is(values[i], expected[i]) || Math.abs(values[i] - expected[i]) <= TOLERANCE * largest;
    if (!same) return `element ${i} is ${values[i]}, the reference gives ${expected[i]} (largest ${largest})`;
  }
  return undefined;
}

/** Runs a kernel in plain TypeScript, in f64. */
function runReference(
  kernel: KernelName | FusedKernelName, inputs: Record<string, NumberArray>, attrs: unknown, scalars: unknown,
): NumberArray {
  const reference = openReference();
  if (isFused(kernel)) {
    const composed = compositions[kernel] as (run: Runner<NumberArray>, inputs: unknown, attrs: unknown) => NumberArray;
    return composed((name, x, a, s) => runReference(name, x as Record<string, NumberArray>, a, s), inputs, attrs);
  }
  const y = reference.allocate(kernelDefinition(kernel).output(attrs as never), "f64");
  (reference.kernels[kernel] as (y: NumberArray, x: unknown, a: unknown, s: unknown) => void)(y, inputs, attrs, scalars);
  return y;
}
