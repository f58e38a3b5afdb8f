/** Attention and its gradients, each head in one pass over its keys: scores and weights never leave the workspaces. */
import type { KernelTable } from "../../../kernels/contract.js";
import type { Machine, Storage } from "../machine/machine.js";

export function attentions({ bind }: Machine): Required<Pick<KernelTable<Storage>, "attention" | "attentionGrad">> {
  return {
    attention: ({ y }, { q, k, v }, { n, heads, l, s, d }, { scale }) => bind.Attention({
      q: q.address, k: k.address, v: v.address, y: y.address, n, heads, l, s, d, scale,
    }).run("attention"),
    attentionGrad: ({ dq, dk, dv }, { dy, q, k, v }, { n, heads, l, s, d }, { scale }) => bind.Attention({
      q: q.address, k: k.address, v: v.address, dy: dy.address, dq: dq.address, dk: dk.address, dv: dv.address,
      n, heads, l, s, d, scale,
    }).run("attentionGrad"),
  };
}
