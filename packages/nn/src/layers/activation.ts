import { gelu, mish, relu, silu, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import type { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";
import type { Layer } from "./layer.js";

/** The activations by name. */
export const activations = { silu, gelu, relu, mish } as const;
/** An activation by name. */
export type ActivationName = keyof typeof activations;

/** x. */
export interface ActivationCache {
  /** Any shape. */
  x: Tensor;
}

/** y = f(x), elementwise, f one of the activations; no parameters. */
export class Activation implements Layer<ActivationCache> {
  readonly parameters: readonly Parameter[] = [];

  constructor(readonly name: string, readonly activation: ActivationName = "silu") {}

  forward(x: Tensor): [y: Tensor, cache: ActivationCache] {
    return forwardAt(this, { x }, () => [activations[this.activation].forward(x), { x }]);
  }

  backward(dy: Tensor, cache: ActivationCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => activations[this.activation].backward(dy, cache.x));
  }
}
