/**
 * Group normalisation, alone and fused with SiLU. Each image's pixels are cut into blocks, fixed by the shape; sums go from blocks
 * to images. Where images are shared out evenly, or are many, all rounds go image by image, while its pixels are in the cache: the
 * bits are the same either way.
 */
import type { GroupNormAttrs, Inputs, KernelTable, Outputs } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";

/** Images for each thread from which it does not matter how they are shared out. */
const MANY = 4;

type Names = "groupNormStats" | "groupNorm" | "groupNormGrad"
  | "groupNormWithStats" | "groupNormSilu" | "groupNormSiluWithStats" | "groupNormSiluGrad" | "adaGroupNormSilu" | "adaGroupNormSiluGrad";

export function groupNorms(machine: Machine): Required<Pick<KernelTable<Storage>, Names>> {
  const { bind, threads } = machine;
  const byImage = ({ n }: GroupNormAttrs): boolean => n % threads === 0 || n >= MANY * threads;

  function forward(
    { y }: Outputs<"groupNorm", Storage>, { x, stats, gamma, beta }: Inputs<"groupNorm", Storage>,
    { n, hw, c, groups }: GroupNormAttrs, silu: boolean,
  ): void {
    bind.GroupNorm({
      x: x.address, y: y.address, stats: stats.address, gamma: gamma.address, beta: beta.address, n, hw, c, groups, silu,
    }).run("groupNorm");
  }

  /** stats, and with them y. */
  function withStats(
    { y, stats }: Outputs<"groupNormWithStats", Storage>, { x, gamma, beta }: Inputs<"groupNormWithStats", Storage>,
    attrs: GroupNormAttrs, eps: number, silu: boolean, t?: Storage,
  ): void {
    const { n, hw, c, groups } = attrs;
    const norm = bind.GroupNorm({
      x: x.address, y: y.address, stats: stats.address, gamma: gamma.address, beta: beta.address, time: t?.address ?? 0,
      n, hw, c, groups, silu, eps,
    });
    machine.scratch(norm.sumsBytes(), "sums of group normalisation", (sums) => {
      norm.set({ sums });
      if (byImage(attrs)) return norm.run("groupNormImage");
      norm.run("groupNormSums");
      norm.run("groupNormStats");
      norm.run("groupNorm");
    });
  }

  function gradients(
    { dx, dgamma, dbeta }: Outputs<"groupNormGrad", Storage>, { dy, x, stats, gamma }: Inputs<"groupNormGrad", Storage>,
    attrs: GroupNormAttrs, beta?: Storage, time?: { readonly t: Storage; readonly dt: Storage },
  ): void {
    const { n, hw, c, groups } = attrs;
    const grad = bind.GroupNormGrad({
      dy: dy.address, x: x.address, stats: stats.address, gamma: gamma.address, beta: beta?.address ?? 0,
      time: time?.t.address ?? 0, dx: dx.address, dgamma: dgamma.address, dbeta: dbeta.address, dtime: time?.dt.address ?? 0,
      n, hw, c, groups, silu: beta !== undefined,
    });
    machine.scratch(grad.sumsBytes(), "sums of group normalisation's gradients", (sums) => {
      grad.set({ sums });
      if (byImage(attrs)) {
        grad.run("groupNormGradImage");
        grad.run("groupNormGradParams");
      } else {
        grad.run("groupNormGradSums");
        grad.run("groupNormGradTotals");
        grad.run("groupNormGradInput");
      }
    });
  }

  return {
    groupNormStats({ stats }, { x }, { n, hw, c, groups }, { eps }) {
      const norm = bind.GroupNorm({ x: x.address, stats: stats.address, n, hw, c, groups, eps });
      machine.scratch(norm.sumsBytes(), "sums of group normalisation", (sums) => {
        norm.set({ sums });
        norm.run("groupNormSums");
        norm.run("groupNormStats");
      });
    },
    groupNorm: (outputs, inputs, attrs) => forward(outputs, inputs, attrs, false),
    groupNormSilu: (outputs, inputs, attrs) => forward(outputs, inputs, attrs, true),
    groupNormWithStats: (outputs, inputs, attrs, { eps }) => withStats(outputs, inputs, attrs, eps, false),
    groupNormSiluWithStats: (outputs, inputs, attrs, { eps }) => withStats(outputs, inputs, attrs, eps, true),
    groupNormGrad: (outputs, inputs, attrs) => gradients(outputs, inputs, attrs),
    groupNormSiluGrad: (outputs, inputs, attrs) => gradients(outputs, inputs, attrs, inputs.beta),
    adaGroupNormSilu: (outputs, inputs, attrs, { eps }) => withStats(outputs, inputs, attrs, eps, true, inputs.t),
    adaGroupNormSiluGrad: (outputs, inputs, attrs) => gradients(outputs, inputs, attrs, inputs.beta, { t: inputs.t, dt: outputs.dt }),
  };
}
