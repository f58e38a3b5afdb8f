import {
  CheckpointError, assign, formatShape, sizeOf, tensor, type NumberArray, type Shape, type Tensor,
} from "@fromnoise/tensor";
import { fileShape, fromFileLayout, toFileLayout } from "./layout.js";
import type { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** One array of a state dict, in PyTorch's layout. */
export interface StateEntry { readonly shape: Shape; readonly data: NumberArray }
/** Values by name, in PyTorch's layout. */
export type StateDict = Map<string, StateEntry>;

/** One tensor for each parameter: such as a moment of the optimiser (`Adam.m`), kept in a file as the parameters are. */
export type TensorsByParameter = ReadonlyMap<Parameter, Tensor>;

/** Name and shape of every parameter as files have them, in diffusers' order. Nothing needs values. */
export function describe(module: Module): { name: string; shape: number[] }[] {
  return module.parameters.map((p) => ({ name: p.name, shape: fileShape(p) }));
}

/** The values of all parameters under their names in PyTorch's layout; or of the tensors given in place of them. */
export async function stateDict(module: Module, tensors?: TensorsByParameter): Promise<StateDict> {
  const dict: StateDict = new Map();
  for (const p of module.parameters) {
    const values = await tensorOf(p, tensors).data();
    dict.set(p.name, { shape: fileShape(p), data: toFileLayout(p, values) });
  }
  return dict;
}

/**
 * Replaces the contents of all parameters, or of the tensors given in place of them, by the values of a state dict. Values are
 * rounded to the dtype of their tensor.
 * Throws CheckpointError with every missing, extra and misshaped name; then nothing is changed.
 */
export function loadStateDict(module: Module, dict: ReadonlyMap<string, StateEntry>, tensors?: TensorsByParameter): void {
  checkStateDict(module, dict);
  const targets = module.parameters.map((p) => [p, tensorOf(p, tensors)] as const);
  for (const [p, target] of targets) {
    const values = fromFileLayout(p, dict.get(p.name)!.data);
    const source = tensor(values, { device: target.device, dtype: target.dtype, shape: p.shape });
    assign(target, source);
    source.dispose();
  }
}

function tensorOf(p: Parameter, tensors: TensorsByParameter | undefined): Tensor {
  return tensors?.get(p) ?? p.tensor;
}

/** Throws CheckpointError with every missing, extra and misshaped name of a state dict, where it does not fit a module. */
export function checkStateDict(module: Module, dict: ReadonlyMap<string, StateEntry>): void {
  const expected = new Map(module.parameters.map((p) => [p.name, fileShape(p)]));
  const missing = [...expected].flatMap(([name, want]) => (dict.has(name) ? [] : [`missing    ${name} ${formatShape(want)}`]));
  const extra = [...dict].flatMap(([name, has]) => (expected.has(name) ? [] : [`extra      ${name} ${formatShape(has.shape)}`]));
  const misshaped = [...dict].flatMap(([name, { shape, data }]) => {
    const want = expected.get(name);
    if (want === undefined) return [];
    const line = `misshaped  ${name} ${formatShape(shape)}   expected ${formatShape(want)}`;
    if (formatShape(shape) !== formatShape(want)) return [line];
    return data.length === sizeOf(want) ? [] : [`${line}, holds ${data.length} values`];
  });
  if (missing.length + extra.length + misshaped.length === 0) return;
  throw new CheckpointError(
    `the state dict does not fit the model: ${missing.length} missing, ${extra.length} extra, ${misshaped.length} misshaped`,
    [missing, extra, misshaped].flatMap(shortened),
  );
}

/** The first lines of a list, and how many more there are. */
function shortened(lines: readonly string[]): string[] {
  const shown = 12;
  return lines.length <= shown ? [...lines] : [...lines.slice(0, shown), `... and ${lines.length - shown} more`];
}
