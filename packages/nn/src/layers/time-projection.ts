import type { Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import type { Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { activations, type ActivationName } from "./activation.js";
import { backwardAt, forwardAt } from "./enter.js";
import { Linear, type LinearCache, type LinearOptions } from "./linear.js";

/** Of the linear layer, and the embedding before its activation. */
export interface TimeProjectionCache {
  /** [N, D] */
  temb: Tensor;
  /** Of f(temb) [N, D]. */
  linear: LinearCache;
}

/** t = linear(f(temb)), f SiLU or another activation: what a block makes of the time embedding, temb [N, D] -> t [N, C]. */
export class TimeProjection implements Module {
  private readonly linear: Linear;

  constructor(
    readonly name: string, embedding: number, channels: number, options: LinearOptions = {}, private readonly activation: ActivationName = "silu",
  ) {
    this.linear = new Linear(name, embedding, channels, options);
  }

  get parameters(): Parameter[] {
    return this.linear.parameters;
  }

  forward(temb: Tensor): [t: Tensor, cache: TimeProjectionCache] {
    return forwardAt(this, { x: temb }, () => {
      const [t, linear] = this.linear.forward(activations[this.activation].forward(temb));
      return [t, { temb, linear }];
    });
  }

  backward(dt: Tensor, cache: TimeProjectionCache, grads: Grads): Tensor {
    return backwardAt(this, dt, cache, grads, () => {
      const { temb, linear } = cache;
      return activations[this.activation].backward(this.linear.backward(dt, linear, grads), temb);
    });
  }
}
