import type { Tensor } from "@fromnoise/tensor";
import { AdaLayerNorm, type AdaLayerNormCache } from "../../layers/ada-layer-norm.js";
import { backwardAt, forwardAt } from "../../layers/enter.js";
import { Linear, type LinearCache } from "../../layers/linear.js";
import { TimeProjection, type TimeProjectionCache } from "../../layers/time-projection.js";
import type { Grads } from "../../parameters/grads.js";
import { join, type Module } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";

/** Of the modulation, the normalisation and the linear layer. */
export interface FinalLayerCache {
  /** Of c [N, C]. */
  modulation: TimeProjectionCache;
  /** Of the tokens [N, L, C]. */
  norm: AdaLayerNormCache;
  linear: LinearCache;
}

/**
 * What makes patches of tokens: y = linear(norm(x, modulation(c))), x [N, L, C], c [N, C], y [N, L, values of a patch]. Modulation
 * and linear layer start as 0, and so does y. Source: Peebles and Xie (2023), section 3.2.
 */
export class FinalLayer implements Module {
  private readonly norm: AdaLayerNorm;
  private readonly linear: Linear;
  private readonly modulation: TimeProjection;

  constructor(readonly name: string, width: number, values: number) {
    this.norm = new AdaLayerNorm(join(name, "norm_final"), width);
    this.linear = new Linear(join(name, "linear"), width, values, { start: 0 });
    this.modulation = new TimeProjection(join(name, "adaLN_modulation.1"), width, 2 * width, { start: 0 });
  }

  get parameters(): Parameter[] {
    return [...this.linear.parameters, ...this.modulation.parameters];
  }

  forward(x: Tensor, c: Tensor): [y: Tensor, cache: FinalLayerCache] {
    return forwardAt(this, { x, c }, () => {
      const [t, modulation] = this.modulation.forward(c);
      const [h, norm] = this.norm.forward(x, t);
      const [y, linear] = this.linear.forward(h);
      return [y, { modulation, norm, linear }];
    });
  }

  backward(dy: Tensor, cache: FinalLayerCache, grads: Grads): { dx: Tensor; dc: Tensor } {
    return backwardAt(this, dy, cache, grads, () => {
      const dh = this.linear.backward(dy, cache.linear, grads);
      const { dx, dt } = this.norm.backward(dh, cache.norm, grads);
      return { dx, dc: this.modulation.backward(dt, cache.modulation, grads) };
    });
  }
}
