/** One kernel in plain TypeScript, in f64 and out of place: what other results are compared with. */
import type { NumberArray } from "../core/backend.js";
import { sizeOf } from "../core/shape.js";
import { openReference } from "../backends/reference/index.js";
import {
  compositions, isFused, kernelDefinition, shapesOf, type KernelName, type LooseKernel, type Runner,
} from "../kernels/contract.js";

/** Operands by name, each an array or a list of them. */
export type Values = Readonly<Record<string, NumberArray | readonly NumberArray[]>>;

const reference = openReference();

/**
 * The outputs of a kernel by the reference, f64; a fused one by what it stands for. Inputs that the kernel updates are copied first.
 */
export function runReference(kernel: KernelName, inputs: Values, attrs: unknown, scalars: Readonly<Record<string, number>>): Values {
  if (isFused(kernel)) {
    const composed = compositions[kernel] as (run: Runner<NumberArray>, inputs: unknown, attrs: unknown, scalars: unknown) => Values;
    return composed(((name: KernelName, x: Values, a: unknown, s: typeof scalars) => runReference(name, x, a, s)) as never, inputs, attrs, scalars);
  }
  const outputs: Record<string, NumberArray | readonly NumberArray[]> = {};
  for (const [name, shapes] of Object.entries(kernelDefinition(kernel).outputs)) {
    const updated = inputs[name];
    if (updated === undefined) outputs[name] = new Float64Array(sizeOf(shapesOf(shapes, attrs)[0]));
    else outputs[name] = Array.isArray(updated) ? updated.map((values) => Float64Array.from(values)) : Float64Array.from(updated as NumberArray);
  }
  (reference.kernels[kernel] as unknown as LooseKernel<NumberArray>)(outputs, { ...inputs, ...pick(outputs, inputs) }, attrs, scalars);
  return outputs;
}

/** The outputs that are inputs too: the kernel sees the copies in both places. */
function pick(outputs: Values, inputs: Values): Values {
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => name in inputs));
}
