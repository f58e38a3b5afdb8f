import { rmsNorm, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join } from "../parameters/module.js";
import { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";
import type { Layer } from "./layer.js";

/** x. */
export interface RmsNormCache {
  /** [..., C] */
  x: Tensor;
}

/**
 * RMS normalisation over the channels of every pixel: y = sqrt(C) g x / max(||x||, 1e-12), x and y [..., C], g [C], in files
 * [1, C, 1, 1] under the name `g`.
 * Source: Zhang and Sennrich (2019), equation 4, as lucidrains' U-Net has it.
 */
export class RmsNorm implements Layer<RmsNormCache> {
  readonly g: Parameter;

  constructor(readonly name: string, channels: number) {
    this.g = new Parameter(join(name, "g"), [channels], { kind: "channels", role: "norm-scale" });
  }

  get parameters(): Parameter[] {
    return [this.g];
  }

  forward(x: Tensor): [y: Tensor, cache: RmsNormCache] {
    return forwardAt(this, { x }, () => [rmsNorm.forward(x, this.g.tensor), { x }]);
  }

  backward(dy: Tensor, cache: RmsNormCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const { dx, dg } = rmsNorm.backward(dy, cache.x, this.g.tensor);
      grads.add(this.g, dg);
      return dx;
    });
  }
}
