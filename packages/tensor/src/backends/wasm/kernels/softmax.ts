/** Softmax over rows [rows, n] and its backward. */
import type { KernelTable } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";

export function softmaxes({ bind }: Machine): Pick<KernelTable<Storage>, "softmax" | "softmaxGrad"> {
  return {
    softmax: ({ y }, { x }, { rows, n }) => bind.Softmax({ x: x.address, y: y.address, rows, n }).run("softmax"),
    softmaxGrad: ({ dx }, { dy, y }, { rows, n }) =>
      bind.Softmax({ x: dy.address, s: y.address, y: dx.address, rows, n }).run("softmaxGrad"),
  };
}
