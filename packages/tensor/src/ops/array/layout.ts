/** The same elements in another arrangement. A result may share memory with x (see `reshape`); `clone` makes a true copy. */
import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import { checkList, checkShape, formatShape, normalizeAxes, normalizeAxis, sizeOf, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { unary } from "../shared/unary.js";
import { gather } from "./gather.js";

/**
 * The elements of x in row-major order under another shape; one size may be -1 and is computed from the others.
 * Shares the storage of x. Throws ShapeError when the sizes do not fit.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  assertTensor("reshape", "x", x);
  checkList("reshape", "shape", shape);
  const open = shape.indexOf(-1);
  if (open < 0) {
    checkShape("reshape", shape);
    return x.device.reshape(x, shape);
  }
  const others = shape.filter((_, i) => i !== open);
  checkShape("reshape", others); // refuses a second -1
  const side = x.size / sizeOf(others);
  if (!Number.isInteger(side)) {
    throw new ShapeError("reshape: no whole number fits in the place of -1", [
      `x        ${formatShape(x.shape)}`, `shape    ${formatShape(shape)}`,
    ]);
  }
  return x.device.reshape(x, shape.map((size, i) => (i === open ? side : size)));
}

/** Axis j of y is axis order[j] of x, as NumPy's transpose. Throws ShapeError unless `order` names every axis once. */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  assertTensor("permute", "x", x);
  checkList("permute", "order", order);
  const axes = order.map((axis) => normalizeAxis("permute", axis, x.rank));
  if (normalizeAxes("permute", order, x.rank).length !== x.rank) {
    throw new ShapeError(`permute: the order names ${order.length} of ${x.rank} axes`, [
      `x        ${formatShape(x.shape)}`, `order    ${formatShape(order)}`,
    ]);
  }
  const shape = axes.map((axis) => x.shape[axis]);
  const folded = foldPermute(x.shape, axes);
  if (folded.order.length <= 1) return x.device.reshape(x, shape);
  return run("permute", { x }, folded, {}, { y: shape }).y;
}

/** Exchanges two axes, the last two unless set. Throws ShapeError for an axis that is not there. */
export function transpose(x: Tensor, axisA = -2, axisB = -1): Tensor {
  assertTensor("transpose", "x", x);
  const a = normalizeAxis("transpose", axisA, x.rank);
  const b = normalizeAxis("transpose", axisB, x.rank);
  return permute(x, x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis)));
}

/** A new axis of size 1 at position `axis` of the result. Throws ShapeError when it is not in -(rank + 1) .. rank. */
export function expandDims(x: Tensor, axis: number): Tensor {
  assertTensor("expandDims", "x", x);
  const at = normalizeAxis("expandDims", axis, x.rank + 1);
  return x.device.reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Without the axes of size 1, or without those listed. Throws ShapeError when a listed axis has another size. */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  assertTensor("squeeze", "x", x);
  const ones = x.shape.flatMap((side, axis) => (side === 1 ? [axis] : []));
  const list = axes === undefined ? ones : normalizeAxes("squeeze", axes, x.rank);
  const wrong = list.find((axis) => x.shape[axis] !== 1);
  if (wrong !== undefined) {
    throw new ShapeError(`squeeze: axis ${wrong} has size ${x.shape[wrong]}, not 1`, [`x        ${formatShape(x.shape)}`]);
  }
  return x.device.reshape(x, x.shape.filter((_, axis) => !list.includes(axis)));
}

/** y[..., i, ...] = x[..., n - 1 - i, ...] along `axis` of size n. Throws ShapeError for an axis that is not there. */
export function flip(x: Tensor, axis: number): Tensor {
  assertTensor("flip", "x", x);
  const size = x.shape[normalizeAxis("flip", axis, x.rank)];
  return gather(x, Int32Array.from({ length: size }, (_, i) => size - 1 - i), axis);
}

/** A copy of x in memory of its own. */
export function clone(x: Tensor): Tensor {
  assertTensor("clone", "x", x);
  return unary("affine", x, 1, -0); // -0 + -0 = -0
}

/** A permutation without axes of size 1, and with axes that stay side by side made one. */
function foldPermute(shape: Shape, axes: readonly number[]): { shape: number[]; order: number[] } {
  const runs: number[][] = [];
  let previous = -1;
  for (const axis of axes.filter((a) => shape[a] !== 1)) {
    const follows = runs.length > 0 && axis > previous && shape.slice(previous + 1, axis).every((side) => side === 1);
    if (follows) runs[runs.length - 1].push(axis);
    else runs.push([axis]);
    previous = axis;
  }
  const sorted = [...runs].sort((p, q) => p[0] - q[0]);
  return {
    shape: sorted.map((group) => sizeOf(group.map((axis) => shape[axis]))),
    order: runs.map((group) => sorted.indexOf(group)),
  };
}
