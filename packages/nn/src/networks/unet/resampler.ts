import type { Random, Tensor } from "@fromnoise/tensor";
import type { Layer } from "../../layers/layer.js";
import type { Grads } from "../../parameters/grads.js";
import type { Module } from "../../parameters/module.js";
import type { Parameter } from "../../parameters/parameter.js";

/**
 * The step that ends a level: x [N, H, W, C] -> y [N, H', W', C], sides halved or doubled. A ResBlock that resamples is one; a
 * convolution becomes one by `Untimed`.
 */
export interface Resampler<C = unknown> extends Module {
  forward(x: Tensor, temb: Tensor, random?: Random): [y: Tensor, cache: C];
  /** dtemb is undefined where the step does not read the time. */
  backward(dy: Tensor, cache: C, grads: Grads): { dx: Tensor; dtemb: Tensor | undefined };
}

/** A layer in the place of a resampler: it does not read the time. */
export class Untimed<C> implements Resampler<C> {
  constructor(private readonly layer: Layer<C>) {}

  get name(): string {
    return this.layer.name;
  }

  get parameters(): readonly Parameter[] {
    return this.layer.parameters;
  }

  forward(x: Tensor): [y: Tensor, cache: C] {
    return this.layer.forward(x);
  }

  backward(dy: Tensor, cache: C, grads: Grads): { dx: Tensor; dtemb: undefined } {
    return { dx: this.layer.backward(dy, cache, grads), dtemb: undefined };
  }
}
