/**
 * THE list of kernels: everything a device must be able to compute, over canonical shapes, each with its equation. One file a
 * family beside this one; here they meet, with the types of what a backend provides.
 *
 * Contract:
 *  - outputs have names; one that has the name of an input replaces that input's contents, all others are freshly allocated, never
 *    the same memory as an input; every size is >= 1;
 *  - an operand may be a list of tensors (optimisers, averages, norms); no tensor stands in a call twice;
 *  - attributes are static (sizes, groups, strides: part of a compile key), scalars may change from call to call;
 *  - shapes are canonical: ops fold N-d work into them (shared axes merged, size 1 as a filler only), so a backend sees neither rank
 *    nor broadcasting beyond what is said here; the strict backend of the tests asserts it (`flaw`).
 *
 * All arrays are row-major and channels-last.
 */
import type { AnyDefinition, AttrsOf, InputsOf, OutputsOf, ScalarsOf } from "./definition.js";
import { compositions, fusedKernels, type FusedKernelName, type FusedKernels } from "./fused.js";
import { requiredKernels, type RequiredKernelName, type RequiredKernels } from "./required.js";

export { shapesOf, type AnyDefinition, type AxisAttrs, type DType, type N, type Sizes } from "./definition.js";
export { binaryOps, unaryOps, type BinaryAttrs, type BinaryOp, type Triple, type UnaryOp } from "./elementwise.js";
export { reduceOps, type ReduceOp } from "./reduce.js";
export type { PermuteAttrs } from "./layout.js";
export { asMatmul, type LinearAttrs, type MatmulAttrs } from "./matmul.js";
export { convOutput, isProduct, type Conv2dAttrs } from "./conv2d.js";
export type { AttentionAttrs } from "./attention.js";
export type { GroupNormAttrs } from "./group-norm.js";
export type { RowsAttrs } from "./softmax.js";
export type { ResampleAttrs } from "./resample.js";
export { compositions, fusedKernels, type FusedKernelName } from "./fused.js";
export { requiredKernels, type RequiredKernelName, type Runner } from "./required.js";

/** All kernels by name. */
export const kernels = { ...requiredKernels, ...fusedKernels } as const;

type Kernels = RequiredKernels & FusedKernels;
/** A kernel by name. */
export type KernelName = keyof Kernels;
/** Names of all kernels. */
export const kernelNames = Object.keys(kernels) as readonly KernelName[];

export type Attrs<K extends KernelName> = AttrsOf<Kernels[K]>;
export type Inputs<K extends KernelName, T> = InputsOf<Kernels[K], T>;
export type Outputs<K extends KernelName, T> = OutputsOf<Kernels[K], T>;
export type Scalars<K extends KernelName> = ScalarsOf<Kernels[K]>;

/** How a backend computes kernel K: it fills the outputs, of which those that name inputs are those inputs. T is its storage. */
export type Kernel<K extends KernelName, T> = (outputs: Outputs<K, T>, inputs: Inputs<K, T>, attrs: Attrs<K>, scalars: Scalars<K>) => void;

/** Everything a backend provides: a missing kernel is a compile error where the table says `satisfies KernelTable<T>`. */
export type KernelTable<T> = { readonly [K in RequiredKernelName]: Kernel<K, T> } & { readonly [K in FusedKernelName]?: Kernel<K, T> };

/** A kernel seen without its types, for what runs over the whole list. */
export type LooseKernel<T> = (
  outputs: Readonly<Record<string, T | readonly T[]>>, inputs: Readonly<Record<string, T | readonly T[]>>,
  attrs: unknown, scalars: Readonly<Record<string, number>>,
) => void;

/** The definition of any kernel, for what runs over the whole list. */
export function kernelDefinition(name: KernelName): AnyDefinition {
  return kernels[name] as unknown as AnyDefinition;
}

/** Whether a device may leave the kernel to the composition that says what it means. */
export function isFused(kernel: KernelName): kernel is FusedKernelName {
  return kernel in compositions;
}

/** The names of the inputs whose contents a kernel replaces. */
export function updatedBy(kernel: KernelName): readonly string[] {
  const { inputs, outputs } = kernelDefinition(kernel);
  return Object.keys(outputs).filter((name) => name in inputs);
}

/** The name to use in messages: "exp" rather than "unary", where the attributes say which operation it is. */
export function operationName(kernel: KernelName, attrs: unknown): string {
  return (attrs as { op?: string }).op ?? kernel;
}

/** Floating-point operations of a call, 0 where they are not worth counting. */
export function flopsOf(kernel: KernelName, attrs: unknown): number {
  return kernelDefinition(kernel).flops?.(attrs as never) ?? 0;
}
