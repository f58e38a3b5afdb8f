import type { NumberArray } from "../core/backend.js";
import { NumericError } from "../core/errors.js";
import type { KernelResult, Observer } from "../core/observe.js";
import { operationName } from "../kernels/contract.js";
import { runReference } from "../verify/run-reference.js";
import { readAll, whenRead, type NamedValues } from "./reading.js";

/** Largest difference allowed, relative to the largest value of the reference: F(4x4) Winograd errs by up to 1e-5. */
const TOLERANCE = 1e-4;

/**
 * An observer that computes every kernel again in plain TypeScript, in f64, from the same inputs, and throws NumericError at the first
 * that differs by more than 1e-4 of the largest value: at once on a device that computes at once, else as its verdict.
 */
export function referenceCheck(): Observer {
  let before: ReturnType<typeof readAll> = []; // an update kernel overwrites its inputs
  return {
    before({ inputs }) {
      before = readAll(inputs);
    },
    after(result) {
      const operands = before, outputs = readAll(result.outputs);
      const later = operands instanceof Promise || outputs instanceof Promise;
      return whenRead(later ? Promise.all([operands, outputs]) : [operands, outputs], ([given, found]) => compare(result, given, found));
    },
  };
}

function compare(result: KernelResult, given: readonly NamedValues[], found: readonly NamedValues[]): void {
  const { kernel, attrs, scalars, layer, device } = result;
  const byName = new Map(given.map(({ name, values }) => [name, Float64Array.from(values)]));
  const inputs = Object.fromEntries(Object.entries(result.inputs).map(([name, operand]) =>
    [name, Array.isArray(operand) ? operand.map((_, i) => byName.get(`${name}[${i}]`)!) : byName.get(name)!]));
  const expected = runReference(kernel, inputs, attrs, scalars);
  for (const { name, values } of found) {
    const [, output, index] = /^(\w+)(?:\[(\d+)\])?$/.exec(name)!;
    const exact = index === undefined ? expected[output] as NumberArray : (expected[output] as readonly NumberArray[])[Number(index)];
    const difference = differenceOf(values, exact);
    if (difference === undefined) continue;
    const which = found.length > 1 ? `: ${name}` : "";
    const error = new NumericError(`${operationName(kernel, attrs)} on ${device.name} differs from the reference${which}`, [difference]);
    error.locate(layer);
    throw error;
  }
}

/** How the values differ from the exact ones, in words; undefined where they do not. */
function differenceOf(values: NumberArray, exact: NumberArray): string | undefined {
  const expected = values instanceof Float32Array ? Float32Array.from(exact) : exact; // past the range of f32 stands an infinity
  let largest = 1e-30;
  for (const value of expected) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  for (let i = 0; i < expected.length; i++) {
    const same = Object.is(values[i], expected[i]) || Math.abs(values[i] - expected[i]) <= TOLERANCE * largest;
    if (!same) return `element ${i} is ${values[i]}, the reference gives ${expected[i]} (largest ${largest})`;
  }
  return undefined;
}
