/** Reading what a kernel took and gave: at once where the device computes at once, so that a verdict falls before the next kernel. */
import type { NumberArray } from "../core/backend.js";
import { eachTensor, type TensorsByName } from "../core/observe.js";
import type { Tensor } from "../core/tensor.js";

/** A tensor of a call, by its name there (`p[3]` in a list), and its values. */
export interface NamedValues { readonly name: string; readonly tensor: Tensor; readonly values: NumberArray }

/** The values of all tensors, which are read now though they may arrive later. */
export function readAll(operands: TensorsByName): NamedValues[] | Promise<NamedValues[]> {
  const all = eachTensor(operands).map(([name, tensor]) => ({ name, tensor, values: tensor.device.peek(tensor) }));
  if (!all.some(({ values }) => values instanceof Promise)) return all as NamedValues[];
  return Promise.all(all.map(async ({ values, ...rest }) => ({ ...rest, values: await values })));
}

/** Calls judge with what `reading` gives, at once or later. */
export function whenRead<T>(reading: T | Promise<T>, judge: (read: T) => void): void | Promise<void> {
  return reading instanceof Promise ? reading.then(judge) : judge(reading);
}
