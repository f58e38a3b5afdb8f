/** Layout kernels: they move numbers and, but for scatterAdd, compute nothing. */
import type { KernelTable } from "../../../kernels/contract.js";
import { sizeOf, stridesOf } from "../../../core/shape.js";
import { PermutedAxis } from "../generated/bindings.js";
import type { Machine, Storage } from "../machine/machine.js";

type Names = "expand" | "permute" | "slice" | "pad" | "concat" | "gather" | "scatterAdd";

export function layout(machine: Machine): Pick<KernelTable<Storage>, Names> {
  const { bind } = machine;
  return {
    expand({ y }, { x }, { outer, axis, inner }) {
      if (inner === 1) return bind.RepeatElements({ x: x.address, y: y.address, rows: outer, length: axis }).run("repeatElements");
      bind.CopyRows({
        x: x.address, y: y.address, rows: outer * axis, length: inner, xStride: inner, yStride: inner, repeat: axis,
      }).run("copyRows");
    },

    permute({ y }, { x }, { shape, order }) {
      const last = order.length - 1;
      if (last === 1 || (last === 2 && order[0] === 0)) { // the last two axes change places
        const batch = last === 1 ? 1 : shape[0];
        return bind.Transpose({ x: x.address, y: y.address, batch, m: shape[last - 1], n: shape[last] }).run("transpose");
      }
      const strides = stridesOf(shape), length = shape[order[last]], stride = strides[order[last]], rows = sizeOf(shape) / length;
      machine.list(PermutedAxis, last, (i) => ({ size: shape[order[i]], stride: strides[order[i]] }), (list) =>
        bind.Permute({ x: x.address, y: y.address, list, axes: last, rows, length, stride }).run("permute"));
    },

    slice: ({ y }, { x }, { outer, axis, inner, size }, { start }) => bind.CopyRows({
      x: x.address + 4 * start * inner, y: y.address,
      rows: outer, length: size * inner, xStride: axis * inner, yStride: size * inner, repeat: 1,
    }).run("copyRows"),

    pad({ y }, { x }, { outer, axis, inner, before, after }, { value }) {
      const yStride = (before + axis + after) * inner, length = axis * inner;
      bind.Full({ y: y.address, n: outer * yStride, value }).run("full");
      bind.CopyRows({
        x: x.address, y: y.address + 4 * before * inner, rows: outer, length, xStride: length, yStride, repeat: 1,
      }).run("copyRows");
    },

    concat({ y }, { a, b }, { outer, axisA, axisB, inner }) {
      const lengthA = axisA * inner, lengthB = axisB * inner, yStride = lengthA + lengthB;
      bind.CopyRows({
        x: a.address, y: y.address, rows: outer, length: lengthA, xStride: lengthA, yStride, repeat: 1,
      }).run("copyRows");
      bind.CopyRows({
        x: b.address, y: y.address + 4 * lengthA, rows: outer, length: lengthB, xStride: lengthB, yStride, repeat: 1,
      }).run("copyRows");
    },

    gather: ({ y }, { x, index }, { outer, axis, inner, count }) =>
      bind.Gather({ x: x.address, index: index.address, y: y.address, outer, axis, inner, count }).run("gather"),

    scatterAdd: ({ y }, { x, index }, { outer, axis, inner, count }) =>
      bind.Gather({ x: x.address, index: index.address, y: y.address, outer, axis, inner, count }).run("scatterAdd"),
  };
}
