/**
 * y = A B with A = a or its transpose, B = b or its transpose, for each matrix of a batch.
 * Backward: dA = dy B^T, dB = A^T dy; where a was transposed da = dA^T = B dy^T, likewise db = dB^T = dy^T A; each is summed over
 * the batch axes along which its input was repeated.
 */
import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import { broadcastShapes, formatShape, sameShape, sizeOf, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { broadcastTo, sumTo } from "../shared/broadcast.js";
import { full } from "./create.js";

/** Whether the last two axes of an operand change places first. */
export interface MatmulOptions { transposeA?: boolean; transposeB?: boolean }

/** Sizes of a product. A vector a counts as [1, k], a vector b as [k, 1], and their axis of size 1 is not in the result. */
interface Sizes { batch: Shape; m: number; k: number; n: number; y: Shape; transposeA: boolean; transposeB: boolean }

function forward(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { batch, m, k, n, y, transposeA, transposeB } = sizesOf(a, b, options);
  if (k === 0 && sizeOf(y) > 0) return full(y, 0, a);
  if (b.rank <= 2 && !transposeA) { // one b for all: the rows of all matrices of a are one matrix
    return run("matmul", { a, b }, { batch: 1, m: sizeOf(batch) * m, k, n, transposeA, transposeB }, {}, { y }).y;
  }
  return a.device.scope(() => {
    const repeatedA = repeat(a, batch);
    const repeatedB = repeat(b, batch);
    return run("matmul", { a: repeatedA, b: repeatedB }, { batch: sizeOf(batch), m, k, n, transposeA, transposeB }, {}, { y }).y;
  });
}

function backward(dy: Tensor, a: Tensor, b: Tensor, options: MatmulOptions = {}): { da: Tensor; db: Tensor } {
  assertTensor("matmul.backward", "dy", dy);
  const { batch, m, k, n, y, transposeA, transposeB } = sizesOf(a, b, options);
  if (dy.size !== sizeOf(y)) {
    throw new ShapeError("matmul.backward: dy does not fit", [`dy       ${formatShape(dy.shape)}   expected ${formatShape(y)}`]);
  }
  return dy.device.scope(() => {
    const rows = b.rank <= 2 && !transposeA; // as in forward: one product over the rows of all matrices
    const over = rows ? [] : batch;
    const mats = rows ? sizeOf(batch) * m : m;
    const y2 = as(dy, [...over, mats, n]);
    const a2 = as(a, rows ? [mats, k] : a.rank === 1 ? [1, k] : a.shape);
    const b2 = as(b, b.rank === 1 ? [k, 1] : b.shape);
    const da = transposeA
      ? forward(b2, y2, { transposeA: transposeB, transposeB: true })
      : forward(y2, b2, { transposeB: !transposeB });
    const db = transposeB
      ? forward(y2, a2, { transposeA: true, transposeB: transposeA })
      : forward(a2, y2, { transposeA: !transposeA });
    return { da: as(sumOver(da, a2.shape), a.shape), db: as(sumOver(db, b2.shape), b.shape) };
  });
}

/** x, a matrix or a batch of them, repeated to the batch sizes. */
function repeat(x: Tensor, batch: Shape): Tensor {
  const shape = [...batch, ...matrixOf(x)];
  return x.size === sizeOf(shape) ? x : broadcastTo(x, shape);
}

/** The adjoint of `repeat`. */
function sumOver(dx: Tensor, shape: Shape): Tensor {
  return sameShape(dx.shape, shape) ? dx : sumTo(dx, shape);
}

function as(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : x.device.reshape(x, shape);
}

/** The last two sizes; a vector stands for its only axis, and only ever alone. */
function matrixOf(x: Tensor): Shape {
  return x.shape.slice(-2);
}

function sizesOf(a: Tensor, b: Tensor, options: MatmulOptions): Sizes {
  assertTensor("matmul", "a", a);
  assertTensor("matmul", "b", b);
  if (a.rank === 0 || b.rank === 0) throw new ShapeError("matmul: a scalar is no matrix", values(a, b));
  const transposeA = a.rank > 1 && (options.transposeA ?? false);
  const transposeB = b.rank > 1 && (options.transposeB ?? false);
  const [m, k] = transposeA ? [...matrixOf(a)].reverse() : a.rank === 1 ? [1, a.size] : matrixOf(a);
  const [rows, n] = transposeB ? [...matrixOf(b)].reverse() : b.rank === 1 ? [b.size, 1] : matrixOf(b);
  if (k !== rows) throw new ShapeError(`matmul: A has ${k} columns, B has ${rows} rows`, values(a, b, transposeA, transposeB));
  const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  const y = [...batch, ...(a.rank === 1 ? [] : [m]), ...(b.rank === 1 ? [] : [n])];
  return { batch, m, k, n, y, transposeA, transposeB };
}

function values(a: Tensor, b: Tensor, transposeA = false, transposeB = false): string[] {
  const mark = (transposed: boolean): string => (transposed ? "   transposed" : "");
  return [`a        ${formatShape(a.shape)}${mark(transposeA)}`, `b        ${formatShape(b.shape)}${mark(transposeB)}`];
}

/**
 * The matrix product of a [..., m, k] (or [..., k, m] with transposeA) and b [..., k, n] (or [..., n, k]): [..., m, n]. Batch
 * axes broadcast, a vector counts as one row of A or one column of B, as in NumPy. Throws ShapeError for scalars and for sizes
 * that do not fit. `matmul.backward(dy, a, b, options)` gives {da, db}.
 */
export const matmul = Object.assign(forward, { forward, backward });
