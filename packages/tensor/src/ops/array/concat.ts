/**
 * y = x_1, x_2, ... one after the other along an axis; shapes agree in all other axes.
 * Backward: each dx_i is the part of dy that x_i filled.
 */
import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import { assertTensors } from "../../core/expect-tensor.js";
import { foldAxis, formatShape, normalizeAxis, sameShape, withSide } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { expandDims } from "./layout.js";
import { split } from "./slice.js";

function forward(tensors: readonly Tensor[], axis = 0): Tensor {
  const first = firstOf("concat", tensors);
  const at = normalizeAxis("concat", axis, first.rank);
  const others = withSide(first.shape, at, 0);
  if (tensors.some((x) => x.rank !== first.rank || !sameShape(withSide(x.shape, at, 0), others))) {
    throw new ShapeError(`concat: shapes may differ in axis ${at} only`, tensors.map(shapeLine));
  }
  const filled = tensors.filter((x) => x.shape[at] > 0);
  return first.device.scope(() => join(filled.length > 0 ? filled : [first], at));
}

function backward(dy: Tensor, sizes: readonly number[], axis = 0): Tensor[] {
  return split(dy, sizes, axis);
}

/** Halves the list down to pairs, so that every element is copied log2(count) times. */
function join(tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length === 1) return tensors[0].device.reshape(tensors[0], tensors[0].shape);
  if (tensors.length > 2) {
    const half = Math.ceil(tensors.length / 2);
    return join([join(tensors.slice(0, half), axis), join(tensors.slice(half), axis)], axis);
  }
  const [a, b] = tensors;
  const [outer, axisA, inner] = foldAxis(a.shape, axis);
  const axisB = b.shape[axis];
  return run("concat", { a, b }, { outer, axisA, axisB, inner }, {}, { y: withSide(a.shape, axis, axisA + axisB) }).y;
}

/**
 * Joins tensors along `axis` (0 unless set): [.., s_1 + s_2 + ..., ..]. Throws ShapeError when the list is empty or the shapes
 * differ in another axis, DeviceError on a mix of devices or dtypes. `concat.backward(dy, sizes, axis)` gives the list of dx.
 */
export const concat = Object.assign(forward, { forward, backward });

/** Joins tensors of one shape along a new axis: y[..., i, ...] = x_i. Throws as `concat`. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const first = firstOf("stack", tensors);
  if (tensors.some((x) => !sameShape(x.shape, first.shape))) {
    throw new ShapeError("stack: shapes differ", tensors.map(shapeLine));
  }
  const at = normalizeAxis("stack", axis, first.rank + 1);
  return first.device.scope(() => forward(tensors.map((x) => expandDims(x, at)), at));
}

function shapeLine(x: Tensor, i: number): string {
  return `${`tensor ${i}`.padEnd(8)} ${formatShape(x.shape)}`;
}

function firstOf(op: string, tensors: readonly Tensor[]): Tensor {
  assertTensors(op, tensors);
  if (tensors.length === 0) throw new ShapeError(`${op}: the list of tensors is empty`);
  return tensors[0];
}
