/** Layout kernels: they move numbers and, but for scatterAdd, compute nothing. */
import { DeviceError } from "../../../core/errors.js";
import type { KernelTable } from "../../../kernels/contract.js";
import { formatShape, stridesOf, type Shape } from "../../../core/shape.js";
import { GRAIN } from "./elementwise.js";
import type { Machine, Storage } from "../machine/machine.js";

/** Axes that assembly/move/permute.ts takes, and columns in a unit of scatterAdd in assembly/move/copy.ts. */
const PERMUTE_AXES = 8;
const SCATTER_COLUMNS = 64;

/**
 * `rows` rows of `length` floats from x to y (addresses), rows of each so many floats apart; a row of x serves `repeat` rows of
 * y.
 */
interface Copy { rows: number; length: number; x: number; xStride: number; y: number; yStride: number; repeat?: number }

function copyRows(machine: Machine, { rows, length, x, xStride, y, yStride, repeat = 1 }: Copy): void {
  machine.args([x, y, length, xStride, yStride, repeat]);
  machine.launch("copyRows", rows * length, GRAIN);
}

/** Rows in a chunk, for kernels whose unit is a row of `length` elements. */
export function rowGrain(length: number): number {
  return Math.ceil(GRAIN / length);
}

type Names = "expand" | "permute" | "slice" | "pad" | "concat" | "gather" | "scatterAdd";

export function layout(machine: Machine): Pick<KernelTable<Storage>, Names> {
  return {
    expand(y, { x }, { outer, axis, inner }) {
      if (inner > 1) {
        const rows = outer * axis;
        const ends = { x: x.address, xStride: inner, y: y.address, yStride: inner };
        return copyRows(machine, { rows, length: inner, ...ends, repeat: axis });
      }
      machine.args([x.address, y.address, axis]);
      machine.launch("repeatElements", outer, rowGrain(axis));
    },

    permute(y, { x }, { shape, order }) {
      const { sizes, strides } = mergedAxes(shape, order);
      if (sizes.length > PERMUTE_AXES) {
        throw new DeviceError(`wasm: permute moves ${sizes.length} axes, ${PERMUTE_AXES} at most`, [
          `x        ${formatShape(shape)}`, `order    [${order.join(", ")}]`,
        ]);
      }
      const transposed = asTranspose(sizes, strides);
      if (transposed !== undefined) {
        const { batch, m, n } = transposed;
        machine.args([x.address, y.address, m, n]);
        return machine.launch("transpose", batch * Math.ceil(n / 4), rowGrain(4 * m));
      }
      const front = Array.from({ length: PERMUTE_AXES - sizes.length }, () => 1);
      machine.args([x.address, y.address, ...front, ...sizes, ...front, ...strides]);
      const length = sizes[sizes.length - 1];
      machine.launch("permute", sizes.reduce((a, b) => a * b) / length, rowGrain(length), 4 * PERMUTE_AXES);
    },

    slice(y, { x }, { outer, axis, inner, size }, { start }) {
      copyRows(machine, {
        rows: outer, length: size * inner,
        x: x.address + 4 * start * inner, xStride: axis * inner, y: y.address, yStride: size * inner,
      });
    },

    pad(y, { x }, { outer, axis, inner, before, after }, { value }) {
      const yStride = (before + axis + after) * inner;
      machine.args([y.address], [value]);
      machine.launch("full", outer * yStride, GRAIN);
      const length = axis * inner;
      copyRows(machine, { rows: outer, length, x: x.address, xStride: length, y: y.address + 4 * before * inner, yStride });
    },

    concat(y, { a, b }, { outer, axisA, axisB, inner }) {
      const lengthA = axisA * inner;
      const lengthB = axisB * inner;
      const yStride = lengthA + lengthB;
      copyRows(machine, { rows: outer, length: lengthA, x: a.address, xStride: lengthA, y: y.address, yStride });
      copyRows(machine, { rows: outer, length: lengthB, x: b.address, xStride: lengthB, y: y.address + 4 * lengthA, yStride });
    },

    gather(y, { x, index }, { outer, axis, inner, count }) {
      machine.args([x.address, index.address, y.address, axis, inner, count]);
      machine.launch("gather", outer * count, rowGrain(inner));
    },

    scatterAdd(y, { x, index }, { outer, axis, inner, count }) {
      machine.args([x.address, index.address, y.address, axis, inner, count]);
      machine.launch("scatterAdd", outer * Math.ceil(inner / SCATTER_COLUMNS), rowGrain(SCATTER_COLUMNS * (axis + count)));
    },
  };
}

/** The axes of y with their strides in x, without those of size 1, neighbours that stay neighbours made one. */
function mergedAxes(shape: Shape, order: readonly number[]): { sizes: number[]; strides: number[] } {
  const strideOf = stridesOf(shape);
  const sizes: number[] = [];
  const strides: number[] = [];
  for (const axis of order) {
    const last = sizes.length - 1;
    if (shape[axis] === 1) continue;
    if (last >= 0 && strides[last] === shape[axis] * strideOf[axis]) {
      sizes[last] *= shape[axis];
      strides[last] = strideOf[axis];
    } else {
      sizes.push(shape[axis]);
      strides.push(strideOf[axis]);
    }
  }
  return sizes.length === 0 ? { sizes: [1], strides: [1] } : { sizes, strides };
}

/** [batch, m, n] where the last two axes of x change places and the others stay. */
function asTranspose(sizes: readonly number[], strides: readonly number[]): { batch: number; m: number; n: number } | undefined {
  const [n, m] = sizes.slice(-2);
  const [strideN, strideM] = strides.slice(-2);
  if (sizes.length < 2 || sizes.length > 3 || strideN !== 1 || strideM !== n) return undefined;
  if (sizes.length === 3 && strides[0] !== m * n) return undefined;
  return { batch: sizes.length === 3 ? sizes[0] : 1, m, n };
}
