/**
 * Elementwise kernels: each element of y depends on one element of every input. The lists of operations are the source of their
 * types, of the codes in the assembly and of the test tables; an operation that a backend lacks is a compile error there.
 */
import { define, vector, type N } from "./definition.js";
import type { Shape } from "../core/shape.js";

/** Functions of x and of up to two numbers p and q, which are 0 where they are not named. */
export const unaryOps = [
  "negative", "abs", "sign", "square", "sqrt", "reciprocal", "exp", "log", "sin", "cos", "tanh", "erf",
  "sigmoid", "silu", "gelu",
  "affine",     // p x + q
  "clip",       // min(max(x, p), q); NaN stays NaN
  "over",       // x / p
  "raise",      // x^p
  "relu",       // max(x, 0); NaN stays NaN
  "leakyRelu",  // x > 0 ? x : p x
] as const;
export type UnaryOp = (typeof unaryOps)[number];

/**
 * Functions of a and b and of a number p, which is 0 where it is not named. Comparisons give 1 or 0; the gradients
 * take dy and x or y = f(x), and give dy f'(x).
 */
export const binaryOps = [
  "add", "subtract", "multiply", "divide", "power", "maximum", "minimum",
  "equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual",
  "siluGrad", "geluGrad", "reluGrad", "leakyReluGrad",  // of dy and x
  "tanhGrad", "sigmoidGrad",                            // of dy and y
] as const;
export type BinaryOp = (typeof binaryOps)[number];

export type Triple = readonly [outer: number, axis: number, inner: number];

/**
 * op(a, b) over [outer, axis, inner]; a and b have at each place the full size or 1. Canonical: neighbouring axes that both operands
 * fill, or the same one repeats, are one axis; axes of size 1 stand in front, as fillers.
 */
export interface BinaryAttrs { readonly op: BinaryOp; readonly size: Triple; readonly a: Triple; readonly b: Triple }

function binaryFlaw({ size, a, b }: BinaryAttrs): string | undefined {
  const axes = [0, 1, 2].filter((i) => size[i] !== 1);
  if (axes.some((i) => i < 3 - axes.length)) return "an axis of size 1 behind another";
  const fills = (i: number): string => `${a[i] === size[i]} ${b[i] === size[i]}`;
  const joins = axes.some((i) => i < 2 && axes.includes(i + 1) && fills(i) === fills(i + 1));
  return joins ? "neighbouring axes that broadcast alike" : undefined;
}

export const elementwise = {
  full: define<N>()({ equation: "y = value", inputs: {}, scalars: ["value"], outputs: { y: vector } }),
  unary: define<N & { readonly op: UnaryOp }>()({
    equation: "y = op(x; p, q)", inputs: { x: vector }, scalars: ["p", "q"], outputs: { y: vector },
  }),
  binary: define<BinaryAttrs>()({
    equation: "y = op(a, b; p), sizes 1 repeated",
    inputs: { a: ({ a }): Shape => a, b: ({ b }): Shape => b }, scalars: ["p"], outputs: { y: ({ size }): Shape => size },
    flaw: binaryFlaw,
  }),
  where: define<N>()({
    equation: "y = condition != 0 ? a : b",
    inputs: { condition: vector, a: vector, b: vector }, scalars: [], outputs: { y: vector },
  }),
} as const;
