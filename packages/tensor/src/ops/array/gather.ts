/**
 * y[o, j, i] = x[o, indices[j], i]: rows of x by their number, in any order and any number of times.
 * Backward: dx[o, a, i] = sum over j with indices[j] = a of dy[o, j, i].
 */
import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import { foldAxis, formatShape, normalizeAxis, sizeOf, withSide } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { full } from "./create.js";
import { checkCountable, checkIndices, type Indices } from "../shared/indices.js";

function forward(x: Tensor, indices: Indices, axis = 0): Tensor {
  assertTensor("gather", "x", x);
  const at = normalizeAxis("gather", axis, x.rank);
  const [outer, side, inner] = foldAxis(x.shape, at);
  return x.device.scope(() => {
    const index = indexTensor(x, indices, side, at);
    const count = indices.length;
    return run("gather", { x, index }, { outer, axis: side, inner, count }, {}, { y: withSide(x.shape, at, count) }).y;
  });
}

/** dy [.., count, ..] to dx [.., axisSize, ..]. */
function backward(dy: Tensor, indices: Indices, axis: number, axisSize: number): Tensor {
  assertTensor("gather.backward", "dy", dy);
  const at = normalizeAxis("gather.backward", axis, dy.rank);
  const [outer, count, inner] = foldAxis(dy.shape, at);
  if (count !== indices.length) {
    throw new ShapeError(`gather.backward: ${indices.length} indices for axis ${at} of size ${count}`, [
      `dy       ${formatShape(dy.shape)}`,
    ]);
  }
  const shape = withSide(dy.shape, at, axisSize);
  if (dy.size === 0 && sizeOf(shape) > 0) return full(shape, 0, dy);
  return dy.device.scope(() => {
    const index = indexTensor(dy, indices, axisSize, at);
    return run("scatterAdd", { x: dy, index }, { outer, axis: axisSize, inner, count }, {}, { y: shape }).y;
  });
}

function indexTensor(like: Tensor, indices: Indices, size: number, axis: number): Tensor {
  checkIndices("gather", indices, size, `axis ${axis} of size ${size}`);
  checkCountable("gather", size, like.dtype);
  return like.device.upload(Float64Array.from(indices), [indices.length], like.dtype);
}

/**
 * Takes x[.., indices[j], ..] along `axis` (0 unless set): [.., count, ..]; NumPy's take. Throws ShapeError for an axis that is
 * not there and for an index that is not an integer in 0 .. size - 1 (negative ones too).
 * `gather.backward(dy, indices, axis, axisSize)` gives dx.
 */
export const gather = Object.assign(forward, { forward, backward });
