/** Reductions of one axis, and sums of squares. Sums: short runs in f32, their sums in f64. */
import { reduceOps, type KernelTable, type ReduceOp } from "../../../kernels/contract.js";
import { SquaresTensor } from "../generated/bindings.js";
import type { Machine, Storage } from "../machine/machine.js";
import { codesOf } from "./codes.js";
import { listed } from "./lists.js";

const codes = codesOf(reduceOps);

/**
 * y [outer, inner] from x [outer, axis, inner], y and x addresses. A long axis is cut into parts, whose results [outer, parts,
 * inner] are reduced in a second round.
 */
export function reduceAxis(machine: Machine, op: ReduceOp, y: number, x: number, outer: number, axis: number, inner: number): void {
  const reduction = machine.bind.Reduce({ op: codes[op], x, y, outer, axis, inner });
  const parts = reduction.parts();
  if (parts === 1) return reduction.run("reduce");
  machine.scratch(outer * parts * inner * 4, "results of parts of a reduction", (partial) => {
    reduction.set({ y: partial });
    reduction.run("reduce");
    reduceAxis(machine, op, y, partial, outer, parts, inner);
  });
}

export function reductions(machine: Machine): Pick<KernelTable<Storage>, "reduce" | "sumSquares"> {
  return {
    reduce: ({ y }, { x }, { outer, axis, inner, op }) => reduceAxis(machine, op, y.address, x.address, outer, axis, inner),

    sumSquares: ({ y }, { x }, { sizes }) =>
      listed(machine, SquaresTensor, sizes, (i, first, n) => ({ first, n, x: x[i].address }), ({ list, count, total }) => {
        const squares = machine.bind.SumSquares({ list, count, total, y: y.address });
        machine.scratch(squares.bytes(), "partial sums of squares", (partials) => {
          squares.set({ partials });
          squares.run("sumSquares");
          squares.run("sumSquaresTotal");
        });
      }),
  };
}
