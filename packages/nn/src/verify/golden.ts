/** What all golden files of the format `fromnoise-golden-1` share: closed-form tensors and rows of errors. */
import { ConfigError, numberAt, objectAt, ownField, sizeOf, type DType, type Device } from "@fromnoise/tensor";
import { fileShape } from "../parameters/layout.js";
import type { Module } from "../parameters/module.js";
import { loadStateDict } from "../parameters/state-dict.js";

/** Coefficients of the closed-form tensors. */
export interface FillCoefficients { readonly phase: number; readonly step: number; readonly chirp: number }

/** The head of every golden file. */
export interface Golden { readonly format: string; readonly kind: string; readonly fill: FillCoefficients }

/** One comparison with a golden file: what, which number of it, and its error as the format defines it. */
export interface GoldenRow { readonly name: string; readonly quantity: string; readonly error: number }

/** Where to run. */
export interface VerifyOptions { readonly device: Device; readonly dtype: DType }

/** Element j = base + scale sin(phase (k + 1) + step j + chirp j j), j = 0 .. n - 1, in f64 and in this order. */
export function goldenFill(fill: FillCoefficients, n: number, k: number, scale: number, base: number): Float64Array {
  const { phase, step, chirp } = fill;
  const angle = (j: number): number => ((phase * (k + 1)) + (step * j)) + ((chirp * j) * j);
  return Float64Array.from({ length: n }, (_, j) => base + scale * Math.sin(angle(j)));
}

/** The coefficients of a file, checked. Throws ConfigError for one that is no number. */
export function goldenFillOf(fill: unknown): FillCoefficients {
  const at = (name: string): number => numberAt(ownField(objectAt(fill, "fill"), name), `fill.${name}`);
  return { phase: at("phase"), step: at("step"), chirp: at("chirp") };
}

/** Throws ConfigError unless the value is a golden file of the kind. */
export function checkGolden(golden: Pick<Golden, "format" | "kind">, kind: string): void {
  if (golden.format === "fromnoise-golden-1" && golden.kind === kind) return;
  throw new ConfigError(`not a golden file of kind ${kind}`, [
    `format   ${String(golden.format)}   expected fromnoise-golden-1`, `kind     ${String(golden.kind)}   expected ${kind}`,
  ]);
}

/**
 * Gives the module the parameters of a golden file, whose list of names is in the file's order: parameter k is
 * fill(k, 0.1, base), base 1 for normalisation weights, else 0. Throws CheckpointError when the names do not fit.
 */
export function loadGoldenParameters(module: Module, names: readonly string[], coefficients: FillCoefficients): void {
  const shapes = new Map(module.parameters.map((p) => [p.name, fileShape(p)]));
  loadStateDict(module, new Map(names.map((name, k) => {
    const shape = shapes.get(name) ?? [];
    const base = (name.includes("norm") && name.endsWith(".weight")) || name.endsWith(".g") ? 1 : 0;
    return [name, { shape, data: goldenFill(coefficients, sizeOf(shape), k, 0.1, base) }];
  })));
}

/** max |a - b| / max |b|, b the reference. */
export function relativeMax(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, largest] = [a.length === b.length ? 0 : Infinity, 0];
  for (let i = 0; i < b.length; i++) {
    difference = worse(difference, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
  }
  return difference / largest;
}

/** The larger error; NaN, which no comparison sees, is the worst. */
export function worse(a: number, b: number): number {
  return a >= b ? a : Number.isNaN(a) ? a : b;
}
