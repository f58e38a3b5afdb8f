/** Reductions over axes: all of them, one, or several; negative axes count from the end. */
import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import type { ReduceOp } from "../../kernels/contract.js";
import { foldAxis, formatShape, normalizeAxes, normalizeAxis, sizeOf, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { divide, subtract } from "./arithmetic.js";
import { foldBroadcast } from "../shared/broadcast.js";
import { full } from "./create.js";
import { checkCountable } from "../shared/indices.js";
import { reduceTo } from "../shared/reduce-to.js";
import { square } from "./unary.js";

/** `axes`: what to reduce, all unless set; `keepDims`: leave reduced axes in place with size 1. */
export interface ReduceOptions { axes?: number | readonly number[]; keepDims?: boolean }

/** y = sum of x over the axes; 0 over an empty axis. Throws ShapeError for an axis that is not there or is named twice. */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("sum", x, options);
}

/** y = (sum of x) / n over the n elements along the axes; NaN over an empty axis. Throws as `sum`. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const n = countAlong("mean", x, options);
  return x.device.scope(() => divideBy(sum(x, options), n));
}

/**
 * y = sum of (x - mean)^2 / (n - ddof) over the n elements along the axes: the population variance, or with ddof = 1 the unbiased
 * estimate. NaN over an empty axis. Throws as `sum`.
 */
export function variance(x: Tensor, options: ReduceOptions & { ddof?: number } = {}): Tensor {
  const n = countAlong("variance", x, options);
  return x.device.scope(() => {
    const deviation = subtract(x, mean(x, { ...options, keepDims: true }));
    return divideBy(sum(square(deviation), options), Math.max(0, n - (options.ddof ?? 0)));
  });
}

/** y = the largest element along the axes; NaN where there is one. Throws as `sum`, and ShapeError over an empty axis. */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("max", x, options);
}

/** y = the smallest element along the axes; NaN where there is one. Throws as `max`. */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce("min", x, options);
}

/**
 * y = the first position along `axis` at which the maximum stands, in the dtype of x; without an axis, the position in row-major
 * order. Throws ShapeError for an axis that is not there, is empty, or in f32 is longer than 2^24.
 */
export function argmax(x: Tensor, { axis, keepDims = false }: { axis?: number; keepDims?: boolean } = {}): Tensor {
  assertTensor("argmax", "x", x);
  const at = axis === undefined ? undefined : normalizeAxis("argmax", axis, x.rank);
  const [outer, length, inner] = at === undefined ? [1, x.size, 1] : foldAxis(x.shape, at);
  const shape = reducedShape(x.shape, at === undefined ? normalizeAxes("argmax", undefined, x.rank) : [at], keepDims);
  assertNotEmpty("argmax", x, length);
  checkCountable("argmax", length, x.dtype);
  return run("reduce", { x }, { op: "argmax", outer, axis: length, inner }, {}, { y: shape }).y;
}

function reduce(op: Exclude<ReduceOp, "argmax">, x: Tensor, { axes, keepDims = false }: ReduceOptions): Tensor {
  assertTensor(op, "x", x);
  const list = normalizeAxes(op, axes, x.rank);
  const shape = reducedShape(x.shape, list, keepDims);
  if (op !== "sum") assertNotEmpty(op, x, sizeOf(list.map((axis) => x.shape[axis])));
  return reduceTo(op, x, foldBroadcast(reducedShape(x.shape, list, true), x.shape, x.shape), shape);
}

/** The shape without the axes, or with size 1 in their place. */
function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  return keepDims ? shape.map((side, i) => (axes.includes(i) ? 1 : side)) : shape.filter((_, i) => !axes.includes(i));
}

/** Number of elements that each result is made of. */
function countAlong(op: string, x: Tensor, { axes }: ReduceOptions): number {
  assertTensor(op, "x", x);
  return sizeOf(normalizeAxes(op, axes, x.rank).map((axis) => x.shape[axis]));
}

/** total / n; NaN when n = 0, as 0 / 0 is. */
function divideBy(total: Tensor, n: number): Tensor {
  return n === 0 ? full(total.shape, NaN, total) : divide(total, n);
}

function assertNotEmpty(op: string, x: Tensor, length: number): void {
  if (length > 0) return;
  throw new ShapeError(`${op}: there is no ${op} of zero elements`, [`x        ${formatShape(x.shape)}`]);
}
