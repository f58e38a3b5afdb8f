/** Elementwise kernels: each output element depends on one element of every input. */
import type { BinaryAttrs, BinaryOp, KernelTable, Triple, UnaryOp } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";

/** Elements in a chunk of a kernel that does a few operations for each: 128 KiB, some 10 to 20 microseconds. */
export const GRAIN = 32768;
/** The same for kernels with an exponential for each element. */
const HEAVY_GRAIN = 8192;

/** The places in these lists are the codes in assembly/elementwise/elementwise.ts and assembly/binary.ts. */
const unaryOps: readonly UnaryOp[] = [
  "negative", "abs", "sign", "square", "sqrt", "reciprocal", "exp", "log", "sin", "cos", "tanh", "erf", "sigmoid", "silu", "gelu",
];
const binaryOps: readonly BinaryOp[] = [
  "add", "subtract", "multiply", "divide", "power", "maximum", "minimum",
  "equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual", "siluGrad", "geluGrad",
];
const light: ReadonlySet<string> = new Set<UnaryOp>(["negative", "abs", "sign", "square"]);

type Names = "full" | "unary" | "affine" | "clip" | "binary" | "where";

export function elementwise(machine: Machine): Pick<KernelTable<Storage>, Names> {
  return {
    full(y, _inputs, { n }, { value }) {
      machine.args([y.address], [value]);
      machine.launch("full", n, GRAIN);
    },

    unary(y, { x }, { n, op }) {
      machine.args([unaryOps.indexOf(op), x.address, y.address]);
      machine.launch("unary", n, light.has(op) ? GRAIN : HEAVY_GRAIN);
    },

    affine(y, { x }, { n }, { scale, shift }) {
      machine.args([x.address, y.address], [scale, shift]);
      machine.launch("affine", n, GRAIN);
    },

    clip(y, { x }, { n }, { low, high }) {
      machine.args([x.address, y.address], [low, high]);
      machine.launch("clip", n, GRAIN);
    },

    where(y, { condition, a, b }, { n }) {
      machine.args([condition.address, a.address, b.address, y.address]);
      machine.launch("where", n, GRAIN);
    },

    binary(y, { a, b }, attrs) {
      const { size: [outer, axis, inner], a: sizeA, b: sizeB } = mergeAxes(attrs);
      const addresses = [binaryOps.indexOf(attrs.op), a.address, b.address, y.address];
      machine.args([...addresses, axis, inner, ...broadcastStrides(sizeA), ...broadcastStrides(sizeB)]);
      const rows = outer * axis;
      const grain = attrs.op.endsWith("Grad") || attrs.op === "power" ? HEAVY_GRAIN : GRAIN;
      machine.launch("binary", rows * inner, rows === 1 ? grain : Math.ceil(grain / inner) * inner, 32);
    },
  };
}

/** Strides in floats, 0 where an axis of size 1 is repeated. */
function broadcastStrides([outer, axis, inner]: Triple): Triple {
  return [outer === 1 ? 0 : axis * inner, axis === 1 ? 0 : inner, inner === 1 ? 0 : 1];
}

/** Makes rows as long as can be: neighbouring axes that both operands fill, or both repeat, become one. */
function mergeAxes({ size, a, b }: BinaryAttrs): Readonly<Record<"size" | "a" | "b", Triple>> {
  const axes: { size: number; a: boolean; b: boolean }[] = [];
  for (let i = 0; i < 3; i++) {
    if (size[i] === 1) continue;
    const axis = { size: size[i], a: a[i] !== 1, b: b[i] !== 1 };
    const last = axes.at(-1);
    if (last !== undefined && last.a === axis.a && last.b === axis.b) last.size *= axis.size;
    else axes.push(axis);
  }
  while (axes.length < 3) axes.unshift({ size: 1, a: true, b: true });
  const sides = (fills: (axis: typeof axes[0]) => boolean): Triple =>
    axes.map((axis) => (fills(axis) ? axis.size : 1)) as unknown as Triple;
  return { size: sides(() => true), a: sides((axis) => axis.a), b: sides((axis) => axis.b) };
}
