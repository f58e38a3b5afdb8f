import { at, silu, type Tensor } from "@fromnoise/tensor";
import { checkBackward } from "./check-backward.js";
import type { Grads } from "../parameters/grads.js";
import type { Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { Linear, type LinearCache } from "./linear.js";

export interface TimeProjectionCache { temb: Tensor; linear: LinearCache }

/** t = linear(silu(temb)): what a ResBlock makes of the time embedding, temb [N, D] -> t [N, C]. */
export class TimeProjection implements Module {
  private readonly linear: Linear;

  constructor(readonly name: string, embedding: number, channels: number) {
    this.linear = new Linear(name, embedding, channels);
  }

  get parameters(): Parameter[] {
    return this.linear.parameters;
  }

  forward(temb: Tensor): [t: Tensor, cache: TimeProjectionCache] {
    const a = at(this.name, () => silu.forward(temb));
    const [t, linear] = this.linear.forward(a);
    return [t, { temb, linear }];
  }

  backward(dt: Tensor, cache: TimeProjectionCache, grads: Grads): Tensor {
    checkBackward(this, dt, cache, grads);
    const { temb, linear } = cache;
    const da = this.linear.backward(dt, linear, grads);
    return at(this.name, () => silu.backward(da, temb));
  }
}
