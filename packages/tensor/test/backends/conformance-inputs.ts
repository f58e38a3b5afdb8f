/**
 * Inputs and scalars for a case: the same for the same seed, inside the kernel's domain, and representable in f32, so that a
 * backend in f32 and the reference in f64 are asked the same question.
 */
import { kernelDefinition, type AnyKernelName, type BinaryOp, type UnaryOp } from "../../src/kernels/contract.js";
import { Random } from "../../src/random/random.js";
import { sizeOf } from "../../src/core/shape.js";
import { kernelShapes, reference } from "./run-reference.js";

/** n values of one input. */
type Values = (random: Random, n: number) => Float64Array;

/** Real numbers in [low, high). */
const uniform = (low: number, high: number): Values => (random, n) => random.uniform(n).map((u) => low + (high - low) * u);
/** Multiples of `step` in [low, high]: ties are common. */
const lattice = (low: number, high: number, step: number): Values => (random, n) =>
  Float64Array.from(random.integers(n, (high - low) / step + 1), (k) => low + step * k);
/** Numbers whose size is in [low, high), of both signs. */
const awayFromZero = (low: number, high: number): Values => (random, n) => {
  const signs = random.integers(n, 2);
  return uniform(low, high)(random, n).map((value, i) => (signs[i] === 0 ? value : -value));
};

const usual = uniform(-2, 2);

const unaryDomains: Readonly<Partial<Record<UnaryOp, Values>>> = {
  sign: lattice(-1, 1, 0.5),
  sqrt: uniform(0, 4),
  log: uniform(0.05, 4),
  reciprocal: awayFromZero(0.3, 4),
  exp: uniform(-4, 4), sin: uniform(-7, 7), cos: uniform(-7, 7), tanh: uniform(-4, 4), erf: uniform(-4, 4),
  sigmoid: uniform(-8, 8), silu: uniform(-8, 8), gelu: uniform(-6, 6),
};

const ties = lattice(-1, 1, 0.5);
const binaryDomains: Readonly<Partial<Record<BinaryOp, { a: Values; b: Values }>>> = {
  divide: { a: usual, b: awayFromZero(0.3, 3) },
  maximum: { a: ties, b: ties }, minimum: { a: ties, b: ties },
  equal: { a: ties, b: ties }, notEqual: { a: ties, b: ties }, less: { a: ties, b: ties },
  lessEqual: { a: ties, b: ties }, greater: { a: ties, b: ties }, greaterEqual: { a: ties, b: ties },
  siluGrad: { a: usual, b: uniform(-8, 8) },
  geluGrad: { a: usual, b: uniform(-6, 6) },
};

/** Negative bases have whole powers, positive ones any. */
const powers: readonly { a: Values; b: Values }[] = [
  { a: lattice(-2, 2, 0.5), b: lattice(0, 3, 1) },
  { a: uniform(0.2, 3), b: uniform(-3, 3) },
];

type LooseAttrs = Readonly<Record<string, number>> & { readonly op?: string };

function domain(kernel: AnyKernelName, name: string, attrs: LooseAttrs, seed: number): Values {
  if (name === "index") return lattice(0, attrs.axis - 1, 1);
  if (name === "condition") return lattice(-1, 1, 1);
  if (name === "v") return uniform(0, 1);
  if (kernel === "unary") return unaryDomains[attrs.op as UnaryOp] ?? usual;
  if (kernel === "binary" && attrs.op === "power") return powers[seed % 2][name as "a" | "b"];
  if (kernel === "binary") return binaryDomains[attrs.op as BinaryOp]?.[name as "a" | "b"] ?? usual;
  if (kernel === "reduce" && attrs.op !== "sum") return lattice(-3, 3, 0.25);
  if (kernel === "softmax" || kernel === "softmaxGrad") return uniform(-5, 5);
  if (kernel.startsWith("groupNorm") && name === "x") return uniform(-1.5, 2.5);
  return usual;
}

/** Inputs of a kernel by name: statistics belong to x, y of softmaxGrad is a softmax, indices are in range. */
export function makeInputs(kernel: AnyKernelName, attrs: unknown, seed: number): Record<string, Float64Array> {
  const random = new Random(seed);
  const inputs: Record<string, Float64Array> = {};
  for (const [name, shape] of Object.entries(kernelShapes(kernel, attrs).inputs)) {
    inputs[name] = domain(kernel, name, attrs as LooseAttrs, seed)(random, sizeOf(shape)).map(Math.fround);
  }
  if (kernel === "softmaxGrad") inputs.y = reference("softmax", { x: inputs.y }, attrs as never, {}).map(Math.fround);
  if (inputs.stats) inputs.stats = reference("groupNormStats", { x: inputs.x }, attrs as never, { eps: 1e-5 }).map(Math.fround);
  return inputs;
}

/** A third Adam step with large, distinct settings, so that each of them shows in the result. */
const fixedScalars: Readonly<Record<string, number>> = {
  value: 0.7, scale: -1.3, shift: 0.4, low: -0.6, high: 0.8, eps: 1e-5, decay: 0.8,
  lr: 0.5, beta1: 0.9, beta2: 0.99, correction1: 1 - 0.9 ** 3, correction2: 1 - 0.99 ** 3, weightDecay: 0.1, gradScale: 0.7,
};

/** Scalars of a kernel by name; the start of a slice is drawn from those that fit. */
export function makeScalars(kernel: AnyKernelName, attrs: unknown, seed: number): Record<string, number> {
  const scalars: Record<string, number> = {};
  for (const name of kernelDefinition(kernel).scalars) scalars[name] = Math.fround(fixedScalars[name]);
  if (kernel === "slice") {
    const { axis, size } = attrs as { axis: number; size: number };
    scalars.start = new Random(seed, 1).integers(1, axis - size + 1)[0];
  }
  return scalars;
}
