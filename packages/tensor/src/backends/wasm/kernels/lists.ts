/** Lists of tensors, as the kernels of assembly/lists.ts take them. */
import type { Machine, RowType } from "../machine/machine.js";

/** Where a list lies, its rows, and the elements of all its tensors. */
export interface ListPlace { readonly list: number; readonly count: number; readonly total: number }

/** Calls fn with a list of tensors of these sizes: row i is row(i, elements before it, its own elements). */
export function listed<Fields>(
  machine: Machine, type: RowType<Fields>, sizes: readonly number[], row: (i: number, first: number, n: number) => Fields,
  fn: (place: ListPlace) => void,
): void {
  let total = 0;
  machine.list(type, sizes.length, (i) => {
    const first = total;
    total += sizes[i];
    return row(i, first, sizes[i]);
  }, (list) => fn({ list, count: sizes.length, total }));
}
