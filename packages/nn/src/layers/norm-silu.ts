import { at, groupNorm, groupNormSilu, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../grads.js";
import { GroupNorm, type GroupNormCache } from "./group-norm.js";

/** y = silu(groupNorm(x)), silu(z) = z sigmoid(z): one kernel where the device has it. The backward recomputes groupNorm(x). */
export class NormSilu extends GroupNorm {
  override forward(x: Tensor): [y: Tensor, cache: GroupNormCache] {
    return at(this.name, () => {
      const stats = groupNorm.stats(x, { groups: this.groups, eps: this.eps });
      return [groupNormSilu.forward(x, stats, this.weight.tensor, this.bias.tensor, { groups: this.groups }), { x, stats }];
    });
  }

  override backward(dy: Tensor, { x, stats }: GroupNormCache, grads: Grads): Tensor {
    return at(this.name, () => {
      const { groups, weight, bias } = this;
      const { dx, dgamma, dbeta } = groupNormSilu.backward(dy, x, stats, weight.tensor, bias.tensor, { groups });
      grads.add(bias, dbeta);
      grads.add(weight, dgamma);
      return dx;
    });
  }
}
