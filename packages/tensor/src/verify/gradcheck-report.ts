/** What a gradient check found: numbers for each input, and the table that shows them. */
import { formatShape, sizeOf, stridesOf, type Shape } from "../core/shape.js";

/** One comparison: an element of an input, or in directional mode the slope along one direction. */
export interface Comparison { index: number; analytic: number; numeric: number; limit: number }

/** What was found of one input. */
export interface GradcheckInputReport {
  name: string;
  shape: Shape;
  pass: boolean;
  /** Number of elements, or directions, that were compared. */
  checked: number;
  /** Largest |analytic - numeric|. */
  maxAbs: number;
  /** Largest |analytic - numeric| / max(|analytic|, |numeric|): elements that are nearly 0 make it large without being wrong. */
  maxRel: number;
  /** ||analytic - numeric|| / max(||analytic||, ||numeric||). */
  normRel: number;
  /** Where the error is largest against its limit: position in the input (or number of the direction), both values, the limit. */
  worst: { index: readonly number[]; analytic: number; numeric: number; limit: number };
}

/** What a gradient check found, with the settings it was made with. */
export interface GradcheckReport {
  pass: boolean;
  mode: "full" | "directional";
  eps: number;
  rtol: number;
  atol: number;
  inputs: readonly GradcheckInputReport[];
}

/** @internal The report on one input. */
export function summarize(
  name: string, shape: Shape, mode: GradcheckReport["mode"], comparisons: readonly Comparison[],
): GradcheckInputReport {
  let worst = comparisons[0];
  let [maxAbs, maxRel, difference2, analytic2, numeric2] = [0, 0, 0, 0, 0];
  for (const c of comparisons) {
    const error = Math.abs(c.analytic - c.numeric);
    if (error / c.limit > Math.abs(worst.analytic - worst.numeric) / worst.limit) worst = c;
    maxAbs = Math.max(maxAbs, error);
    maxRel = Math.max(maxRel, ratio(error, Math.max(Math.abs(c.analytic), Math.abs(c.numeric))));
    difference2 += error ** 2;
    analytic2 += c.analytic ** 2;
    numeric2 += c.numeric ** 2;
  }
  return {
    name, shape, checked: comparisons.length, maxAbs, maxRel,
    pass: comparisons.every((c) => Math.abs(c.analytic - c.numeric) <= c.limit),
    normRel: ratio(Math.sqrt(difference2), Math.sqrt(Math.max(analytic2, numeric2))),
    worst: { ...worst, index: mode === "full" ? position(worst.index, shape) : [worst.index] },
  };
}

/** a / b, and 0 where both are 0. */
function ratio(a: number, b: number): number {
  return a === 0 ? 0 : a / b;
}

/** The coordinates of element i in row-major order. */
function position(i: number, shape: Shape): number[] {
  return stridesOf(shape).map((stride, axis) => Math.floor(i / stride) % shape[axis]);
}

/**
 * A table with a line an input: elements checked, largest absolute and relative error, relative error of the norm, and the worst
 * element with its analytic and numeric gradient.
 */
export function formatGradcheck(report: GradcheckReport): string {
  const head = ["input", "shape", "checked", "max abs", "max rel", "norm rel", "worst", "analytic", "numeric", ""];
  const rows = report.inputs.map(({ name, shape, checked, maxAbs, maxRel, normRel, worst, pass }) => [
    name, formatShape(shape), report.mode === "full" ? `${checked}/${sizeOf(shape)}` : `${checked} directions`,
    ...[maxAbs, maxRel, normRel].map((value) => value.toExponential(1)),
    formatShape(worst.index), worst.analytic.toPrecision(10), worst.numeric.toPrecision(10), pass ? "ok" : "WRONG",
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const lines = [head, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
  const { mode, eps, rtol, atol } = report;
  return [`gradcheck ${report.pass ? "passed" : "FAILED"}: ${mode}, eps ${eps}, rtol ${rtol}, atol ${atol}`, ...lines].join("\n");
}
