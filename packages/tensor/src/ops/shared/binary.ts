import { run } from "../../core/device.js";
import { ShapeError } from "../../core/errors.js";
import { assertTensor } from "../../core/expect-tensor.js";
import type { BinaryOp, Triple } from "../../kernels/contract.js";
import { broadcastShapes, sameShape, sizeOf, type Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { expandGroups, foldBroadcast, mergeGroups, type Group } from "./broadcast.js";
import { full } from "../array/create.js";

/** What a broadcasting operation takes: tensors of one device and dtype, or numbers, which take the other's. */
export type Operand = Tensor | number;

/**
 * y = op(a, b; p) with NumPy broadcasting. Throws ShapeError when the shapes do not broadcast, DeviceError when devices or dtypes
 * differ. Up to three groups of axes are one kernel; with more, operands are repeated first until three are left.
 */
export function binary(op: BinaryOp, a: Operand, b: Operand, p = 0): Tensor {
  if (typeof a === "number" || typeof b === "number") return withNumber(op, a, b);
  assertOperand(op, "a", a);
  assertOperand(op, "b", b);
  if (sameShape(a.shape, b.shape)) return neighbours(op, a, b, p);
  const shape = broadcastShapes(op, a.shape, b.shape);
  const groups = foldBroadcast(a.shape, b.shape, shape);
  if (groups.length <= 3) return runBinary(op, a, b, groups, shape, p);
  return a.device.scope(() => runBinary(op, ...repeatUntilThree(a, b, groups), shape, p));
}

function withNumber(op: BinaryOp, a: Operand, b: Operand): Tensor {
  const like = typeof a === "number" ? b : a;
  if (typeof like === "number") {
    throw new ShapeError(`${op}: one operand must be a tensor`, [`a        ${String(a)}`, `b        ${String(b)}`]);
  }
  assertOperand(op, like === a ? "a" : "b", like);
  return like.device.scope(() => binary(op, asTensor(a, like), asTensor(b, like)));
}

/** Throws ConfigError unless an operand that is no number is a tensor. */
export function assertOperand(op: string, name: string, operand: unknown): asserts operand is Tensor {
  assertTensor(op, name, operand, "neither a tensor nor a number");
}

/** A number as a scalar tensor beside `like`. */
export function asTensor(a: Operand, like: Tensor): Tensor {
  return typeof a === "number" ? full([], a, { device: like.device, dtype: like.dtype }) : a;
}

/** Shapes that are equal need no folding: what most calls are, and small ones would wait for. */
function neighbours(op: BinaryOp, a: Tensor, b: Tensor, p: number): Tensor {
  const size: Triple = [1, 1, a.size];
  return run("binary", { a, b }, { op, size, a: size, b: size }, { p }, { y: a.shape }).y;
}

function runBinary(op: BinaryOp, a: Tensor, b: Tensor, groups: readonly Group[], shape: Shape, p: number): Tensor {
  const attrs = { op, size: triple(groups, "size"), a: triple(groups, "a"), b: triple(groups, "b") };
  return run("binary", { a, b }, attrs, { p }, { y: shape }).y;
}

/** Sizes of at most three groups as [outer, axis, inner], filled with ones at the front. */
function triple(groups: readonly Group[], of: keyof Group): Triple {
  return [1, 1, 1, ...groups.map((group) => group[of])].slice(-3) as unknown as Triple;
}

/** Repeats an operand along a group, always the one that stays smallest, until three groups are left. */
function repeatUntilThree(a: Tensor, b: Tensor, groups: Group[]): [a: Tensor, b: Tensor, groups: Group[]] {
  const sizeAfter = (g: Group): number => (g.a !== g.size ? a.size * g.size : g.b !== g.size ? b.size * g.size : Infinity);
  while (groups.length > 3) {
    const i = groups.map(sizeAfter).reduce((best, cost, at, costs) => (cost < costs[best] ? at : best), 0);
    const { size } = groups[i];
    if (groups[i].a !== size) a = expandGroups(a, groups, [i], [sizeOf([a.size, size])]);
    else b = expandGroups(b, groups.map((g) => ({ ...g, a: g.b })), [i], [sizeOf([b.size, size])]);
    groups = mergeGroups(groups.map((group, j) => (j === i ? { size, a: size, b: size } : group)));
  }
  return [a, b, groups];
}
