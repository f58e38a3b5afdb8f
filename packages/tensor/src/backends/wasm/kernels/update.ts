/** Update kernels: they replace the contents of arrays, whose transformed forms are forgotten. */
import type { KernelTable } from "../../../kernels/contract.js";
import { AdamTensor, EmaTensor } from "../generated/bindings.js";
import type { Machine, Storage } from "../machine/machine.js";
import type { WeightCache } from "../machine/weight-cache.js";
import { listed } from "./lists.js";

export function updates(machine: Machine, cache: WeightCache): Pick<KernelTable<Storage>, "adam" | "ema" | "assign"> {
  const { bind } = machine;
  return {
    adam(outputs, { p, m, v, g }, { sizes }, { lr, beta1, beta2, eps, correction1, correction2, weightDecay, gradScale }) {
      listed(
        machine, AdamTensor, sizes,
        (i, first, n) => ({ first, n, p: p[i].address, m: m[i].address, v: v[i].address, g: g[i].address }),
        ({ list, count, total }) => bind.Adam({
          list, count, total, gradScale, beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, scale2: 1 / Math.sqrt(correction2), eps,
          rate: lr / correction1, keep: 1 - lr * weightDecay,
        }).run("adam"),
      );
      for (const updated of [outputs.p, outputs.m, outputs.v]) cache.forgetAll(updated);
    },

    ema(outputs, { target, source }, { sizes }, { decay }) {
      listed(
        machine, EmaTensor, sizes, (i, first, n) => ({ first, n, target: target[i].address, source: source[i].address }),
        ({ list, count, total }) => bind.Ema({ list, count, total, decay, rest: 1 - decay }).run("ema"),
      );
      cache.forgetAll(outputs.target);
    },

    assign({ target }, { source }, { n }) {
      bind.CopyRows({
        x: source.address, y: target.address, rows: 1, length: n, xStride: n, yStride: n, repeat: 1,
      }).run("copyRows");
      cache.forget(target);
    },
  };
}
