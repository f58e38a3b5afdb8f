import { multiply, sumTo, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join } from "../parameters/module.js";
import { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";
import type { Layer } from "./layer.js";

/** What the factors start at. */
export interface LayerScaleOptions {
  /** What every gamma starts as; default 1e-4, so that a residual branch behind it at first adds next to nothing. */
  readonly start?: number;
}

/** x [..., C]. */
export interface LayerScaleCache {
  /** [..., C] */
  x: Tensor;
}

/**
 * y = gamma x, a learned factor for each channel: x [..., C], gamma = weight [C], y [..., C].
 * Backward: dx = gamma dy; dgamma = the sum of x dy over all axes but the last.
 * Source: Touvron et al. (2021), Going deeper with image transformers, equation 4.
 */
export class LayerScale implements Layer<LayerScaleCache> {
  readonly weight: Parameter;

  constructor(readonly name: string, channels: number, { start = 1e-4 }: LayerScaleOptions = {}) {
    this.weight = new Parameter(join(name, "weight"), [channels], { kind: "vector", role: "scale", start });
  }

  get parameters(): Parameter[] {
    return [this.weight];
  }

  forward(x: Tensor): [y: Tensor, cache: LayerScaleCache] {
    return forwardAt(this, { x }, () => [multiply(x, this.weight.tensor), { x }]);
  }

  backward(dy: Tensor, cache: LayerScaleCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      grads.add(this.weight, sumTo(multiply(dy, cache.x), this.weight.shape));
      return multiply(dy, this.weight.tensor);
    });
  }
}
