/** Update kernels: they replace the contents of arrays, whose transformed forms are forgotten. */
import type { Attrs, Inputs, KernelTable, Scalars } from "../../../kernels/contract.js";
import { AdamTensor, EmaTensor } from "../generated/bindings.js";
import type { Machine, Storage } from "../machine/machine.js";
import type { WeightCache } from "../machine/weight-cache.js";
import { listed } from "./lists.js";

type Names = "adam" | "adamEma" | "ema" | "assign";

export function updates(machine: Machine, cache: WeightCache): Required<Pick<KernelTable<Storage>, Names>> {
  const { bind } = machine;

  /** Adam, and where there are `targets`, the average that follows it. */
  function step(
    { p, m, v, g }: Inputs<"adam", Storage>, { sizes }: Attrs<"adam">,
    { lr, beta1, beta2, eps, correction1, correction2, weightDecay, gradScale }: Scalars<"adam">,
    targets?: readonly Storage[], decay = 0,
  ): void {
    listed(
      machine, AdamTensor, sizes,
      (i, first, n) => ({
        first, n, p: p[i].address, m: m[i].address, v: v[i].address, g: g[i].address, target: targets?.[i].address ?? 0,
      }),
      ({ list, count, total }) => bind.Adam({
        list, count, total, gradScale, beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, scale2: 1 / Math.sqrt(correction2), eps,
        rate: lr / correction1, keep: 1 - lr * weightDecay, decay, rest: 1 - decay,
      }).run(targets === undefined ? "adam" : "adamEma"),
    );
    for (const updated of [p, m, v, targets ?? []]) cache.forgetAll(updated);
  }

  return {
    adam: (_outputs, inputs, attrs, scalars) => step(inputs, attrs, scalars),

    adamEma: (_outputs, { target, ...inputs }, attrs, { decay, ...scalars }) => step(inputs, attrs, scalars, target, decay),

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
