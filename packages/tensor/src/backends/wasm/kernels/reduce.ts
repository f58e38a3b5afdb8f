/** Reductions of one axis. Sums: short runs in f32, their sums in f64. */
import type { KernelTable, ReduceOp } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";

/** Codes in assembly/move/reduce.ts. */
type Code = Exclude<ReduceOp, "argmax"> | "sumSquares";
const codes: readonly Code[] = ["sum", "sumSquares", "max", "min"];

/** Elements of x in a part: what one unit reduces, 64 KiB. */
const PART = 16384;

/**
 * y [outer, inner] from x [outer, axis, inner]. A long axis is cut into parts, fixed by the shape, whose results [outer, parts,
 * inner] are reduced in a second round.
 */
function reduceAxis(machine: Machine, op: Code, y: number, x: number, outer: number, axis: number, inner: number): void {
  const part = Math.min(axis, Math.max(1, Math.ceil(PART / inner)));
  const parts = Math.ceil(axis / part);
  const launch = (to: number): void => {
    machine.args([codes.indexOf(op), x, to, axis, inner, part]);
    machine.launch("reduce", outer * parts, Math.ceil(PART / (part * inner)));
  };
  if (parts === 1) return launch(y);
  machine.scratch(outer * parts * inner * 4, "results of parts of a reduction", (partial) => {
    launch(partial);
    reduceAxis(machine, op === "sumSquares" ? "sum" : op, y, partial, outer, parts, inner);
  });
}

export function reductions(machine: Machine): Pick<KernelTable<Storage>, "reduce" | "sumSquares"> {
  return {
    reduce(y, { x }, { outer, axis, inner, op }) {
      if (op !== "argmax") return reduceAxis(machine, op, y.address, x.address, outer, axis, inner);
      machine.args([0, x.address, y.address, axis, inner, axis]);
      machine.launch("argmax", outer * inner, Math.ceil(PART / axis));
    },
    sumSquares: (y, { x }, { n }) => reduceAxis(machine, "sumSquares", y.address, x.address, 1, n, 1),
  };
}
