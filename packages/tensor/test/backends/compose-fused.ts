/** Fused kernels as compositions of the required ones: their definition, against which backends that have them are tested. */
import type { NumberArray } from "../../src/core/backend.js";
import {
  fusedKernels, kernels, type Attrs, type FusedKernelName, type GroupNormAttrs, type Inputs, type KernelTable,
} from "../../src/kernels/contract.js";
import { sizeOf, type Shape } from "../../src/core/shape.js";

type Compose<K extends FusedKernelName> =
  (y: NumberArray, inputs: Inputs<K, NumberArray>, attrs: Attrs<K>, table: KernelTable<NumberArray>) => void;

/** y = x + bias, one bias for each of the `columns` columns of y. */
function addBias(table: KernelTable<NumberArray>, y: NumberArray, x: NumberArray, bias: NumberArray, columns: number): void {
  const rows = y.length / columns;
  table.binary(y, { a: x, b: bias }, { op: "add", size: [1, rows, columns], a: [1, rows, columns], b: [1, 1, columns] }, {});
}

function room(shape: Shape): Float64Array {
  return new Float64Array(sizeOf(shape));
}

/** dz = dy silu'(z), z = groupNorm(x) */
function siluBackward(
  { dy, ...norm }: Inputs<"groupNormSiluGradInput", NumberArray>, attrs: GroupNormAttrs, table: KernelTable<NumberArray>,
): Float64Array {
  const z = new Float64Array(dy.length);
  table.groupNorm(z, norm, attrs, {});
  const dz = new Float64Array(dy.length);
  const size = [1, 1, dy.length] as const;
  table.binary(dz, { a: dy, b: z }, { op: "siluGrad", size, a: size, b: size }, {});
  return dz;
}

const compositions: { readonly [K in FusedKernelName]: Compose<K> } = {
  linear(y, { a, b, bias }, attrs, table) {
    const product = room(kernels.matmul.output(attrs));
    table.matmul(product, { a, b }, attrs, {});
    addBias(table, y, product, bias, attrs.n);
  },
  conv2dBias(y, { x, w, bias }, attrs, table) {
    const z = room(kernels.conv2d.output(attrs));
    table.conv2d(z, { x, w }, attrs, {});
    addBias(table, y, z, bias, attrs.cout);
  },
  groupNormSilu(y, inputs, attrs, table) {
    const z = room(kernels.groupNorm.output(attrs));
    table.groupNorm(z, inputs, attrs, {});
    table.unary(y, { x: z }, { n: z.length, op: "silu" }, {});
  },
  groupNormSiluGradInput(y, inputs, attrs, table) {
    const { x, stats, gamma } = inputs;
    table.groupNormGradInput(y, { dy: siluBackward(inputs, attrs, table), x, stats, gamma }, attrs, {});
  },
  groupNormSiluGradParams(y, inputs, attrs, table) {
    const { x, stats } = inputs;
    table.groupNormGradParams(y, { dy: siluBackward(inputs, attrs, table), x, stats }, attrs, {});
  },
};

/** The function (inputs, attrs) -> y that computes a fused kernel from the required kernels of `table`, in f64. */
export function composeFused<K extends FusedKernelName>(
  kernel: K, table: KernelTable<NumberArray>,
): (inputs: Inputs<K, NumberArray>, attrs: Attrs<K>) => Float64Array {
  return (inputs, attrs) => {
    const y = room(fusedKernels[kernel].output(attrs as never));
    compositions[kernel](y, inputs, attrs, table);
    return y;
  };
}
