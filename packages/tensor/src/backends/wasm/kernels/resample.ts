/** Nearest upsampling and sum pooling by a whole factor: each is the adjoint of the other. */
import type { KernelTable } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";

export function resampling({ bind }: Machine): Pick<KernelTable<Storage>, "upsampleNearest" | "sumPool"> {
  return {
    upsampleNearest: ({ y }, { x }, { n, h, w, c, scale }) =>
      bind.Resample({ x: x.address, y: y.address, n, h, w, c, scale }).run("upsampleNearest"),
    sumPool: ({ y }, { x }, { n, h, w, c, scale }) =>
      bind.Resample({ x: x.address, y: y.address, n, h, w, c, scale }).run("sumPool"),
  };
}
