/** What a kernel's definition says: named inputs and outputs with their shapes, static attributes, scalars, cost. */
import type { Shape } from "../core/shape.js";

/** Number types: IEEE 754 binary32 and binary64. */
export type DType = "f32" | "f64";

/** An operand that is a list of tensors, its shapes as a function of the attributes. */
export interface List<A> { readonly list: (attrs: A) => readonly Shape[] }

/** The shape of an operand, or the shapes of a list of them, as functions of the attributes. */
export type ShapesOf<A> = ((attrs: A) => Shape) | List<A>;

type Named<A> = Readonly<Record<string, ShapesOf<A>>>;

/** One kernel. An output that has the name of an input replaces the contents of that input; the others are new arrays. */
export interface Definition<A, I, O, S extends string> {
  /** What it computes; `fromnoise inspect --kernels` prints it. */
  readonly equation: string;
  readonly inputs: I;
  readonly outputs: O;
  /** Numbers that may change from call to call. */
  readonly scalars: readonly S[];
  /** Floating-point operations, where they are worth counting (a multiply-add counts 2). */
  readonly flops?: ((attrs: A) => number) | undefined;
  /** What is not canonical about attributes, in words; backends may count on attributes of which it says nothing. */
  readonly flaw?: ((attrs: A) => string | undefined) | undefined;
  /** For types only: never set. */
  readonly attrs?: A;
}

/** A definition seen without its types, for what runs over all kernels. */
export type AnyDefinition = Definition<never, Readonly<Record<string, ShapesOf<never>>>, Readonly<Record<string, ShapesOf<never>>>, string>;

/** `define<Attributes>()({ equation, inputs, outputs, scalars })`: the definition itself, its types inferred. */
export function define<A>(): Define<A> {
  return (definition) => definition;
}

type Define<A> = <const I extends Named<A>, const O extends Named<A>, S extends string = never>(
  definition: Definition<A, I, O, S>,
) => Definition<A, I, O, S>;

/** The operands of a definition, each a T or a list of them. */
export type Operands<D, T> = { readonly [name in keyof D]: D[name] extends (...args: never[]) => unknown ? T : readonly T[] };

export type AttrsOf<D> = D extends { readonly attrs?: infer A } ? NonNullable<A> : never;
export type InputsOf<D, T> = D extends { readonly inputs: infer I } ? Operands<I, T> : never;
export type OutputsOf<D, T> = D extends { readonly outputs: infer O } ? Operands<O, T> : never;
export type ScalarsOf<D> = D extends { readonly scalars: readonly (infer S extends string)[] } ? { readonly [name in S]: number } : never;

/** The shapes of an operand: one, or those of a list. */
export function shapesOf(operand: ShapesOf<never>, attrs: unknown): readonly Shape[] {
  return typeof operand === "function" ? [operand(attrs as never)] : operand.list(attrs as never);
}

/** A vector of n numbers: the canonical form of an array whose shape does not matter. */
export interface N { readonly n: number }
export const vector = ({ n }: N): Shape => [n];

/** Lists of tensors, by the number of elements of each. */
export interface Sizes { readonly sizes: readonly number[] }
export const vectors: List<Sizes> = { list: ({ sizes }) => sizes.map((n) => [n]) };

/** Sizes of an array seen from one axis: [outer, axis, inner]. */
export interface AxisAttrs { readonly outer: number; readonly axis: number; readonly inner: number }
export const outerAxisInner = ({ outer, axis, inner }: AxisAttrs): Shape => [outer, axis, inner];
