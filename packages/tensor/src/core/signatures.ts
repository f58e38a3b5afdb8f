/** The definitions of the kernels as lists, made once: what every launch is checked against. */
import { kernelDefinition, kernelNames, type KernelName } from "../kernels/contract.js";
import type { Shape } from "./shape.js";

/** An operand by name; `shape` for one tensor, `list` for several. */
export interface Operand {
  readonly name: string;
  readonly shape: ((attrs: unknown) => Shape) | undefined;
  readonly list: ((attrs: unknown) => readonly Shape[]) | undefined;
}

export interface Signature {
  readonly inputs: readonly Operand[];
  /** Names of the inputs that the kernel replaces. */
  readonly updated: readonly string[];
  /** Outputs that are new arrays. */
  readonly fresh: readonly (Operand & { readonly shape: (attrs: unknown) => Shape })[];
}

function operands(named: Readonly<Record<string, unknown>>): Operand[] {
  return Object.entries(named).map(([name, shapes]) => (typeof shapes === "function"
    ? { name, shape: shapes as Operand["shape"], list: undefined }
    : { name, shape: undefined, list: (shapes as { list: Operand["list"] }).list }));
}

function signatureOf(kernel: KernelName): Signature {
  const { inputs, outputs } = kernelDefinition(kernel);
  const all = operands(outputs);
  return {
    inputs: operands(inputs),
    updated: all.filter(({ name }) => name in inputs).map(({ name }) => name),
    fresh: all.filter(({ name }) => !(name in inputs)) as Signature["fresh"],
  };
}

export const signatures = Object.fromEntries(kernelNames.map((name) => [name, signatureOf(name)])) as Readonly<Record<KernelName, Signature>>;
