/** Shape arithmetic: NumPy's rules for sizes, axes and broadcasting. Pure functions on arrays of integers. */
import { ShapeError } from "./errors.js";

/** Sizes of the axes, outermost first; [] is a scalar. */
export type Shape = readonly number[];

/** Number of elements: the product of the sizes; 1 for a scalar []. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (let i = 0; i < shape.length; i++) n *= shape[i];
  return n;
}

/** "[2, 3]" */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Whether two shapes have the same axes. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Throws a ShapeError unless a shape, or another list of numbers, is an array. */
export function checkList(op: string, what: string, list: readonly number[]): void {
  if (Array.isArray(list)) return;
  const advice = "pass     an array of numbers, such as [2, 3]";
  throw new ShapeError(`${op}: ${what} is no list`, [`${what.padEnd(8)} ${String(list)}`, advice]);
}

/** Throws a ShapeError unless the shape is a list and every size is an integer >= 0. */
export function checkShape(op: string, shape: Shape): void {
  checkList(op, "shape", shape);
  for (const side of shape) {
    if (!Number.isInteger(side) || side < 0) {
      throw new ShapeError(`${op}: sizes must be integers >= 0`, [`shape    ${formatShape(shape)}`]);
    }
  }
}

/** An axis counted from the front: axis in [-rank, rank), negative ones count from the end. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ShapeError(`${op}: axis ${axis} is out of range for a tensor of rank ${rank}`, [
      rank === 0 ? "a scalar has no axes" : `allowed  ${-rank} .. ${rank - 1}`,
    ]);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Sorted, distinct axes counted from the front; undefined means all axes. */
export function normalizeAxes(op: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : [...axes]).map((axis) => normalizeAxis(op, axis, rank));
  list.sort((a, b) => a - b);
  for (let i = 1; i < list.length; i++) {
    if (list[i] !== list[i - 1]) continue;
    throw new ShapeError(`${op}: axis ${list[i]} is named twice`, [`axes     [${[axes].flat().join(", ")}]`]);
  }
  return list;
}

/** NumPy broadcasting: sizes are aligned at the end, and each pair must be equal or hold a 1. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const p = a[a.length - i] ?? 1;
    const q = b[b.length - i] ?? 1;
    if (p !== q && p !== 1 && q !== 1) {
      throw new ShapeError(`${op}: shapes do not broadcast: ${p} against ${q} at axis ${-i}`, [
        `a        ${formatShape(a)}`,
        `b        ${formatShape(b)}`,
      ]);
    }
    out[rank - i] = p === 1 ? q : p;
  }
  return out;
}

/** [outer, axis, inner]: the canonical form of a shape seen from one axis. */
export function foldAxis(shape: Shape, axis: number): [outer: number, axis: number, inner: number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis], sizeOf(shape.slice(axis + 1))];
}

/** The shape with another size at an axis. */
export function withSide(shape: Shape, axis: number, side: number): number[] {
  return shape.map((old, i) => (i === axis ? side : old));
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}
