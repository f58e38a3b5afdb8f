/** Softmax over rows [rows, n] and its backward. */
import type { KernelTable } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";

/** Elements in a chunk, and bytes of workspace (assembly/norm/softmax.ts). */
const GRAIN = 8192;
const WORKSPACE = 256;

export function softmaxes(machine: Machine): Pick<KernelTable<Storage>, "softmax" | "softmaxGrad"> {
  return {
    softmax(y, { x }, { rows, n }) {
      machine.args([x.address, 0, y.address, n]);
      machine.launch("softmax", rows, Math.ceil(GRAIN / n), WORKSPACE);
    },
    softmaxGrad(dx, { dy, y }, { rows, n }) {
      machine.args([dy.address, y.address, dx.address, n]);
      machine.launch("softmaxGrad", rows, Math.ceil(GRAIN / n), WORKSPACE);
    },
  };
}
