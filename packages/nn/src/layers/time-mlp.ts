import { silu, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join, type Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";
import { Linear, type LinearCache } from "./linear.js";

/** Of both linear layers and of the activation between. */
export interface TimeMlpCache {
  /** Of the features [N, in]. */
  linear1: LinearCache;
  /** [N, out]: input of the SiLU. */
  hidden: Tensor;
  /** Of silu(hidden) [N, out]. */
  linear2: LinearCache;
}

/** temb = linear_2(silu(linear_1(features))): features [N, in] -> temb [N, out] (Ho et al. 2020, appendix B). */
export class TimeMlp implements Module {
  private readonly linear1: Linear;
  private readonly linear2: Linear;

  constructor(readonly name: string, inFeatures: number, outFeatures: number) {
    this.linear1 = new Linear(join(name, "linear_1"), inFeatures, outFeatures);
    this.linear2 = new Linear(join(name, "linear_2"), outFeatures, outFeatures);
  }

  get parameters(): Parameter[] {
    return [...this.linear1.parameters, ...this.linear2.parameters];
  }

  forward(features: Tensor): [temb: Tensor, cache: TimeMlpCache] {
    return forwardAt(this, { x: features }, () => {
      const [hidden, linear1] = this.linear1.forward(features);
      const [temb, linear2] = this.linear2.forward(silu.forward(hidden));
      return [temb, { linear1, hidden, linear2 }];
    });
  }

  backward(dtemb: Tensor, cache: TimeMlpCache, grads: Grads): Tensor {
    return backwardAt(this, dtemb, cache, grads, () => {
      const { linear1, hidden, linear2 } = cache;
      const da = this.linear2.backward(dtemb, linear2, grads);
      return this.linear1.backward(silu.backward(da, hidden), linear1, grads);
    });
  }
}
