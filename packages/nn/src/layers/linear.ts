import { linear, type Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join, type Module } from "../parameters/module.js";
import { Parameter } from "../parameters/parameter.js";
import { backwardAt, forwardAt } from "./enter.js";

/** Whether there is a bias, and how the weights start. */
export interface LinearOptions {
  /** Default true. */
  readonly bias?: boolean;
  /** The last projection of a residual branch: near zero in the paper's initialisation. */
  readonly closesBranch?: boolean;
  /** What every weight and bias starts as, whatever the scheme: 0 makes y = 0 at first. Unless given they are drawn. */
  readonly start?: number;
}

/** x [..., in]. */
export interface LinearCache {
  /** [..., in] */
  x: Tensor;
}

/** y = x w + b over the last axis: x [..., in], w [in, out], b [out], y [..., out]. */
export class Linear implements Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(readonly name: string, inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    const { bias = true, closesBranch = false, start } = options;
    const fan = { fanIn: inFeatures, fanOut: outFeatures, start };
    const shape = [inFeatures, outFeatures];
    this.weight = new Parameter(join(name, "weight"), shape, { kind: "linear", role: "weight", ...fan, closesBranch });
    this.bias = bias ? new Parameter(join(name, "bias"), [outFeatures], { kind: "vector", role: "bias", ...fan }) : undefined;
  }

  get parameters(): Parameter[] {
    return this.bias === undefined ? [this.weight] : [this.weight, this.bias];
  }

  forward(x: Tensor): [y: Tensor, cache: LinearCache] {
    return forwardAt(this, { x }, () => [linear.forward(x, this.weight.tensor, this.bias?.tensor), { x }]);
  }

  backward(dy: Tensor, cache: LinearCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => {
      const { x } = cache;
      if (this.bias === undefined) {
        grads.add(this.weight, linear.gradWeight(dy, x));
        return linear.gradInput(dy, this.weight.tensor);
      }
      const { dx, dw, db } = linear.backward(dy, x, this.weight.tensor);
      grads.add(this.bias, db);
      grads.add(this.weight, dw);
      return dx;
    });
  }
}
