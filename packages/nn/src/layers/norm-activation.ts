import type { Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import type { Parameter } from "../parameters/parameter.js";
import { activations, type ActivationName } from "./activation.js";
import { backwardAt, forwardAt } from "./enter.js";
import { GroupNorm, type GroupNormCache, type GroupNormOptions } from "./group-norm.js";
import type { Layer } from "./layer.js";
import { NormSilu } from "./norm-silu.js";

/** Of the normalisation, and of the activation behind it. */
export interface NormActivationCache {
  /** Of x. */
  group: GroupNormCache;
  /** groupNorm(x), in its shape. */
  normalised: Tensor;
}

/** y = f(groupNorm(x)), f one of the activations. With silu `NormSilu` is the same with one kernel in place of two. */
export class NormActivation implements Layer<NormActivationCache> {
  private readonly norm: GroupNorm;

  constructor(readonly name: string, channels: number, options: GroupNormOptions, private readonly activation: ActivationName) {
    this.norm = new GroupNorm(name, channels, options);
  }

  get parameters(): Parameter[] {
    return this.norm.parameters;
  }

  forward(x: Tensor): [y: Tensor, cache: NormActivationCache] {
    return forwardAt(this, { x }, () => {
      const [normalised, group] = this.norm.forward(x);
      return [activations[this.activation].forward(normalised), { group, normalised }];
    });
  }

  backward(dy: Tensor, cache: NormActivationCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const dnormalised = activations[this.activation].backward(dy, cache.normalised);
      return this.norm.backward(dnormalised, cache.group, grads);
    });
  }
}

/** A normalisation with its activation; the cache is its own affair. */
export function normActivation(name: string, channels: number, options: GroupNormOptions, activation: ActivationName): Layer {
  return (activation === "silu" ? new NormSilu(name, channels, options) : new NormActivation(name, channels, options, activation)) as Layer;
}
