import type { Tensor } from "@fromnoise/tensor";
import type { Grads } from "../parameters/grads.js";
import { join, type Module } from "../parameters/module.js";
import type { Parameter } from "../parameters/parameter.js";
import { Conv2d, type Conv2dCache } from "./conv2d.js";
import { backwardAt, forwardAt } from "./enter.js";

/**
 * Halves the sides by a 3x3 convolution of stride 2: [N, H, W, C] -> [N, H/2, W/2, C]. `padding` 1 puts a zero on each side;
 * 0 puts one at the right and bottom only, as TensorFlow's SAME does in the paper's code.
 */
export class Downsample implements Module {
  private readonly conv: Conv2d;

  constructor(readonly name: string, channels: number, { padding = 1 }: { padding?: 0 | 1 } = {}) {
    this.conv = new Conv2d(join(name, "conv"), channels, channels, { stride: 2, padding: padding === 0 ? [0, 1, 0, 1] : 1 });
  }

  get parameters(): Parameter[] {
    return this.conv.parameters;
  }

  forward(x: Tensor): [y: Tensor, cache: Conv2dCache] {
    return forwardAt(this, { x }, () => this.conv.forward(x));
  }

  backward(dy: Tensor, cache: Conv2dCache, grads: Grads): Tensor {
    return backwardAt(this, dy, cache, grads, () => this.conv.backward(dy, cache, grads));
  }
}
