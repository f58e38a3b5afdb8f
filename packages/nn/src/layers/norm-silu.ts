import { groupNormSilu, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { backwardAt, forwardAt } from "./enter.js";
import { GroupNorm, type GroupNormCache } from "./group-norm.js";

/** y = silu(groupNorm(x)), silu(z) = z sigmoid(z): one kernel where the device has it. The backward recomputes groupNorm(x). */
export class NormSilu extends GroupNorm {
  override forward(x: Tensor): [y: Tensor, cache: GroupNormCache] {
    return forwardAt(this, { x }, () => {
      const { groups, eps, weight, bias } = this;
      const { y, stats } = groupNormSilu.forwardWithStats(x, weight.tensor, bias.tensor, { groups, eps });
      return [y, { x, stats }];
    });
  }

  override backward(dy: Tensor, cache: GroupNormCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const { x, stats } = cache;
      const { groups, weight, bias } = this;
      const { dx, dgamma, dbeta } = groupNormSilu.backward(dy, x, stats, weight.tensor, bias.tensor, { groups });
      grads.add(bias, dbeta);
      grads.add(weight, dgamma);
      return dx;
    });
  }
}
