/** Nearest upsampling and sum pooling by a whole factor: each is the adjoint of the other. */
import type { KernelTable } from "../../../kernels/contract.js";
import { rowGrain } from "./layout.js";
import type { Machine, Storage } from "../machine/machine.js";

export function resampling(machine: Machine): Pick<KernelTable<Storage>, "upsampleNearest" | "sumPool"> {
  return {
    upsampleNearest(y, { x }, { n, h, w, c, scale }) {
      machine.args([x.address, y.address, h, w, c, scale]);
      machine.launch("upsampleNearest", n * h, rowGrain(w * c * scale * scale));
    },
    sumPool(y, { x }, { n, h, w, c, scale }) {
      machine.args([x.address, y.address, h, w, c, scale]);
      machine.launch("sumPool", n * h / scale, rowGrain(w * c * scale));
    },
  };
}
