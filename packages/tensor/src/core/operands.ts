/** The operands of a kernel, each a tensor or a list of them. */
import type { TensorsByName } from "./observe.js";
import type { Tensor } from "./tensor.js";

export function isList(operand: Tensor | readonly Tensor[]): operand is readonly Tensor[] {
  return Array.isArray(operand);
}

export function hasElements(operand: Tensor | readonly Tensor[]): boolean {
  return isList(operand) ? operand.some((t) => t.size > 0) : operand.size > 0;
}

export function storageOf(operand: Tensor | readonly Tensor[]): unknown {
  return isList(operand) ? operand.map((t) => t.buffer.storage) : operand.buffer.storage;
}

export function storages(operands: TensorsByName): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const name in operands) out[name] = storageOf(operands[name]);
  return out;
}

/** The name of a tensor that is among the operands. */
export function nameOf(t: Tensor, operands: TensorsByName): string {
  return Object.keys(operands).find((name) => operands[name] === t || (isList(operands[name]) && operands[name].includes(t)))!;
}
