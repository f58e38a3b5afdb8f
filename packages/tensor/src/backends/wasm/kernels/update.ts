/** Update kernels: they replace the contents of their first inputs, and count the updates. */
import type { KernelTable } from "../../../kernels/contract.js";
import { GRAIN } from "./elementwise.js";
import type { Machine, Storage } from "../machine/machine.js";

function updated(...storages: Storage[]): void {
  for (const storage of storages) storage.version++;
}

export function updates(machine: Machine): Pick<KernelTable<Storage>, "adam" | "ema" | "assign"> {
  return {
    adam({ p, m, v, g }, { n }, { lr, beta1, beta2, eps, correction1, correction2, weightDecay, gradScale }) {
      machine.args([p.address, m.address, v.address, g.address], [
        gradScale, beta1, 1 - beta1, beta2, 1 - beta2, 1 / Math.sqrt(correction2), eps, lr / correction1, 1 - lr * weightDecay,
      ]);
      machine.launch("adam", n, GRAIN / 4);
      updated(p, m, v);
    },
    ema({ target, source }, { n }, { decay }) {
      machine.args([target.address, source.address], [decay, 1 - decay]);
      machine.launch("ema", n, GRAIN);
      updated(target);
    },
    assign({ target, source }, { n }) {
      machine.args([source.address, target.address, n, n, n, 1]);
      machine.launch("copyRows", n, GRAIN);
      updated(target);
    },
  };
}
