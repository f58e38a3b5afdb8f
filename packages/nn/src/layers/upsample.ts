import type { Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join, type Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { Conv2d, type Conv2dCache } from "./conv2d.js";
import { backwardAt, forwardAt } from "./enter.js";
import { double } from "./resample.js";

/** Doubles the sides: every pixel twice in each direction, then a 3x3 convolution, [N, H, W, C] -> [N, 2H, 2W, C]. */
export class Upsample implements Module {
  private readonly conv: Conv2d;

  constructor(readonly name: string, channels: number) {
    this.conv = new Conv2d(join(name, "conv"), channels, channels);
  }

  get parameters(): Parameter[] {
    return this.conv.parameters;
  }

  forward(x: Tensor): [y: Tensor, cache: Conv2dCache] {
    return forwardAt(this, { x }, () => this.conv.forward(double.forward(x)));
  }

  backward(dy: Tensor, cache: Conv2dCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => double.backward(this.conv.backward(dy, cache, grads)));
  }
}
